"""The damage detector on ONNX Runtime."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from services.ml_inference.vision import DAMAGE_TYPES, Detection, TargetedImage
from services.ml_inference.vision.boxes import Boxes, decoded
from services.ml_inference.vision.cropping import Placement, cropped
from services.ml_inference.vision.net import Net
from services.ml_inference.vision.registry import ModelEntry


class OnnxDetector:
    """A Detector of one weights file."""

    def __init__(self, net: Net, entry: ModelEntry) -> None:
        self._net, self._entry = net, entry
        self.identity = entry.identity

    def detect(self, images: Sequence[TargetedImage]) -> list[list[Detection]]:
        """The damages on the target roof of each picture, surest first; none is no evidence, not a sound roof."""
        if not images:
            return []
        crops = [cropped(image, self._entry.input) for image in images]
        (answers,) = self._net.run([pixels for pixels, _ in crops])
        return [
            self._reported(decoded(answer), placed, image)
            for answer, (_, placed), image in zip(answers, crops, images, strict=True)
        ]

    def _reported(self, found: Boxes, placed: Placement, image: TargetedImage) -> list[Detection]:
        rows, columns = image.image.pixels.shape[:2]
        corners = placed.to_picture(found.corners.reshape(-1, 2, 2)) / (columns, rows)
        shares = np.clip(corners, 0.0, 1.0).reshape(-1, 4)
        detections = []
        for share, score, number in zip(shares, found.scores, found.classes, strict=True):
            damage = DAMAGE_TYPES[number]
            confidence = worth(float(score), *self._entry.confidence[damage.value])
            if confidence >= self._entry.thresholds[damage.value] and (share[2:] > share[:2]).all():
                left, top, right, bottom = (float(value) for value in share)
                detections.append(Detection(damage, confidence, (left, top, right, bottom)))
        return sorted(detections, key=lambda each: -each.confidence)


def worth(score: float, slope: float, offset: float) -> float:
    """A raw score as the probability that the box is right."""
    safe = min(max(score, 1e-6), 1 - 1e-6)
    level = slope * math.log(safe / (1 - safe)) + offset
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, level))))
