"""The same roof seen a little differently: turned, shifted, lit and coloured by chance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from services.ml_inference.models import Pixels
from services.ml_inference.vision.cropping import PADDING

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Change:
    """One draw: where every point goes, and what happens to the colours."""

    matrix: Matrix
    """2 by 3, from the stored square to the net's."""
    gains: NDArray[np.float32]
    size: int

    def picture(self, pixels: Pixels) -> Pixels:
        """The picture after the change."""
        moved = cv2.warpAffine(
            pixels,
            self.matrix,
            (self.size, self.size),
            flags=cv2.INTER_LINEAR,
            borderValue=(PADDING, PADDING, PADDING),
        )
        return np.asarray(cv2.convertScaleAbs(cv2.transform(moved, np.diag(self.gains))), np.uint8)

    def labels(self, classes: Pixels) -> Pixels:
        """Classes of pixels after it."""
        return np.asarray(
            cv2.warpAffine(classes, self.matrix, (self.size, self.size), flags=cv2.INTER_NEAREST), np.uint8
        )

    def boxes(self, boxes: NDArray[Any]) -> NDArray[np.float64]:
        """Rows of (left, top, right, bottom) after it: the box around the moved corners."""
        left, top, right, bottom = boxes.T
        corners = np.stack([np.stack((x, y), axis=1) for x in (left, right) for y in (top, bottom)], axis=1)
        moved = corners @ self.matrix[:, :2].T + self.matrix[:, 2]
        low, high = moved.min(axis=1), moved.max(axis=1)
        inside: NDArray[np.float64] = np.clip(np.concatenate((low, high), axis=1), 0, self.size)
        return inside


def drawn(
    rng: np.random.Generator, *, stored: int, size: int, above: bool, turn_deg: float, colour: float = 0.04
) -> Change:
    """A change of a picture of `stored` pixels a side; from above every quarter turn is as likely."""
    angle = float(rng.uniform(-turn_deg, turn_deg))
    if above:
        angle += 90.0 * int(rng.integers(4))
    flip = -1.0 if rng.random() < 0.5 else 1.0
    scale = size / stored * float(np.exp(rng.uniform(-0.10, 0.08)))
    shift = rng.uniform(-0.04, 0.04, 2) * size
    sin, cos = scale * math.sin(math.radians(angle)), scale * math.cos(math.radians(angle))
    linear = np.array(((flip * cos, -sin), (flip * sin, cos)))
    offset = size / 2 + shift - linear @ (stored / 2, stored / 2)
    exposure = float(np.exp(rng.normal(0.0, 0.08)))
    gains = exposure * np.exp(rng.normal(0.0, colour, 3))
    return Change(np.column_stack((linear, offset)), gains.astype(np.float32), size)


def plain(stored: int, size: int) -> Change:
    """No change but the net's size: as serving shows it."""
    scale = size / stored
    return Change(np.array(((scale, 0.0, 0.0), (0.0, scale, 0.0))), np.ones(3, np.float32), size)
