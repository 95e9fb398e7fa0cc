"""The set-based form of neighbour, roof age and sale triggers, built from the per-property tables.

That of storms is in `prospecting_sql`.
Every function returns SQL text over column expressions that the repository chose; it never holds a value.
"""

from __future__ import annotations

from services.lead_generator.domain.scoring_sql import choices_case
from services.lead_generator.domain.triggers import (
    EXPIRY_DAYS,
    NEIGHBOR_MIN_PERMITS,
    NEIGHBOR_STRENGTH,
    ROOF_AGE_ABOVE_YEARS,
    ROOF_AGE_STRENGTH,
    SALE_STRENGTH,
    SALE_TIME_LOSS,
    SALE_WINDOW_DAYS,
    Rise,
)


def neighbor_strength_expression(permits: str) -> str:
    """Strength of the permits around a house; NULL where they are too few."""
    rise = _rise(NEIGHBOR_STRENGTH, f"{permits} - {NEIGHBOR_MIN_PERMITS}")
    return f"CASE WHEN {permits} >= {NEIGHBOR_MIN_PERMITS} THEN {rise} END"


def roof_age_strength_expression(years: str) -> str:
    """Strength of an old roof; NULL where it is not old enough or its age unknown."""
    rise = _rise(ROOF_AGE_STRENGTH, f"{years} - {ROOF_AGE_ABOVE_YEARS}")
    return f"CASE WHEN {years} > {ROOF_AGE_ABOVE_YEARS} THEN {rise} END"


def sale_strength_expression(sold_at: str, now: str) -> str:
    """Strength of a sale at a moment; NULL outside its window and where none is known."""
    days = f"floor(extract(epoch FROM {now} - {sold_at}) / 86400)"
    left = f"round({SALE_STRENGTH} - {SALE_TIME_LOSS} * {days} / {SALE_WINDOW_DAYS})::int"
    return f"CASE WHEN {days} >= 0 AND {days} < {SALE_WINDOW_DAYS} THEN {left} END"


def expiry_expression(trigger_type: str, occurred_at: str) -> str:
    """The moment a trigger stops counting."""
    hours = choices_case(trigger_type, ((kind.value, days * 24) for kind, days in EXPIRY_DAYS.items()))
    return f"{occurred_at} + ({hours}) * interval '1 hour'"


def _rise(rise: Rise, past: str) -> str:
    return f"least({rise.top}, {rise.start} + {rise.step} * ({past}))"
