"""Bayes: from what each picture says and what is known of the house to one probability a condition."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from shared.schemas.enums import RoofCondition

Chances = Mapping[RoofCondition, float]
EVEN: Final[Chances] = {condition: 1 / len(RoofCondition) for condition in RoofCondition}
# Pictures of one roof err together (the same light, the same misleading shade): n of a kind weigh as
# n / (1 + (n - 1) * r) independent ones, and so do the two kinds (HOUSE; the calibration test holds them).
SAME_KIND: Final = 0.6
OTHER_KIND: Final = 0.3
LEAST: Final = 1e-4


@dataclass(frozen=True, slots=True)
class View:
    """What one picture says: calibrated probabilities, and whether it looks from above."""

    from_above: bool
    chances: Chances


def pooled(views: Sequence[View], prior: Chances = EVEN) -> Chances:
    """The pictures together: each adds its odds over the prior, weighed down for what pictures of a roof share."""
    kinds = len({view.from_above for view in views})
    total = {condition: math.log(prior[condition]) for condition in RoofCondition}
    for view in views:
        like = sum(other.from_above == view.from_above for other in views)
        weight = 1 / ((1 + (like - 1) * SAME_KIND) * (1 + (kinds - 1) * OTHER_KIND))
        for condition in RoofCondition:
            said = max(LEAST, view.chances.get(condition, 0.0))
            total[condition] += weight * (math.log(said) - math.log(prior[condition]))
    return normalised({condition: math.exp(value) for condition, value in total.items()})


def updated(chances: Chances, ratios: Iterable[Mapping[RoofCondition, float]]) -> Chances:
    """The probabilities after independent findings, each given by its likelihood ratios."""
    result = {condition: max(LEAST, chances.get(condition, 0.0)) for condition in RoofCondition}
    for ratio in ratios:
        result = {condition: value * ratio[condition] for condition, value in result.items()}
    return normalised(result)


def normalised(weights: Mapping[RoofCondition, float]) -> Chances:
    """The same proportions, summing to 1."""
    total = sum(weights.values())
    return {condition: weights[condition] / total for condition in RoofCondition}


def overlap(first: Chances, second: Chances) -> float:
    """Shared probability mass of two distributions, 0..1."""
    return sum(min(first.get(condition, 0.0), second.get(condition, 0.0)) for condition in RoofCondition)
