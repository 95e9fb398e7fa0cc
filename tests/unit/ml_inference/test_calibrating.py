"""Scores become probabilities that mean what they say."""

from __future__ import annotations

import numpy as np
import pytest

from services.ml_inference.training.calibrating import (
    confidences_of,
    expected_calibration_error,
    familiarity_limits,
    temperature_of,
    temperatures_of,
    thresholds_of,
    worths,
)
from services.ml_inference.vision import DAMAGE_TYPES
from services.ml_inference.vision.boxes import Boxes
from services.ml_inference.vision.classifier import softmax


def scored(
    temperature: float, count: int = 4000
) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.float64]], ...]:
    """Scores that are `temperature` times too loud, and labels drawn from what they should say."""
    rng = np.random.default_rng(8)
    quiet = rng.normal(0.0, 1.5, (count, 5))
    labels = np.array([rng.choice(5, p=chances) for chances in softmax(quiet)])
    return quiet * temperature, labels


@pytest.mark.parametrize("temperature", [0.6, 1.0, 2.5])
def test_the_temperature_is_found(temperature: float) -> None:
    scores, labels = scored(temperature)
    assert temperature_of(scores, labels) == pytest.approx(temperature, rel=0.12)


def test_a_kind_of_few_pictures_takes_the_common_temperature() -> None:
    scores, labels = scored(2.0)
    kinds = np.array(["fine"] * (len(labels) - 3) + ["street"] * 3)
    found = temperatures_of(scores, labels, kinds, ("fine", "street"))
    assert found["street"] == temperature_of(scores, labels)


def boxes_of_worth(
    score: float, right: float, count: int
) -> tuple[list[Boxes], np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    """A box a picture, of one score; a share of them meets a true one."""
    found, truth = [], np.full((count, 1, 5), -1.0)
    for at in range(count):
        found.append(
            Boxes(np.array([(0, 0, 10, 10)], np.float32), np.array([score], np.float32), np.array([0]))
        )
        if at < right * count:
            truth[at, 0] = (0, 0, 0, 10, 10)
    return found, truth


def test_a_score_is_worth_the_share_of_right_boxes() -> None:
    found, truth = boxes_of_worth(0.9, 0.3, 200)
    lines = confidences_of(found, truth, 1.0)
    values, right = worths(found, truth, 1.0, lines)
    assert values.mean() == pytest.approx(right.mean(), abs=0.05)


def test_calibration_error_is_the_gap() -> None:
    rng = np.random.default_rng(4)
    confidence = rng.uniform(0.1, 0.9, 3000)
    assert expected_calibration_error(confidence, rng.random(3000) < confidence) < 0.04
    assert expected_calibration_error(confidence, rng.random(3000) < confidence - 0.1) == pytest.approx(
        0.1, abs=0.03
    )


def test_a_threshold_is_half_the_best_f1() -> None:
    right, there = boxes_of_worth(0.9, 1.0, 60)
    wrong, nothing = boxes_of_worth(0.95, 0.0, 40)
    cuts = thresholds_of(right + wrong, np.concatenate((there, nothing)), 1.0)
    assert cuts[DAMAGE_TYPES[0].value] == pytest.approx(0.5 * 2 * 60 / (100 + 60), abs=0.01)
    assert set(cuts) == {kind.value for kind in DAMAGE_TYPES}


def test_few_known_pictures_lie_beyond_the_limit() -> None:
    distances = np.random.default_rng(1).gamma(4.0, 0.25, 2000) * np.repeat((1.0, 2.0), 1000)
    kinds = np.repeat(("near", "wide"), 1000)
    limits = familiarity_limits(distances, kinds, ("near", "wide", "unseen"))
    for kind in ("near", "wide"):
        assert (distances[kinds == kind] > limits[kind]).mean() < 0.006
    assert limits["near"] < limits["unseen"] < limits["wide"], (
        "a kind without pictures takes the common limit"
    )
