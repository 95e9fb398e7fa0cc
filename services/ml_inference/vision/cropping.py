"""What a model looks at: the target's part of a picture, brought to the net's size; training and serving share it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from services.ml_inference.models import Pixels
from services.ml_inference.vision import Fractions, Segmentation, TargetedImage
from shared.schemas.enums import ViewAngle

MARGIN = 1.2
"""Side of the window relative to the long side of the outline's box: an outline lies a metre off now and then."""
MIDDLE_M = {True: 26.0, False: 24.0}
"""Side of the window around a picture's middle where no outline is known: from above, from the street."""
WIDEST_M = 60.0
"""No window is wider: on an estate's parcel the house would vanish."""
PADDING = 114
LEAST_PX = 8


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of a picture in whole pixels; right and bottom are exclusive."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """Columns."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Rows."""
        return self.bottom - self.top

    def fractions(self, picture: Pixels) -> Fractions:
        """As shares of the picture's width and height."""
        rows, columns = picture.shape[:2]
        return (self.left / columns, self.top / rows, self.right / columns, self.bottom / rows)


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a window lies within the square a net is shown."""

    window: Window
    size: int

    @property
    def scale(self) -> float:
        """Net's pixels for one pixel of the picture."""
        return self.size / max(self.window.width, self.window.height)

    @property
    def inner(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom of the window within the square; the rest is padding."""
        width = max(1, round(self.window.width * self.scale))
        height = max(1, round(self.window.height * self.scale))
        left, top = (self.size - width) // 2, (self.size - height) // 2
        return left, top, left + width, top + height

    def to_net(self, points: NDArray[Any]) -> NDArray[np.float64]:
        """(x, y) of the picture in the net's square."""
        left, top, _, _ = self.inner
        moved = (np.asarray(points, np.float64) - (self.window.left, self.window.top)) * self.scale
        shifted: NDArray[np.float64] = np.add(moved, (left, top))
        return shifted

    def to_picture(self, points: NDArray[Any]) -> NDArray[np.float64]:
        """(x, y) of the net's square in the picture."""
        left, top, _, _ = self.inner
        inside = (np.asarray(points, np.float64) - (left, top)) / self.scale
        back: NDArray[np.float64] = np.add(inside, (self.window.left, self.window.top))
        return back


def window_of(target: TargetedImage) -> Window:
    """The square around the target, as far as the picture reaches."""
    rows, columns = target.image.pixels.shape[:2]
    middle, side = _middle_and_side(target)
    half = max(side, LEAST_PX) / 2
    left, top = max(0, round(middle[0] - half)), max(0, round(middle[1] - half))
    right, bottom = min(columns, round(middle[0] + half)), min(rows, round(middle[1] + half))
    if right - left < LEAST_PX or bottom - top < LEAST_PX:
        return Window(0, 0, columns, rows)
    return Window(left, top, right, bottom)


def _middle_and_side(target: TargetedImage) -> tuple[tuple[float, float], float]:
    image = target.image
    rows, columns = image.pixels.shape[:2]
    if target.outline is None:
        metres = MIDDLE_M[image.angle is ViewAngle.OVERHEAD]
        return (columns / 2, rows / 2), metres / image.metres_per_pixel
    low, high = target.outline.min(axis=0), target.outline.max(axis=0)
    middle = (float(low[0] + high[0]) / 2, float(low[1] + high[1]) / 2)
    side = float((high - low).max()) * MARGIN
    return middle, min(side, WIDEST_M / image.metres_per_pixel)


def cropped(target: TargetedImage, size: int) -> tuple[Pixels, Placement]:
    """The target's window, letterboxed to a square of `size`, and where it lies in it."""
    placement = Placement(window_of(target), size)
    return letterboxed(target.image.pixels, placement), placement


def letterboxed(
    pixels: NDArray[Any], placement: Placement, *, how: int | None = None, fill: int = PADDING
) -> Pixels:
    """The window of these pixels in the net's square; `how` is OpenCV's way of resizing."""
    window, (left, top, right, bottom) = placement.window, placement.inner
    part = pixels[window.top : window.bottom, window.left : window.right]
    if how is None:
        how = cv2.INTER_AREA if placement.scale < 1 else cv2.INTER_LINEAR
    square = np.full((placement.size, placement.size, *pixels.shape[2:]), fill, np.uint8)
    square[top:bottom, left:right] = cv2.resize(part, (right - left, bottom - top), interpolation=how)
    return square


def on_roof(target: TargetedImage, found: Segmentation) -> TargetedImage:
    """The same picture aimed at the roof that was found; unchanged where none was."""
    if not found.roof.any():
        return target
    rows, columns = np.flatnonzero(found.roof.any(axis=1)), np.flatnonzero(found.roof.any(axis=0))
    height, width = found.roof.shape
    left, top, right, bottom = found.window
    across, down = (right - left) / width, (bottom - top) / height
    low = (left + columns[0] * across, top + rows[0] * down)
    high = (left + (columns[-1] + 1) * across, top + (rows[-1] + 1) * down)
    size = np.array(target.image.pixels.shape[1::-1], np.float32)
    return TargetedImage(target.image, (np.array((low, high)) * size).astype(np.float32))
