"""Bayes: from what the pictures say and what else is known of the house to one probability a condition."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from shared.schemas.enums import RoofCondition

Chances = Mapping[RoofCondition, float]
LEAST: Final = 1e-4
"""No picture rules a condition out."""


def updated(chances: Chances, ratios: Iterable[Mapping[RoofCondition, float]]) -> Chances:
    """The probabilities after independent findings, each given by its likelihood ratios."""
    result = {condition: max(LEAST, chances.get(condition, 0.0)) for condition in RoofCondition}
    for ratio in ratios:
        result = {condition: value * ratio[condition] for condition, value in result.items()}
    total = sum(result.values())
    return {condition: value / total for condition, value in result.items()}


def overlap(first: Chances, second: Chances) -> float:
    """Shared probability mass of two distributions, 0..1."""
    return sum(min(first.get(condition, 0.0), second.get(condition, 0.0)) for condition in RoofCondition)
