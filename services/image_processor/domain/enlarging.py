"""Super-resolution 2x and 4x (S4-3.3.1-f3): when it is worth it, and which part of a picture.

What a network adds is invented texture. The result is for human eyes; no score is taken from it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

NETWORK_SCALE: Final = 4
FINE_GSD_M: Final = 0.10
SMALL_SIDE: Final = 512
ROOF_SIDE_M: Final = 30.0
"""What a house from above takes with its eaves; the picture was asked for around the house."""
TILE: Final = 256
OVERLAP: Final = 18
"""The compact network's eighteen convolutions see 18 pixels around, so that its tiles join without a seam."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of pixels."""

    left: int
    top: int
    width: int
    height: int

    def of(self, image: Any) -> Any:
        """The part of a picture, not copied."""
        return image[self.top : self.top + self.height, self.left : self.left + self.width]

    def enlarged(self) -> Box:
        """The same part of the enlarged picture."""
        sides = (self.left, self.top, self.width, self.height)
        return Box(*(side * NETWORK_SCALE for side in sides))

    @property
    def tiles(self) -> int:
        """How many tiles the network takes for it."""
        core = TILE - 2 * OVERLAP
        return math.ceil(self.width / core) * math.ceil(self.height / core)


def is_worth_it(width: int, height: int, gsd_m: float | None) -> bool:
    """True for a picture too coarse or too small to show a roof well."""
    return (gsd_m is not None and gsd_m > FINE_GSD_M) or min(width, height) < SMALL_SIDE


def roof_part(width: int, height: int, gsd_m: float | None) -> Box:
    """The middle of a picture, as large as a house; all of it where its scale is not known."""
    side = ROOF_SIDE_M / gsd_m if gsd_m else max(width, height)
    wide, high = min(width, math.ceil(side)), min(height, math.ceil(side))
    return Box((width - wide) // 2, (height - high) // 2, wide, high)
