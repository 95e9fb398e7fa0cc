"""Tables of the scoring rules as SQL text over a column that the repository chose; it never holds a value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

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
)


@dataclass(frozen=True, slots=True)
class ScoreColumns:
    """SQL expressions of what one lead's score may look at; NULL is unknown."""

    present: Mapping[str, str]
    """A boolean for every field of COMPLETENESS_FIELDS, never NULL."""
    property_value: str = "facts.property_value"
    roof_age: str = "facts.roof_age_mid"
    triggers: str = "facts.triggers"
    """Distinct names of scoring triggers as text[], in their order, never NULL."""
    condition: str = "facts.overall_condition"
    email: str = "facts.email"
    """A Reach as text, never NULL; so `phone`."""
    phone: str = "facts.phone"


class Part(NamedTuple):
    """One factor: an integer, and the text of what it rests on."""

    points: str
    basis: str


def band_case(bands: tuple[Band, ...], column: str) -> str:
    """Points of a band table; NULL gives 0, as every comparison with it fails."""
    whens = (
        f"WHEN {column} {'>' if band.strictly else '>='} {band.floor} THEN {band.points}" for band in bands
    )
    return f"CASE {' '.join(whens)} ELSE 0 END"


def choices_case(column: str, rows: Iterable[tuple[str, int | Decimal]], otherwise: int | Decimal = 0) -> str:
    """A number for each text a column may hold, else `otherwise`."""
    whens = " ".join(f"WHEN '{value}' THEN {result}" for value, result in rows)
    return f"CASE {column} {whens} ELSE {otherwise} END"


def scored(facts: str, columns: ScoreColumns, premiums: Mapping[Premium, str]) -> str:
    """A query that gives every row of the query `facts` its score, grade, price and breakdown, as `scoring.score_of` does.

    Each level rests on names of the one below; but for OFFSET 0 an expression would be worked out wherever its name stands.
    """
    parts = score_parts(columns)
    points = ", ".join(f"{part.points} AS {name}_points" for name, part in parts.items())
    total = " + ".join(f"{name}_points" for name in parts)
    query = facts
    for level in (f"{missing_expression(columns.present)} AS missing", points, f"{total} AS score"):
        query = f"SELECT facts.*, {level} FROM ({query}) facts OFFSET 0"  # noqa: S608 - built from rule tables
    return f"""
        SELECT facts.*, {grade_expression("score")} AS grade, {price_expression("score", premiums)} AS price,
               {_breakdown(parts)} AS breakdown FROM ({query}) facts
    """  # noqa: S608 - built from rule tables


def score_parts(columns: ScoreColumns) -> dict[str, Part]:
    """Every factor of a score."""
    value, age, names = columns.property_value, columns.roof_age, columns.triggers
    gained = " + ".join(
        f"CASE WHEN '{trigger}' = ANY ({names}) THEN {points} ELSE 0 END"
        for trigger, points in TRIGGER_POINTS.items()
    )
    contact = ((f"{email} {phone}", points) for (email, phone), points in CONTACT_POINTS.items())
    steps = " ".join(
        f"WHEN cardinality(missing) <= {most} THEN {points}" for most, points in COMPLETENESS_STEPS
    )
    return {
        "property_value": Part(
            band_case(VALUE_BANDS, value),
            f"coalesce(to_char(round({value}), 'FM999,999,999,990') || ' USD', 'unknown')",
        ),
        "roof_age": Part(band_case(AGE_BANDS, age), f"coalesce({age} || ' years', 'unknown')"),
        "triggers": Part(
            f"least({TRIGGER_CAP}, {gained})", f"coalesce(nullif(array_to_string({names}, ', '), ''), 'none')"
        ),
        "condition": Part(
            choices_case(
                columns.condition, ((name.value, points) for name, points in CONDITION_POINTS.items())
            ),
            f"coalesce({columns.condition}, 'unknown')",
        ),
        "contact": Part(
            choices_case(f"{columns.email} || ' ' || {columns.phone}", contact),
            f"'email ' || {columns.email} || ', phone ' || {columns.phone}",
        ),
        "completeness": Part(
            f"CASE {steps} ELSE 0 END",
            "CASE WHEN cardinality(missing) = 0 THEN 'complete' ELSE 'missing ' || array_to_string(missing, ', ') END",
        ),
    }


def missing_expression(present: Mapping[str, str]) -> str:
    """The missing fields of G-14 in their alphabetical order, as text[]."""
    names = ", ".join(
        f"CASE WHEN NOT ({present[name]}) THEN '{name}' END" for name in sorted(COMPLETENESS_FIELDS)
    )
    return f"array_remove(ARRAY[{names}]::text[], NULL)"


def _breakdown(parts: Mapping[str, Part]) -> str:
    factors = (
        f"'{name}', jsonb_build_object('points', {name}_points, 'max', {MAXIMA[name]}, 'basis', {part.basis})"
        for name, part in parts.items()
    )
    return f"jsonb_build_object({', '.join(factors)})"


def grade_expression(score: str) -> str:
    """The grade of a score, NULL below 60."""
    return (
        "CASE "
        + " ".join(f"WHEN {score} >= {floor} THEN '{grade}'" for floor, grade in GRADE_FLOORS)
        + " END"
    )


def price_expression(score: str, premiums: Mapping[Premium, str]) -> str:
    """The price in dollars with the premiums whose boolean holds, rounded half-up to cents; NULL below 60."""
    base = (
        "CASE " + " ".join(f"WHEN {score} >= {floor} THEN {price}" for floor, price in BASE_PRICES) + " END"
    )
    factors = "".join(
        f" * CASE WHEN {holds} THEN {PREMIUM_FACTORS[premium]} ELSE 1 END"
        for premium, holds in premiums.items()
    )
    return f"round(({base})::numeric{factors}, 2)"
