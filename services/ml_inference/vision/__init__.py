"""What the three roof models take and give for one picture, whatever runs them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from services.ml_inference.models import CONDITIONS, ModelIdentity, RoofImage
from shared.schemas.enums import DamageType

Fractions = tuple[float, float, float, float]
"""Left, top, right, bottom as shares 0..1 of a picture's width and height."""
DAMAGE_TYPES: tuple[DamageType, ...] = tuple(DamageType)
"""Order of the detector's classes."""

__all__ = [
    "CONDITIONS",
    "DAMAGE_TYPES",
    "Classifier",
    "ConditionScores",
    "Detection",
    "Detector",
    "Fractions",
    "Segmentation",
    "Segmentor",
    "TargetedImage",
]


@dataclass(frozen=True, slots=True)
class TargetedImage:
    """A decoded picture and where in it the house of interest stands."""

    image: RoofImage
    outline: NDArray[np.float32] | None
    """Corners of the footprint or the parcel, n by 2 (x, y) in pixels; None where only the picture's middle is known."""


@dataclass(frozen=True, slots=True)
class ConditionScores:
    """The classifier's answer for one picture."""

    probabilities: NDArray[np.float64]
    """Calibrated, summing to 1, in the order of CONDITIONS."""
    distance: float
    """How unlike the training pictures it is; 1 for a typical one."""
    familiar: bool
    """False beyond the distance up to which the card vouches for the answer."""


@dataclass(frozen=True, slots=True)
class Detection:
    """One damage the detector sees."""

    damage: DamageType
    confidence: float
    """Calibrated probability 0..1."""
    box: Fractions


@dataclass(frozen=True, slots=True)
class Segmentation:
    """The target's roof in one picture."""

    window: Fractions
    """The part of the picture that was looked at; both masks lie over it."""
    roof: NDArray[np.bool_]
    """Rows by columns: the target roof, damage included."""
    damage: NDArray[np.bool_]
    """Rows by columns: the damaged part of it."""
    confidence: float
    """Calibrated mean certainty 0..1 over the roof's pixels; 0 where no roof was found."""


class Classifier(Protocol):
    """Names the visual condition of the target roof, a picture at a time."""

    identity: ModelIdentity

    def classify(self, images: Sequence[TargetedImage]) -> list[ConditionScores]:
        """One answer a picture, in their order."""


class Detector(Protocol):
    """Finds damage; any licence's model that takes pictures and gives boxes will do."""

    identity: ModelIdentity

    def detect(self, images: Sequence[TargetedImage]) -> list[list[Detection]]:
        """The damages on the target roof of each picture, surest first; none is no evidence, not a sound roof."""


class Segmentor(Protocol):
    """Outlines the target roof and its damage."""

    identity: ModelIdentity

    def segment(self, images: Sequence[TargetedImage]) -> list[Segmentation]:
        """One answer a picture, in their order."""
