"""Tables of the scoring rules as SQL text over a column that the repository chose; it never holds a value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
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

    def looked_at(self) -> tuple[str, ...]:
        """The expressions but for `present`."""
        return (self.property_value, self.roof_age, self.triggers, self.condition, self.email, self.phone)


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


def scored(
    facts: str,
    columns: ScoreColumns,
    premiums: Mapping[Premium, str],
    *,
    beside: Sequence[str] = (),
    last: str = "NULL",
) -> str:
    """A query that gives the rows of the query `facts` their score, grade, price and breakdown, as `scoring.score_of` does.

    `digest`, a bigint, stands for all that these rest on, the rules and the columns `beside` included. A row whose `last`
    digest still holds is left out.
    """
    parts = score_parts(columns)
    points = ", ".join(f"{part.points} AS {name}_points" for name, part in parts.items())
    total = " + ".join(f"{name}_points" for name in parts)
    rules = (points, total, grade_expression("score"), price_expression("score", premiums), _breakdown(parts))
    looked_at = (*columns.looked_at(), "facts.missing", *premiums.values(), *beside)
    query = _level(facts, f"{missing_expression(columns.present)} AS missing")
    query = _level(query, f"{_digest(looked_at, rules)} AS digest")
    query = _level(query, points, f"digest IS DISTINCT FROM {last}")
    query = _level(query, f"{total} AS score")
    return f"""
        SELECT facts.*, {grade_expression("score")} AS grade, {price_expression("score", premiums)} AS price,
               {_breakdown(parts)} AS breakdown FROM ({query}) facts
    """  # noqa: S608 - built from rule tables


def _level(query: str, columns: str, condition: str = "true") -> str:
    """The query's rows with more columns; worked out once, before anything that rests on them."""
    return f"SELECT facts.*, {columns} FROM ({query}) facts WHERE {condition} OFFSET 0"  # noqa: S608 - our own constants


def _digest(looked_at: Sequence[str], rules: Sequence[str]) -> str:
    """A hash of columns; its seed is one of the rules' own text, so that another rule is another digest."""
    seed = int.from_bytes(sha256("\n".join(rules).encode()).digest()[:8], signed=True)
    return f"hash_record_extended(ROW({', '.join(looked_at)}), {seed})"


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
    """The explanation as jsonb; read from text it takes half the time of nested calls that build it."""
    factors = ", ',', ".join(
        f"""'"{name}":{{"points":', {name}_points, ',"max": {MAXIMA[name]},"basis":', to_json({part.basis}), '}}'"""
        for name, part in parts.items()
    )
    return f"concat('{{', {factors}, '}}')::jsonb"


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
