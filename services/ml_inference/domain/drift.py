"""How far what the models see and say has moved from what it was when they were new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from shared.schemas.review_enums import DriftVerdict
from shared.schemas.shares import wilson_interval

WINDOW_DAYS: Final = 7
REFERENCE_DAYS: Final = 28
"""The first weeks of the weights in use are what later weeks are held against."""
LEAST_VALUES: Final = 50
LEAST_REVIEWS: Final = 20
BINS: Final = 10
# Rule of thumb of credit scoring: below 0.10 nothing happened, above 0.25 the population is another (RECALLED).
WATCH_FROM, DRIFTED_FROM = 0.10, 0.25
# A PSI of few values is noise by itself: about (bins - 1) * (1/n + 1/m) where nothing moved. The Kolmogorov-Smirnov
# distance must pass its 0.1 % point as well before anybody is called.
KS_FACTOR: Final = 1.95


@dataclass(frozen=True, slots=True)
class Shift:
    """The two distances, None where there is too little to measure, and what they come to."""

    verdict: DriftVerdict
    psi: float | None = None
    ks: float | None = None


def shift_of(reference: Sequence[float], window: Sequence[float]) -> Shift:
    """How far the values of a window lie from those of the reference."""
    if min(len(reference), len(window)) < LEAST_VALUES:
        return Shift(DriftVerdict.UNKNOWN)
    distance = population_stability(reference, window)
    ks = kolmogorov_smirnov(reference, window)
    n, m = len(reference), len(window)
    moved = ks > KS_FACTOR * ((n + m) / (n * m)) ** 0.5
    verdict = DriftVerdict.STEADY
    if moved and distance >= WATCH_FROM:
        verdict = DriftVerdict.DRIFTED if distance > DRIFTED_FROM else DriftVerdict.WATCH
    return Shift(verdict, distance, ks)


def disagreement_of(reference: tuple[int, int], window: tuple[int, int]) -> Shift:
    """Whether reviewers contradict the models more often than at first; both as (contradicted, reviewed)."""
    if min(reference[1], window[1]) < LEAST_REVIEWS:
        return Shift(DriftVerdict.UNKNOWN)
    low, _ = wilson_interval(*window)
    _, high = wilson_interval(*reference)
    return Shift(DriftVerdict.DRIFTED if low > high else DriftVerdict.STEADY)


def population_stability(reference: Sequence[float], window: Sequence[float]) -> float:
    """Population stability index over the reference's deciles; an empty bin counts as half a value."""
    inner = np.unique(np.quantile(reference, np.linspace(0, 1, BINS + 1)[1:-1]))
    shares = []
    for values in (reference, window):
        counts = np.bincount(np.searchsorted(inner, values, side="right"), minlength=len(inner) + 1)
        shares.append(np.maximum(counts, 0.5) / len(values))
    return float(np.sum((shares[1] - shares[0]) * np.log(shares[1] / shares[0])))


def kolmogorov_smirnov(reference: Sequence[float], window: Sequence[float]) -> float:
    """The largest distance 0..1 between the two distributions."""
    first, second = np.sort(reference), np.sort(window)
    points = np.concatenate([first, second])
    below = [np.searchsorted(values, points, side="right") / len(values) for values in (first, second)]
    return float(np.abs(below[0] - below[1]).max())
