"""What a roof model takes, and who it is."""

from __future__ import annotations

from dataclasses import dataclass

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
