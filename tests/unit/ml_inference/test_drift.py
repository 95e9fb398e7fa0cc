"""What counts as drift, and what is only chance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ml_inference.domain.drift import (
    disagreement_of,
    kolmogorov_smirnov,
    population_stability,
    shift_of,
)
from shared.schemas.review_enums import DriftVerdict

RNG = np.random.default_rng(11)
FIRST = RNG.normal(120, 20, 150).tolist()
VALUES = st.lists(st.floats(0, 255), min_size=50, max_size=80)


@pytest.mark.parametrize(
    ("window", "verdict"),
    [
        (np.random.default_rng(1).normal(120, 20, 120).tolist(), DriftVerdict.STEADY),
        (np.random.default_rng(2).normal(95, 20, 120).tolist(), DriftVerdict.DRIFTED),
        (FIRST[:49], DriftVerdict.UNKNOWN),
    ],
)
def test_a_darker_week_is_drift_and_another_week_of_the_same_is_not(
    window: list[float], verdict: DriftVerdict
) -> None:
    assert shift_of(FIRST, window).verdict is verdict


def test_weeks_of_the_same_hardly_ever_raise_an_alarm() -> None:
    rng = np.random.default_rng(3)
    weeks = [
        shift_of(rng.normal(0, 1, 150).tolist(), rng.normal(0, 1, 60).tolist()).verdict for _ in range(300)
    ]
    assert weeks.count(DriftVerdict.STEADY) >= 297


def test_distances_meet_their_worked_values() -> None:
    # Deciles of 0..99 hold a tenth each; all of the window in the last one: nine empty bins and one of ten times.
    reference, window = [float(n) for n in range(100)], [95.0] * 100
    empty = 9 * (0.005 - 0.1) * np.log(0.005 / 0.1)
    assert population_stability(reference, window) == pytest.approx(empty + 0.9 * np.log(10))
    assert kolmogorov_smirnov(reference, window) == pytest.approx(0.95)
    assert kolmogorov_smirnov([1, 2, 3, 4], [3, 4, 5, 6]) == 0.5


@given(VALUES, VALUES)
def test_distances_are_distances(first: list[float], second: list[float]) -> None:
    assert population_stability(first, first) == pytest.approx(0)
    assert population_stability(first, second) >= -1e-9
    assert 0 <= kolmogorov_smirnov(first, second) <= 1
    assert kolmogorov_smirnov(first, second) == pytest.approx(kolmogorov_smirnov(second, first))


@pytest.mark.parametrize(
    ("reference", "window", "verdict"),
    [
        ((10, 100), (3, 19), DriftVerdict.UNKNOWN),
        ((10, 100), (6, 40), DriftVerdict.STEADY),
        ((10, 100), (20, 40), DriftVerdict.DRIFTED),
    ],
)
def test_reviewers_who_contradict_more_often_than_at_first_are_drift(
    reference: tuple[int, int], window: tuple[int, int], verdict: DriftVerdict
) -> None:
    assert disagreement_of(reference, window).verdict is verdict
