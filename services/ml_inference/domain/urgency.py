"""How soon somebody should look at a roof, 0 to 100 (domain/roofing.md 4)."""

from __future__ import annotations

from typing import Final

MOST_BY_AGE: Final = 80.0
TWO_SOURCES: Final = 10.0
SPEAKS_FROM: Final = 50.0
"""A source at or above it speaks for haste (HOUSE)."""


def urgency(*, severity: float, age_years: int | None, life_years: int, storm_strength: int | None) -> int:
    """The strongest of damage, age and a storm of the last 90 days, and ten more where two of them agree."""
    sources = (
        severity,
        min(MOST_BY_AGE, 100.0 * age_years / life_years) if age_years is not None else 0.0,
        float(storm_strength or 0),
    )
    agreeing = sum(source >= SPEAKS_FROM for source in sources)
    return round(min(100.0, max(sources) + (TWO_SOURCES if agreeing >= 2 else 0.0)))
