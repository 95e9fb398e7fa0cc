"""What a roof model takes and gives, whatever runs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from shared.schemas.enums import RoofCondition, ViewAngle

Pixels = NDArray[np.uint8]
CONDITIONS: tuple[RoofCondition, ...] = tuple(RoofCondition)
"""Order of every probability vector: best first."""


@dataclass(frozen=True, slots=True)
class RoofImage:
    """A decoded picture of one house, the roof of interest around its middle."""

    angle: ViewAngle
    pixels: Pixels
    """RGB, rows by columns by 3."""
    metres_per_pixel: float
    """Of these pixels: on the ground for a picture from above, at the house's distance for one from the street."""
    detail_m: float
    """Metres a pixel as the camera saw it, before any enlargement."""


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Which weights answered."""

    name: str
    version: str
    sha256: str
    trained_on: str


@dataclass(frozen=True, slots=True)
class ClassPrediction:
    """Visual condition of a roof by all its pictures, and by each kind of them alone."""

    condition: RoofCondition
    confidence: float
    """Calibrated probability 0..1 that `condition` is right."""
    probabilities: Mapping[RoofCondition, float]
    """Calibrated, summing to 1."""
    from_above: Mapping[RoofCondition, float] | None
    """By the picture from above alone; None where there is none."""
    from_street: Mapping[RoofCondition, float] | None
    """By the street pictures alone; None where none shows the roof."""
    agreement: float | None
    """Overlap 0..1 of the two; None where only one kind is at hand."""
    familiar: bool
    """False where the pictures look unlike anything the model was trained on; such an answer needs a person."""
    model: ModelIdentity


class NoUsableImage(Exception):
    """No picture shows a roof."""


class Classifier(Protocol):
    """Names the visual condition of a roof from pictures of one house."""

    identity: ModelIdentity

    def predict(self, images: Sequence[RoofImage]) -> ClassPrediction:
        """The condition; raises NoUsableImage when no picture shows a roof."""


def overlap(first: Mapping[Any, float], second: Mapping[Any, float]) -> float:
    """Shared probability mass of two distributions, 0..1."""
    return sum(min(value, second.get(key, 0.0)) for key, value in first.items())
