"""The super-resolution network over a picture, tile by tile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np

from services.image_processor.domain.enlarging import NETWORK_SCALE, OVERLAP, TILE, Box

Pixels = np.ndarray[Any, Any]
Network = Callable[[Pixels], Pixels]
"""One picture as floats 0 to 1, channels first, to the same four times as large."""


def enlarge(image: Pixels, network: Network) -> Pixels:
    """BGR pixels four times as large."""
    large = np.empty((image.shape[0] * NETWORK_SCALE, image.shape[1] * NETWORK_SCALE, 3), np.uint8)
    for inner, outer in _tiles(image.shape[1], image.shape[0]):
        drawn = _run(network, outer.of(image))
        seen = Box(inner.left - outer.left, inner.top - outer.top, inner.width, inner.height)
        inner.enlarged().of(large)[:] = seen.enlarged().of(drawn)
    return large


def halved(image: Pixels) -> Pixels:
    """A picture half as large: twice is four times, halved."""
    size = (image.shape[1] // 2, image.shape[0] // 2)
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


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
