"""The rules of `hvac` as SQL text over columns that the repository chose; it never holds a value."""

from __future__ import annotations

from services.lead_generator.domain.hvac import AGE_BANDS, IDLE_STATUSES, PUNCTUATION


def dates_a_system(opened_on: str, status: str, today: str) -> str:
    """Whether a permit dates a system."""
    idle = ", ".join(f"'{word}'" for word in IDLE_STATUSES)
    return f"({opened_on} IS NOT NULL AND {opened_on} <= {today} AND coalesce({status}, '') NOT IN ({idle}))"


def years_expression(opened_on: str, today: str) -> str:
    """Whole years since a permit; NULL without one."""
    return f"date_part('year', age({today}, {opened_on}))::int"


def tier_expression(years: str) -> str:
    """The tier of an age; NULL for an unknown one."""
    return f"CASE {' '.join(f'WHEN {years} >= {b.from_years} THEN {b.tier.value!r}' for b in AGE_BANDS)} END"


def score_expression(years: str) -> str:
    """The score of an age; NULL for an unknown one."""
    whens = (
        f"WHEN {years} >= {b.from_years} THEN {b.points} + {b.per_year} * ({years} - {b.from_years})"
        for b in AGE_BANDS
    )
    return f"CASE {' '.join(whens)} END"


def normal_address_expression(column: str) -> str:
    """An address in upper case and without punctuation."""
    return f"btrim(regexp_replace(upper({column}), '{PUNCTUATION}', ' ', 'g'))"
