"""Quality score of a lead, 0 to 100, from six factors (S4-3.5.1).

The tables below are the rules; prospecting estimates with the same tables in SQL.
Edges are lower-inclusive but for the top bands, which are strictly above (C-16).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Any, Final, NamedTuple

from services.lead_generator.domain.grades import grade_of
from shared.schemas.enums import Grade, RoofCondition


class Band(NamedTuple):
    """Points for a value of at least `floor`, or strictly above it."""

    floor: int
    points: int
    strictly: bool = False

    def holds(self, value: Decimal | int) -> bool:
        """Whether the value lies in the band or above it."""
        return value > self.floor if self.strictly else value >= self.floor


class ScoringTrigger(StrEnum):
    """Events that give points; tornado and hurricane count as wind (C-37)."""

    HAIL = "hail"
    WIND = "wind"
    NEIGHBOR_PERMITS = "neighbor_permits"
    INSURANCE_CLAIM = "insurance_claim"


class Reach(StrEnum):
    """How well an e-mail address or a phone number is known."""

    NONE = "none"
    UNVERIFIED = "unverified"
    VERIFIED = "verified"


VALUE_BANDS: Final = (
    Band(500_000, 20, strictly=True),
    Band(300_000, 15),
    Band(200_000, 10),
    Band(100_000, 5),
)
AGE_BANDS: Final = (Band(25, 20, strictly=True), Band(20, 15), Band(15, 10), Band(10, 5))
TRIGGER_POINTS: Final = {
    ScoringTrigger.HAIL: 15,
    ScoringTrigger.WIND: 10,
    ScoringTrigger.NEIGHBOR_PERMITS: 10,
    ScoringTrigger.INSURANCE_CLAIM: 15,
}
TRIGGER_CAP: Final = 25
CONDITION_POINTS: Final = {
    RoofCondition.CRITICAL: 20,
    RoofCondition.POOR: 15,
    RoofCondition.FAIR: 10,
    RoofCondition.GOOD: 5,
    RoofCondition.EXCELLENT: 0,
}
# C-15: e-mail first, phone second; the specification's 10, 7, 4 and 0 stand, the rest lies between them.
CONTACT_POINTS: Final = {
    (Reach.VERIFIED, Reach.VERIFIED): 10,
    (Reach.VERIFIED, Reach.UNVERIFIED): 8,
    (Reach.VERIFIED, Reach.NONE): 7,
    (Reach.UNVERIFIED, Reach.VERIFIED): 6,
    (Reach.UNVERIFIED, Reach.UNVERIFIED): 4,
    (Reach.UNVERIFIED, Reach.NONE): 4,
    (Reach.NONE, Reach.VERIFIED): 3,
    (Reach.NONE, Reach.UNVERIFIED): 1,
    (Reach.NONE, Reach.NONE): 0,
}
# G-14
COMPLETENESS_FIELDS: Final = (
    "address",
    "zip",
    "geo",
    "owner",
    "value",
    "year_built",
    "sqft",
    "type",
    "roof_age",
    "roof_type",
    "image",
    "contact",
)
# Points while at most so many fields are missing.
COMPLETENESS_STEPS: Final = ((0, 5), (2, 3))
MAXIMA: Final = {
    "property_value": 20,
    "roof_age": 20,
    "triggers": TRIGGER_CAP,
    "condition": 20,
    "contact": 10,
    "completeness": 5,
}


@dataclass(frozen=True, slots=True)
class ScoreInput:
    """What a score may look at; None is unknown and gives no points. `missing` names fields of G-14."""

    property_value: Decimal | None
    roof_age_years: int | None
    triggers: frozenset[ScoringTrigger]
    condition: RoofCondition | None
    email: Reach
    phone: Reach
    missing: frozenset[str]


@dataclass(frozen=True, slots=True)
class Factor:
    """Points of one factor out of its maximum, and the fact they rest on."""

    points: int
    maximum: int
    basis: str


@dataclass(frozen=True, slots=True)
class Score:
    """The total, its grade (None below 60) and what each factor gave."""

    total: int
    grade: Grade | None
    factors: Mapping[str, Factor]

    def breakdown(self) -> dict[str, Any]:
        """The explanation stored with the lead: points, maximum and basis of each factor."""
        return {
            name: {"points": factor.points, "max": factor.maximum, "basis": factor.basis}
            for name, factor in self.factors.items()
        }


def score_of(facts: ScoreInput) -> Score:
    """The score of one property with its explanation."""
    found = {
        "property_value": (band_points(VALUE_BANDS, facts.property_value), _amount(facts.property_value)),
        "roof_age": (band_points(AGE_BANDS, facts.roof_age_years), _years(facts.roof_age_years)),
        "triggers": (trigger_points(facts.triggers), ", ".join(sorted(facts.triggers)) or "none"),
        "condition": (condition_points(facts.condition), facts.condition or "unknown"),
        "contact": (CONTACT_POINTS[facts.email, facts.phone], f"email {facts.email}, phone {facts.phone}"),
        "completeness": (completeness_points(len(facts.missing)), _missing(facts.missing)),
    }
    factors = {name: Factor(points, MAXIMA[name], str(basis)) for name, (points, basis) in found.items()}
    total = sum(factor.points for factor in factors.values())
    return Score(total, grade_of(total), factors)


def band_points(bands: tuple[Band, ...], value: Decimal | int | None) -> int:
    """Points of the first band that holds; 0 below all and for an unknown value."""
    if value is None:
        return 0
    return next((band.points for band in bands if band.holds(value)), 0)


def trigger_points(triggers: frozenset[ScoringTrigger]) -> int:
    """Points of distinct triggers together, at most 25."""
    return min(TRIGGER_CAP, sum(TRIGGER_POINTS[trigger] for trigger in triggers))


def condition_points(condition: RoofCondition | None) -> int:
    """Points of the visible condition; an unseen roof gives none."""
    return CONDITION_POINTS[condition] if condition is not None else 0


def completeness_points(missing_fields: int) -> int:
    """5 for a complete record, 3 with one or two fields missing, else 0."""
    return next((points for most, points in COMPLETENESS_STEPS if missing_fields <= most), 0)


def _amount(value: Decimal | None) -> str:
    return "unknown" if value is None else f"{value.quantize(Decimal(1), rounding=ROUND_HALF_UP):,} USD"


def _years(age: int | None) -> str:
    return "unknown" if age is None else f"{age} years"


def _missing(fields: frozenset[str]) -> str:
    return "missing " + ", ".join(sorted(fields)) if fields else "complete"
