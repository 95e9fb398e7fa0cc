"""Super-resolution 2x and 4x (S4-3.3.1-f3): when it is worth it, which part of a picture, and the network tile by tile.

What a network adds is invented texture. The result is for human eyes; no score is taken from it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np

VERSION: Final = "1"
NETWORK_SCALE: Final = 4
FINE_GSD_M: Final = 0.10
SMALL_SIDE: Final = 512
ROOF_SIDE_M: Final = 30.0
"""What a house from above takes with its eaves; the picture was asked for around the house."""
TILE: Final = 256
OVERLAP: Final = 18
"""The compact network's eighteen convolutions see 18 pixels around, so that its tiles join without a seam."""

Pixels = np.ndarray[Any, Any]
Network = Callable[[Pixels], Pixels]
"""One picture as floats 0 to 1, channels first, to the same four times as large."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of pixels."""

    left: int
    top: int
    width: int
    height: int

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


def enlarge(image: Pixels, network: Network, scale: int) -> Pixels:
    """BGR pixels `scale` (2 or 4) times as large; twice is four times, halved again."""
    large = np.empty((image.shape[0] * NETWORK_SCALE, image.shape[1] * NETWORK_SCALE, 3), np.uint8)
    for inner, outer in _tiles(image.shape[1], image.shape[0]):
        seen = image[outer.top : outer.top + outer.height, outer.left : outer.left + outer.width]
        drawn = _run(network, seen)
        top, left = (inner.top - outer.top) * NETWORK_SCALE, (inner.left - outer.left) * NETWORK_SCALE
        height, width = inner.height * NETWORK_SCALE, inner.width * NETWORK_SCALE
        at_top, at_left = inner.top * NETWORK_SCALE, inner.left * NETWORK_SCALE
        large[at_top : at_top + height, at_left : at_left + width] = drawn[
            top : top + height, left : left + width
        ]
    size = (image.shape[1] * scale, image.shape[0] * scale)
    return large if scale == NETWORK_SCALE else cv2.resize(large, size, interpolation=cv2.INTER_AREA)


def _tiles(width: int, height: int) -> Iterator[tuple[Box, Box]]:
    """The parts that together are the picture, each with the part around it that the network sees."""
    core = TILE - 2 * OVERLAP
    for top in range(0, height, core):
        for left in range(0, width, core):
            inner = Box(left, top, min(core, width - left), min(core, height - top))
            first_x, first_y = max(0, left - OVERLAP), max(0, top - OVERLAP)
            last_x = min(width, left + inner.width + OVERLAP)
            last_y = min(height, top + inner.height + OVERLAP)
            yield inner, Box(first_x, first_y, last_x - first_x, last_y - first_y)


def _run(network: Network, image: Pixels) -> Pixels:
    planes = np.ascontiguousarray(image[..., ::-1].transpose(2, 0, 1), np.float32) / 255
    drawn = np.clip(network(planes), 0, 1) * 255
    return np.round(drawn).astype(np.uint8).transpose(1, 2, 0)[..., ::-1]
