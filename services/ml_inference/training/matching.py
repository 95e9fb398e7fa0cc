"""How well found boxes meet the true ones: matching at half overlap, average precision a class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.ml_inference.vision import DAMAGE_TYPES
from services.ml_inference.vision.boxes import Boxes, overlaps

HALF = 0.5


def matches(found: Boxes, truth: NDArray[Any]) -> NDArray[np.bool_]:
    """Which of the found boxes is right: each true box (class, corners) counts for the surest that meets it."""
    right = np.zeros(len(found.scores), bool)
    if not len(truth) or not len(right):
        return right
    shared = overlaps(found.corners, truth[:, 1:])
    shared[found.classes[:, None] != truth[None, :, 0]] = 0.0
    free = np.ones(len(truth), bool)
    for row in range(len(right)):
        best = int(np.argmax(np.where(free, shared[row], -1.0)))
        if free[best] and shared[row, best] >= HALF:
            right[row], free[best] = True, False
    return right


def average_precision(scores: NDArray[Any], right: NDArray[np.bool_], total: int) -> float:
    """Area under precision over recall, precision taken as its best at or beyond each recall."""
    if not total:
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(right[order])
    recall = np.concatenate(((0.0,), hits / total))
    precision = np.concatenate(((1.0,), hits / np.arange(1, len(hits) + 1)))
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall) * envelope[1:]))


def mean_average_precision(
    found: Sequence[Boxes], boxes: NDArray[Any], scale: float, rows: NDArray[Any] | None = None
) -> dict[str, float]:
    """Average precision of every damage at half overlap; NaN where the pictures show none of a kind."""
    chosen = np.arange(len(found)) if rows is None else rows
    scores, right, kinds = [], [], []
    totals = np.zeros(len(DAMAGE_TYPES), int)
    for at in map(int, chosen):
        given = boxes[at][boxes[at][:, 0] >= 0] * np.array((1, scale, scale, scale, scale))
        np.add.at(totals, given[:, 0].astype(int), 1)
        scores.append(found[at].scores)
        right.append(matches(found[at], given))
        kinds.append(found[at].classes)
    all_scores, all_right, all_kinds = (np.concatenate(each) for each in (scores, right, kinds))
    return {
        kind.value: average_precision(
            all_scores[all_kinds == at], all_right[all_kinds == at], int(totals[at])
        )
        for at, kind in enumerate(DAMAGE_TYPES)
    }


def overlap(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Intersection over union of two masks; NaN where nothing is to be found."""
    if not truth.any():
        return float("nan")
    return float((found & truth).sum() / (found | truth).sum())
