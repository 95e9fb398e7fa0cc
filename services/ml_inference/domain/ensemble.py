"""One condition from three models (S4-3.4.2) on one scale from 0 (sound) to 100 (critical), and how sure it is.

A model without evidence has no term: the weights of the others are scaled up. That nothing was found is no proof that
nothing is there, so it neither lowers the condition's index nor the confidence. Damage only worsens what the whole roof
looks like: a few missing shingles do not make a worn-out roof better.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

from services.ml_inference.domain.combining import Chances
from shared.schemas.condition import CONDITION_INDEX
from shared.schemas.enums import ModelType, RoofCondition
from shared.schemas.roof_evidence import ConditionTerm

Curve = tuple[tuple[float, float], ...]

WEIGHTS: Final = {ModelType.CLASSIFIER: 0.4, ModelType.DETECTOR: 0.4, ModelType.SEGMENTOR: 0.2}
# G-13. Severity is on the scale as it is; a quarter of the roof damaged is beyond repair (domain/roofing.md 4).
SEVERITY_INDEX: Final[Curve] = ((0.0, 0.0), (100.0, 100.0))
DAMAGED_SHARE_INDEX: Final[Curve] = ((0.0, 0.0), (0.25, 100.0))
DAMAGE_FROM_SHARE: Final = 0.01
"""Less of the roof's pixels is the segmentor's noise, not damage."""
INDEPENDENCE: Final = 0.25
"""Pictures of one roof repeat each other: n of them count as n ** 0.25. On 150 rendered houses of five pictures each (the
first of the calibration split) the log loss was least there, and 0.84 was said where 0.84 was right; n ** 0.5 said 0.88."""


def terms_of(
    probabilities: Chances | None,
    *,
    severity: float | None,
    damaged_share: float | None,
    confidences: Mapping[ModelType, float | None],
) -> list[ConditionTerm]:
    """The terms that there is evidence for, their weights summing to 1."""
    looks = None if probabilities is None else expected_index(probabilities)
    indexes: dict[ModelType, float | None] = {
        ModelType.CLASSIFIER: looks,
        ModelType.DETECTOR: max(looks or 0.0, along(SEVERITY_INDEX, severity)) if severity else None,
        ModelType.SEGMENTOR: max(looks or 0.0, along(DAMAGED_SHARE_INDEX, damaged_share))
        if damaged_share is not None and damaged_share >= DAMAGE_FROM_SHARE
        else None,
    }
    there = {role: index for role, index in indexes.items() if index is not None}
    whole = sum(WEIGHTS[role] for role in there)
    return [
        ConditionTerm(
            role=role,
            index=round(index, 2),
            weight=round(WEIGHTS[role] / whole, 4),
            confidence=confidences.get(role),
        )
        for role, index in there.items()
    ]


def index_of(terms: Sequence[ConditionTerm]) -> float:
    """The weighted index of all terms."""
    return round(min(100.0, sum(term.index * term.weight for term in terms)), 2)


def expected_index(probabilities: Chances) -> float:
    """Where a distribution over the conditions lies on the scale."""
    return sum(CONDITION_INDEX[condition] * chance for condition, chance in probabilities.items())


def along(curve: Curve, value: float) -> float:
    """The curve's height at a value, straight between its points and level beyond them."""
    if value <= curve[0][0]:
        return curve[0][1]
    for (left, low), (right, high) in pairwise(curve):
        if value <= right:
            return low + (high - low) * (value - left) / (right - left)
    return curve[-1][1]


def pooled(*kinds: Sequence[Chances]) -> dict[RoofCondition, float] | None:
    """One distribution from those of several pictures, given by kind of view; None of none.

    Each kind counts alike however many pictures it has: four sides from the street say no more than one picture from
    above (on the houses named at INDEPENDENCE 0.84 are right so, 0.82 with every picture alike).
    """
    there = [pictures for pictures in kinds if pictures]
    if not there:
        return None
    weight = sum(map(len, there)) ** INDEPENDENCE / len(there)
    logs = {
        condition: weight * sum(_mean_log(pictures, condition) for pictures in there)
        for condition in RoofCondition
    }
    highest = max(logs.values())
    raised = {condition: math.exp(value - highest) for condition, value in logs.items()}
    whole = sum(raised.values())
    return {condition: value / whole for condition, value in raised.items()}


def _mean_log(pictures: Sequence[Chances], condition: RoofCondition) -> float:
    return sum(math.log(max(chances.get(condition, 0.0), 1e-6)) for chances in pictures) / len(pictures)


def weakest_confidence(terms: Sequence[ConditionTerm]) -> float | None:
    """The specification's min() over the models that have evidence (C-03: stored, not gated on)."""
    known = [term.confidence for term in terms if term.confidence is not None]
    return min(known) if known else None
