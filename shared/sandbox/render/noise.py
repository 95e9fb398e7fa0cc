"""Tables of smooth noise, made once a process and read at metric coordinates."""

from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.floating[Any]]
TABLE_SIZE = 512
_SEED = 20261122


@cache
def _table(octave: int) -> Plane:
    """Tileable noise of mean 0 and standard deviation 1, one cell a table pixel times 2**octave."""
    rng = np.random.default_rng([_SEED, octave])
    coarse = rng.standard_normal((TABLE_SIZE >> octave, TABLE_SIZE >> octave)).astype(np.float32)
    padded = np.pad(coarse, 2, mode="wrap")
    scale = 1 << octave
    wide = cv2.resize(padded, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    smooth = wide[2 * scale : 2 * scale + TABLE_SIZE, 2 * scale : 2 * scale + TABLE_SIZE]
    table = (smooth - smooth.mean()) / smooth.std()
    return np.ascontiguousarray(np.pad(table.astype(np.float32), ((0, 1), (0, 1)), mode="wrap"))


def smooth_noise(x: Plane, y: Plane, *, cell: float, offset: tuple[float, float]) -> Plane:
    """Noise of mean 0 and deviation 1 at the coordinates; `cell` is the size of a blotch in their unit."""
    per_unit = 8.0 / cell
    at_x = np.mod((x + offset[0]) * per_unit, TABLE_SIZE).astype(np.float32)
    at_y = np.mod((y + offset[1]) * per_unit, TABLE_SIZE).astype(np.float32)
    return cv2.remap(_table(3), at_x, at_y, cv2.INTER_LINEAR).astype(np.float32, copy=False)


def fine_grain(shape: tuple[int, int], rng: np.random.Generator) -> Plane:
    """White noise of deviation 1 for a picture, cut from the table at a random place."""
    table = _table(0)
    rows = (np.arange(shape[0]) + int(rng.integers(TABLE_SIZE))) % TABLE_SIZE
    columns = (np.arange(shape[1]) + int(rng.integers(TABLE_SIZE))) % TABLE_SIZE
    return table[rows[:, None], columns[None, :]]
