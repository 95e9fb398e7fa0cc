"""Boxes from a raw answer, and how they are judged."""

from __future__ import annotations

import numpy as np
import pytest

from services.ml_inference.training.matching import average_precision, matches, overlap
from services.ml_inference.vision import DAMAGE_TYPES
from services.ml_inference.vision.boxes import Boxes, decoded, overlaps, suppressed

KINDS = len(DAMAGE_TYPES)


def raw(
    *found: tuple[float, float, float, float, int, float],
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    answer = np.zeros((4 + KINDS, len(found)))
    for anchor, (x, y, width, height, kind, score) in enumerate(found):
        answer[:4, anchor] = (x, y, width, height)
        answer[4 + kind, anchor] = score
    return answer


def test_overlap_is_shared_over_covered() -> None:
    first = np.array([(0.0, 0.0, 10.0, 10.0)])
    second = np.array([(0.0, 0.0, 10.0, 10.0), (5.0, 0.0, 15.0, 10.0), (20.0, 0.0, 30.0, 10.0)])
    assert overlaps(first, second)[0] == pytest.approx((1.0, 1 / 3, 0.0))


def test_one_box_a_damage_and_the_surest_first() -> None:
    found = decoded(raw((50, 50, 20, 20, 1, 0.6), (51, 50, 20, 20, 1, 0.9), (120, 50, 20, 20, 1, 0.7)))
    assert found.scores == pytest.approx((0.9, 0.7))
    assert found.corners[0] == pytest.approx((41, 40, 61, 60))


def test_another_kind_in_the_same_place_stays() -> None:
    found = decoded(raw((50, 50, 20, 20, 1, 0.6), (50, 50, 20, 20, 2, 0.9)))
    assert sorted(found.classes.tolist()) == [1, 2]


def test_what_is_hardly_believed_is_dropped() -> None:
    assert len(decoded(raw((50, 50, 20, 20, 1, 0.01))).scores) == 0


def test_suppression_agrees_with_the_plain_way() -> None:
    rng = np.random.default_rng(3)
    low = rng.uniform(0, 80, (60, 2))
    corners = np.concatenate((low, low + rng.uniform(5, 30, (60, 2))), axis=1).astype(np.float32)
    classes = rng.integers(0, 2, 60)
    kept: list[int] = []
    for row in range(60):
        same = [other for other in kept if classes[other] == classes[row]]
        if all(overlaps(corners[[row]], corners[[other]])[0, 0] <= 0.5 for other in same):
            kept.append(row)
    assert suppressed(corners, classes, 0.5, most=60).tolist() == kept
    assert suppressed(corners, classes, 0.5, most=5).tolist() == kept[:5]


def test_a_true_box_counts_for_one_found_box_of_its_kind() -> None:
    found = Boxes(
        np.array([(0, 0, 10, 10), (1, 0, 11, 10), (0, 0, 10, 10)], np.float32),
        np.array([0.9, 0.8, 0.7], np.float32),
        np.array([3, 3, 4]),
    )
    assert matches(found, np.array([(3, 0, 0, 10, 10)])).tolist() == [True, False, False]


def test_average_precision_of_known_answers() -> None:
    assert average_precision(np.array([0.9, 0.8]), np.array([True, True]), 2) == pytest.approx(1.0)
    assert average_precision(np.array([0.9, 0.8, 0.7]), np.array([True, False, True]), 2) == pytest.approx(
        0.5 + 0.5 * 2 / 3
    )
    assert average_precision(np.array([0.9]), np.array([True]), 4) == pytest.approx(0.25)
    assert np.isnan(average_precision(np.array([]), np.array([], bool), 0))


def test_overlap_of_masks() -> None:
    first, second = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    first[:2], second[1:3] = True, True
    assert overlap(first, second) == pytest.approx(1 / 3)
    assert np.isnan(overlap(first, np.zeros((4, 4), bool)))
