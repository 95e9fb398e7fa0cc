"""The roof and damage segmentor on ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from services.ml_inference.vision import Segmentation, TargetedImage
from services.ml_inference.vision.classifier import kind_of
from services.ml_inference.vision.cropping import Placement, cropped
from services.ml_inference.vision.net import Net
from services.ml_inference.vision.registry import ModelEntry

BACKGROUND, ROOF, DAMAGE = 0, 1, 2
LEAST_SHARE: Final = 0.004
"""A smaller part of the window is no roof."""


class OnnxSegmentor:
    """A Segmentor of one weights file."""

    def __init__(self, net: Net, entry: ModelEntry) -> None:
        self._net, self._entry = net, entry
        self.identity = entry.identity

    def segment(self, images: Sequence[TargetedImage]) -> list[Segmentation]:
        """One answer a picture, in their order."""
        if not images:
            return []
        crops = [cropped(image, self._entry.input) for image in images]
        (answers,) = self._net.run([pixels for pixels, _ in crops])
        return [
            self._answer(scores, placed, image)
            for scores, (_, placed), image in zip(answers, crops, images, strict=True)
        ]

    def _answer(self, scores: NDArray[Any], placed: Placement, image: TargetedImage) -> Segmentation:
        left, top, right, bottom = placed.inner
        inner = scores[:, top:bottom, left:right]
        raised = np.exp((inner - inner.max(axis=0)) / self._entry.temperatures[kind_of(image.image)])
        background = raised[BACKGROUND] / raised.sum(axis=0)
        roof = one_roof(background < 0.5)
        damage = roof & (inner[DAMAGE] > np.maximum(inner[BACKGROUND], inner[ROOF]))
        sure = float(1 - background[roof].mean(dtype=np.float64)) if roof.any() else 0.0
        return Segmentation(placed.window.fractions(image.image.pixels), roof, damage, sure)


def one_roof(roof: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest piece alone; nothing where even that is too small for a roof."""
    count, pieces, boxes, _ = cv2.connectedComponentsWithStats(roof.astype(np.uint8), connectivity=4)
    if count < 2:
        return np.zeros_like(roof)
    largest = 1 + int(boxes[1:, cv2.CC_STAT_AREA].argmax())
    if boxes[largest, cv2.CC_STAT_AREA] < LEAST_SHARE * roof.size:
        return np.zeros_like(roof)
    return np.asarray(pieces == largest)
