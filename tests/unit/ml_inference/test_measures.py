"""Figures on answers whose figures are known."""

from __future__ import annotations

import numpy as np
import pytest

from services.ml_inference.training.measures import (
    Answers,
    accuracy,
    accuracy_within,
    brier,
    confusion,
    coverage,
    expected_calibration_error,
    measure,
    reliability,
    within_one,
)


def answers(confidence: float, right: float, count: int = 1000) -> Answers:
    """Answers of one confidence of which a share is right."""
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 5, count)
    named = labels.copy()
    wrong = rng.permutation(count) >= round(right * count)
    named[wrong] = (labels[wrong] + 1) % 5
    chances = np.full((count, 5), (1 - confidence) / 4)
    chances[np.arange(count), named] = confidence
    return Answers(chances, labels)


def test_accuracy_and_its_neighbours() -> None:
    given = answers(0.8, 0.7)
    assert accuracy(given) == pytest.approx(0.7)
    assert 0.9 < within_one(given) < 1.0
    assert np.trace(np.array(confusion(given))) == 700
    assert np.sum(confusion(given)) == 1000


def test_calibration_error_is_the_gap() -> None:
    assert expected_calibration_error(answers(0.8, 0.8)) == pytest.approx(0.0, abs=0.08)
    assert expected_calibration_error(answers(0.9, 0.5)) == pytest.approx(0.4, abs=0.08)


def test_brier_of_a_sure_right_answer_is_zero() -> None:
    assert brier(answers(1.0, 1.0)) == pytest.approx(0.0)
    assert brier(answers(1.0, 0.0)) == pytest.approx(2.0)


def test_an_edge_belongs_to_the_better_band() -> None:
    assert coverage(answers(0.95, 0.9), 0.95) == 1.0
    assert coverage(answers(0.9499, 0.9), 0.95) == 0.0
    assert accuracy_within(answers(0.96, 0.9), 0.95) == pytest.approx(0.9)
    assert np.isnan(accuracy_within(answers(0.5, 0.9), 0.95))


def test_an_interval_holds_the_value_and_narrows_with_the_count() -> None:
    few, many = (measure(answers(0.8, 0.7, count), resamples=200)["accuracy"] for count in (100, 5000))
    for found in (few, many):
        assert found["low"] <= found["value"] <= found["high"]
    assert many["high"] - many["low"] < few["high"] - few["low"]


def test_reliability_has_a_row_a_band_that_occurs() -> None:
    rows = reliability(answers(0.8, 0.7))
    assert [(row["n"], row["confidence"], row["accuracy"]) for row in rows] == [(1000, 0.8, 0.7)]
