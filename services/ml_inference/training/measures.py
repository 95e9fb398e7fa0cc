"""Figures of a classifier on rows it never saw, each with its count and a bootstrap interval."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.ml_inference.models import CONDITIONS
from shared.schemas.confidence import AUTO_FLOOR, ONSITE_FLOOR

BINS = 15
RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class Answers:
    """Calibrated probabilities beside the truth, one row a house."""

    probabilities: NDArray[np.float64]
    labels: NDArray[np.int64]

    @property
    def confidence(self) -> NDArray[np.float64]:
        """Probability of the class that was named."""
        top: NDArray[np.float64] = self.probabilities.max(axis=1)
        return top

    @property
    def right(self) -> NDArray[np.bool_]:
        """Where the class that was named is the true one."""
        return np.asarray(self.probabilities.argmax(axis=1) == self.labels)

    def where(self, chosen: NDArray[Any]) -> Answers:
        """The rows of a mask or of indices."""
        return Answers(self.probabilities[chosen], self.labels[chosen])


def accuracy(answers: Answers) -> float:
    """Share of right answers."""
    return float(answers.right.mean())


def within_one(answers: Answers) -> float:
    """Share of answers at most one class away from the truth."""
    return float(np.mean(np.abs(answers.probabilities.argmax(axis=1) - answers.labels) <= 1))


def expected_calibration_error(answers: Answers) -> float:
    """Mean gap between confidence and accuracy over bins of equal mass."""
    order = np.argsort(answers.confidence, kind="stable")
    parts = [part for part in np.array_split(order, BINS) if len(part)]
    gaps = [abs(answers.confidence[p].mean() - answers.right[p].mean()) * len(p) for p in parts]
    return float(sum(gaps) / len(order))


def brier(answers: Answers) -> float:
    """Mean squared distance of the probabilities from the truth."""
    truth = np.eye(len(CONDITIONS))[answers.labels]
    return float(np.mean(np.sum((answers.probabilities - truth) ** 2, axis=1)))


def coverage(answers: Answers, low: float, high: float = 1.01) -> float:
    """Share of houses whose confidence lies in the band."""
    return float(np.mean((answers.confidence >= low) & (answers.confidence < high)))


def accuracy_within(answers: Answers, low: float, high: float = 1.01) -> float:
    """Accuracy among them; NaN where there is none."""
    chosen = (answers.confidence >= low) & (answers.confidence < high)
    return float(answers.right[chosen].mean()) if chosen.any() else float("nan")


FIGURES: dict[str, Callable[[Answers], float]] = {
    "accuracy": accuracy,
    "within_one_class": within_one,
    "ece": expected_calibration_error,
    "brier": brier,
    "coverage_auto": lambda a: coverage(a, AUTO_FLOOR),
    "accuracy_auto": lambda a: accuracy_within(a, AUTO_FLOOR),
    "coverage_onsite": lambda a: coverage(a, ONSITE_FLOOR, AUTO_FLOOR),
    "accuracy_onsite": lambda a: accuracy_within(a, ONSITE_FLOOR, AUTO_FLOOR),
    "coverage_review": lambda a: coverage(a, 0.0, ONSITE_FLOOR),
}


def measure(answers: Answers, *, resamples: int = RESAMPLES) -> dict[str, Any]:
    """Every figure as {value, low, high} with a 95 % bootstrap interval over houses, and the count."""
    rng = np.random.default_rng(20261122)
    count = len(answers.labels)
    drawn = [answers.where(rng.integers(0, count, count)) for _ in range(resamples)]
    found: dict[str, Any] = {"n": count}
    for name, figure in FIGURES.items():
        values = np.array([figure(sample) for sample in drawn])
        low, high = np.nanpercentile(values, (2.5, 97.5)) if np.isfinite(values).any() else (np.nan, np.nan)
        found[name] = {"value": _rounded(figure(answers)), "low": _rounded(low), "high": _rounded(high)}
    return found


def reliability(
    answers: Answers, edges: Sequence[float] = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.01)
) -> list[dict[str, Any]]:
    """Confidence against accuracy, band by band."""
    rows = []
    for low, high in pairwise(edges):
        part = answers.where((answers.confidence >= low) & (answers.confidence < high))
        if len(part.labels):
            rows.append(
                {
                    "from": low,
                    "to": min(high, 1.0),
                    "n": len(part.labels),
                    "confidence": _rounded(float(part.confidence.mean())),
                    "accuracy": _rounded(accuracy(part)),
                }
            )
    return rows


def confusion(answers: Answers) -> list[list[int]]:
    """Counts by truth (row) and answer (column)."""
    table = np.zeros((len(CONDITIONS), len(CONDITIONS)), int)
    np.add.at(table, (answers.labels, answers.probabilities.argmax(axis=1)), 1)
    return [[int(cell) for cell in row] for row in table]


def _rounded(value: float) -> float | None:
    return round(float(value), 4) if np.isfinite(value) else None
