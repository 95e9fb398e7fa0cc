"""From a detector's raw answer to boxes: threshold, one box a damage, best first."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

FLOOR = 0.05
OVERLAP = 0.6
MOST = 30


class Boxes(NamedTuple):
    """Boxes of one picture in the net's pixels, surest first."""

    corners: NDArray[np.float32]
    """Rows of (left, top, right, bottom)."""
    scores: NDArray[np.float32]
    classes: NDArray[np.int64]


def decoded(raw: NDArray[Any], *, floor: float = FLOOR, overlap: float = OVERLAP, most: int = MOST) -> Boxes:
    """Boxes of a raw answer of 4 + classes rows (middle x, middle y, width, height, scores) by anchors."""
    scores = raw[4:]
    classes, anchors = np.nonzero(scores > floor)
    found = scores[classes, anchors]
    order = np.argsort(-found, kind="stable")[:300]
    classes, anchors, found = classes[order], anchors[order], found[order]
    middle, half = raw[:2, anchors].T, raw[2:4, anchors].T / 2
    corners = np.concatenate((middle - half, middle + half), axis=1).astype(np.float32)
    kept = suppressed(corners, classes, overlap, most)
    return Boxes(corners[kept], found[kept].astype(np.float32), classes[kept].astype(np.int64))


def suppressed(
    corners: NDArray[np.float32], classes: NDArray[Any], overlap: float, most: int = MOST
) -> NDArray[np.int64]:
    """The first rows of boxes sorted best first of which none shares more than `overlap` with a better one of its class."""
    shared = overlaps(corners, corners)
    rivals = (shared > overlap) & (classes[:, None] == classes[None, :])
    kept: list[int] = []
    for row in range(len(corners)):
        if len(kept) == most:
            break
        if not rivals[row, kept].any():
            kept.append(row)
    return np.array(kept, np.int64)


def overlaps(first: NDArray[Any], second: NDArray[Any]) -> NDArray[np.float64]:
    """Intersection over union of every box of the first with every one of the second."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    sizes = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (first, second)]
    result: NDArray[np.float64] = shared / np.maximum(sizes[0][:, None] + sizes[1][None, :] - shared, 1e-9)
    return result
