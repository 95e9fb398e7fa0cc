"""Masks as a few corners instead of pixels, to be stored and drawn."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from services.ml_inference.vision import Fractions

COARSENESS_PX: Final = 0.75
"""How far an outline may lie from the mask's edge."""
SMALLEST_SHARE: Final = 0.002
"""Of the mask; smaller specks are not worth an outline."""
MOST_OUTLINES: Final = 20
MOST_CORNERS: Final = 400
DIGITS: Final = 5

Outline = list[tuple[float, float]]


def outlines_of(mask: NDArray[np.bool_], window: Fractions) -> list[Outline]:
    """The mask's parts, largest first, each as corners in shares of the picture that the window is a part of."""
    # Contours run along the middle of pixels; doubled, that is a quarter pixel from their edges.
    doubled = np.pad(mask, 1).astype(np.uint8).repeat(2, axis=0).repeat(2, axis=1)
    found, _ = cv2.findContours(doubled, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    least = SMALLEST_SHARE * doubled.size
    parts = sorted((part for part in found if cv2.contourArea(part) >= least), key=cv2.contourArea)
    outlines = [_outline(part, mask.shape, window) for part in parts[::-1][:MOST_OUTLINES]]
    return [outline for outline in outlines if len(outline) >= 3]


def _outline(part: Any, shape: tuple[int, ...], window: Fractions) -> Outline:
    coarseness = 2 * COARSENESS_PX
    corners = cv2.approxPolyDP(part, coarseness, closed=True)
    while len(corners) > MOST_CORNERS:
        coarseness *= 1.5
        corners = cv2.approxPolyDP(part, coarseness, closed=True)
    rows, columns = shape
    left, top, right, bottom = window
    across = np.clip((corners[:, 0, 0] - 1.5) / 2 / columns, 0, 1) * (right - left) + left
    down = np.clip((corners[:, 0, 1] - 1.5) / 2 / rows, 0, 1) * (bottom - top) + top
    points = np.clip(np.stack((across, down), axis=1), 0, 1)
    return [(round(float(x), DIGITS), round(float(y), DIGITS)) for x, y in points]
