"""The set-based form of score, grade and price, built from the tables of the per-property form.

Every function returns SQL text over column expressions that the repository chose; it never holds a value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from services.lead_generator.domain.grades import GRADE_FLOORS
from services.lead_generator.domain.pricing import BASE_PRICES, PREMIUM_FACTORS, Premium
from services.lead_generator.domain.scoring import (
    AGE_BANDS,
    COMPLETENESS_FIELDS,
    COMPLETENESS_STEPS,
    CONDITION_POINTS,
    CONTACT_POINTS,
    MAXIMA,
    TRIGGER_CAP,
    TRIGGER_POINTS,
    VALUE_BANDS,
    Band,
    Reach,
    ScoringTrigger,
)


@dataclass(frozen=True, slots=True)
class ScoreColumns:
    """SQL expressions of one row's facts.

    `triggers` maps each scoring trigger to a boolean; `present` maps each field of G-14 to a boolean;
    `email_reach` and `phone_reach` yield none, unverified or verified (see `reach_case`).
    """

    property_value: str
    roof_age_years: str
    triggers: Mapping[ScoringTrigger, str]
    condition: str
    email_reach: str
    phone_reach: str
    present: Mapping[str, str]


def reach_case(value: str, verified: str) -> str:
    """How well a contact column is known: none, unverified or verified."""
    return (
        f"CASE WHEN {value} IS NULL THEN '{Reach.NONE}' WHEN {verified} THEN '{Reach.VERIFIED}'"
        f" ELSE '{Reach.UNVERIFIED}' END"
    )


def factor_expressions(columns: ScoreColumns) -> dict[str, str]:
    """One integer expression for each factor, under the factor's name."""
    return {
        "property_value": band_case(VALUE_BANDS, columns.property_value),
        "roof_age": band_case(AGE_BANDS, columns.roof_age_years),
        "triggers": _trigger_sum(columns.triggers),
        "condition": choices_case(columns.condition, CONDITION_POINTS.items()),
        "contact": _contact_case(columns.email_reach, columns.phone_reach),
        "completeness": _completeness_case(columns.present),
    }


def score_expression(columns: ScoreColumns) -> str:
    """The total from 0 to 100 as one integer expression."""
    return "(" + " + ".join(factor_expressions(columns).values()) + ")"


def grade_expression(score: str) -> str:
    """The grade letter of a score column; NULL below 60."""
    return _floors(score, ((floor, f"'{grade}'") for floor, grade in GRADE_FLOORS), "NULL")


def price_expression(score: str, premiums: Mapping[Premium, str] | None = None) -> str:
    """The price of a score column, each premium under its boolean; NULL below 60 stays NULL.

    PostgreSQL rounds numerics half away from zero, which is half-up for a price.
    """
    base = _floors(score, ((floor, str(price)) for floor, price in BASE_PRICES), "NULL")
    factors = [
        f"CASE WHEN {condition} THEN {PREMIUM_FACTORS[premium]} ELSE 1 END"
        for premium, condition in (premiums or {}).items()
    ]
    return f"round({' * '.join([f'({base})::numeric', *factors])}, 2)"


def breakdown_expression(columns: ScoreColumns) -> str:
    """Points and maximum of each factor as one jsonb object."""
    pairs = (
        f"'{name}', jsonb_build_object('points', {points}, 'max', {MAXIMA[name]})"
        for name, points in factor_expressions(columns).items()
    )
    return f"jsonb_build_object({', '.join(pairs)})"


def band_case(bands: tuple[Band, ...], column: str) -> str:
    """Points of a band table; NULL gives 0, as every comparison with it fails."""
    whens = (
        f"WHEN {column} {'>' if band.strictly else '>='} {band.floor} THEN {band.points}" for band in bands
    )
    return f"CASE {' '.join(whens)} ELSE 0 END"


def _floors(column: str, rows: Iterable[tuple[int, str]], otherwise: str) -> str:
    whens = " ".join(f"WHEN {column} >= {floor} THEN {result}" for floor, result in rows)
    return f"CASE {whens} ELSE {otherwise} END"


def choices_case(column: str, rows: Iterable[tuple[str, int | Decimal]], otherwise: int | Decimal = 0) -> str:
    """A number for each text a column may hold, else `otherwise`."""
    whens = " ".join(f"WHEN '{value}' THEN {result}" for value, result in rows)
    return f"CASE {column} {whens} ELSE {otherwise} END"


def _trigger_sum(columns: Mapping[ScoringTrigger, str]) -> str:
    given = (
        f"CASE WHEN {columns[trigger]} THEN {points} ELSE 0 END" for trigger, points in TRIGGER_POINTS.items()
    )
    return f"least({TRIGGER_CAP}, {' + '.join(given)})"


def _contact_case(email: str, phone: str) -> str:
    whens = (
        f"WHEN {email} = '{email_reach}' AND {phone} = '{phone_reach}' THEN {points}"
        for (email_reach, phone_reach), points in CONTACT_POINTS.items()
    )
    return f"CASE {' '.join(whens)} END"


def _completeness_case(present: Mapping[str, str]) -> str:
    missing = " + ".join(f"({present[name]} IS NOT TRUE)::int" for name in COMPLETENESS_FIELDS)
    whens = " ".join(f"WHEN ({missing}) <= {most} THEN {points}" for most, points in COMPLETENESS_STEPS)
    return f"CASE {whens} ELSE 0 END"
