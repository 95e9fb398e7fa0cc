"""What turns scores into probabilities that mean what they say, found on pictures no network learnt from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from services.ml_inference.training.matching import matches
from services.ml_inference.vision import DAMAGE_TYPES
from services.ml_inference.vision.boxes import Boxes
from services.ml_inference.vision.classifier import softmax
from services.ml_inference.vision.detector import worth

TEMPERATURES: Final = np.exp(np.linspace(np.log(0.3), np.log(5.0), 80))
LEAST_ROWS: Final = 25
"""Fewer pictures of a kind calibrate nothing: the kind takes the common value."""
PRIOR: Final = 8.0
"""Pull of every class's line toward the common one."""
LEAST_THRESHOLD, MOST_THRESHOLD = 0.2, 0.5
FAMILIAR_SHARE, FAMILIAR_MARGIN = 0.995, 1.15


def temperature_of(scores: NDArray[Any], labels: NDArray[Any]) -> float:
    """Divisor of the scores under which the true labels are likeliest; rows of scores."""
    rows = np.arange(len(labels))
    costs = [-np.log(softmax(scores / t)[rows, labels] + 1e-12).mean() for t in TEMPERATURES]
    return round(float(TEMPERATURES[int(np.argmin(costs))]), 4)


def temperatures_of(
    scores: NDArray[Any], labels: NDArray[Any], kinds: NDArray[np.str_], names: Sequence[str]
) -> dict[str, float]:
    """The same for every kind of picture."""
    common = temperature_of(scores, labels)
    return {
        name: temperature_of(scores[kinds == name], labels[kinds == name])
        if (kinds == name).sum() >= LEAST_ROWS
        else common
        for name in names
    }


def familiarity_limits(
    distances: NDArray[Any], kinds: NDArray[np.str_], names: Sequence[str]
) -> dict[str, float]:
    """Distance that all but a few known pictures of each kind stay below: those from the street lie wider apart."""
    limits = {}
    for name in names:
        own = distances[kinds == name]
        among = own if len(own) >= LEAST_ROWS else distances
        limits[name] = round(float(np.quantile(among, FAMILIAR_SHARE)) * FAMILIAR_MARGIN, 3)
    return limits


def confidences_of(
    found: Sequence[Boxes], boxes: NDArray[Any], scale: float
) -> dict[str, tuple[float, float]]:
    """Slope and offset of every damage: the chance that a box of this score meets a true one half."""
    scores, kinds, right = _matched(found, boxes, scale)
    levels = np.log(scores / (1 - scores))
    common = _line(levels, right, np.array((1.0, 0.0)), 1.0)
    lines = {}
    for number, kind in enumerate(DAMAGE_TYPES):
        line = _line(levels[kinds == number], right[kinds == number], common, PRIOR)
        lines[kind.value] = (round(float(line[0]), 4), round(float(line[1]), 4))
    return lines


def thresholds_of(found: Sequence[Boxes], boxes: NDArray[Any], scale: float) -> dict[str, float]:
    """Least confidence of every damage to be reported: half the best F1, where a calibrated score is best cut."""
    scores, kinds, right = _matched(found, boxes, scale)
    given = boxes[..., 0].ravel()
    cuts = {}
    for number, kind in enumerate(DAMAGE_TYPES):
        own = kinds == number
        order = np.argsort(-scores[own], kind="stable")
        hits = np.cumsum(right[own][order])
        total = int((given == number).sum())
        best = float((2 * hits / (np.arange(1, len(hits) + 1) + total)).max()) if len(hits) and total else 0.0
        cuts[kind.value] = round(float(np.clip(best / 2, LEAST_THRESHOLD, MOST_THRESHOLD)), 3)
    return cuts


def expected_calibration_error(
    confidence: NDArray[Any], right: NDArray[np.bool_], *, bins: int = 15
) -> float:
    """Mean gap between confidence and share right over bins of equal mass."""
    order = np.argsort(confidence, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    gaps = [abs(confidence[part].mean() - right[part].mean()) * len(part) for part in parts]
    return float(sum(gaps) / max(1, len(order)))


def worths(
    found: Sequence[Boxes], boxes: NDArray[Any], scale: float, lines: dict[str, tuple[float, float]]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Calibrated confidence of every box, and whether it is right."""
    scores, kinds, right = _matched(found, boxes, scale)
    values = [
        worth(float(score), *lines[DAMAGE_TYPES[kind].value])
        for score, kind in zip(scores, kinds, strict=True)
    ]
    return np.array(values), right


def _matched(
    found: Sequence[Boxes], boxes: NDArray[Any], scale: float
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.bool_]]:
    right = [
        matches(each, truth[truth[:, 0] >= 0] * np.array((1, scale, scale, scale, scale)))
        for each, truth in zip(found, boxes, strict=True)
    ]
    scores = np.clip(np.concatenate([each.scores for each in found]).astype(np.float64), 1e-6, 1 - 1e-6)
    return scores, np.concatenate([each.classes for each in found]), np.concatenate(right)


def _line(
    levels: NDArray[Any], right: NDArray[np.bool_], start: NDArray[Any], pull: float
) -> NDArray[np.float64]:
    """Logistic regression of right on level, drawn toward a line (Newton's steps, none longer than 1)."""
    line = np.asarray(start, np.float64).copy()
    design = np.column_stack((levels, np.ones(len(levels))))
    for _ in range(60):
        chance = 1 / (1 + np.exp(-np.clip(design @ line, -30, 30)))
        slope = design.T @ (right - chance) - pull * (line - start)
        bend = (design * (chance * (1 - chance))[:, None]).T @ design + pull * np.eye(2)
        step = np.linalg.solve(bend, slope)
        line += step / max(1.0, float(np.abs(step).max()))
    return line
