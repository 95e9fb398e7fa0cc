"""The condition classifier on ONNX Runtime."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from services.ml_inference.models import RoofImage
from services.ml_inference.vision import ConditionScores, TargetedImage
from services.ml_inference.vision.cropping import cropped
from services.ml_inference.vision.net import Net
from services.ml_inference.vision.registry import ModelEntry
from shared.schemas.enums import ViewAngle

FINE, COARSE, STREET = "fine", "coarse", "street"
FINE_M: Final = 0.22
"""From above, up to this many metres a pixel, single shingles' wear shows; beyond only its mean does."""


class OnnxClassifier:
    """A Classifier of one weights file."""

    def __init__(self, net: Net, entry: ModelEntry) -> None:
        self._net, self._entry = net, entry
        self.identity = entry.identity

    def classify(self, images: Sequence[TargetedImage]) -> list[ConditionScores]:
        """One answer a picture, in their order."""
        if not images:
            return []
        scores, distances = self._net.run([cropped(image, self._entry.input)[0] for image in images])
        return [
            self._answer(kind_of(image.image), score, float(distance))
            for image, score, distance in zip(images, scores, distances, strict=True)
        ]

    def _answer(self, kind: str, score: NDArray[Any], distance: float) -> ConditionScores:
        limit = self._entry.familiarity_limits.get(kind, math.inf)
        return ConditionScores(softmax(score / self._entry.temperatures[kind]), distance, distance <= limit)


def kind_of(image: RoofImage) -> str:
    """What kind of evidence a picture is: each is calibrated for itself."""
    if image.angle is not ViewAngle.OVERHEAD:
        return STREET
    return FINE if image.detail_m <= FINE_M else COARSE


def softmax(scores: NDArray[Any], axis: int = -1) -> NDArray[np.float64]:
    """Scores as probabilities along an axis."""
    raised = np.exp(np.asarray(scores, np.float64) - scores.max(axis=axis, keepdims=True))
    chances: NDArray[np.float64] = raised / raised.sum(axis=axis, keepdims=True)
    return chances
