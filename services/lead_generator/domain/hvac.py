"""HVAC leads from old permits (S0-34 to S0-36): how old a system is, how warm that makes its house, and the lead.

`hvac_sql` builds the statement over all houses from these tables.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

from services.lead_generator.domain.roof_age import full_years
from shared.schemas.enums import HvacTier

LEAD_FROM_YEARS: Final = 5
# No work was done under these, so they date no system and do not count.
IDLE_STATUSES: Final = ("cancelled", "rejected")
PUNCTUATION: Final = "[^A-Z0-9]+"


class AgeBand(NamedTuple):
    """Tier and score of a system of at least so many years: `points`, and `per_year` for every year above."""

    from_years: int
    tier: HvacTier
    points: int
    per_year: int


AGE_BANDS: Final = (
    AgeBand(20, HvacTier.HOT, 100, 0),
    AgeBand(15, HvacTier.HOT, 80, 3),
    AgeBand(10, HvacTier.WARM, 60, 3),
    AgeBand(5, HvacTier.COOL, 40, 3),
    AgeBand(0, HvacTier.COLD, 0, 7),
)


@dataclass(frozen=True, slots=True)
class SystemPermit:
    """A permit for work on a house's system."""

    number: str
    opened_on: date | None
    status: str | None = None


@dataclass(frozen=True, slots=True)
class SystemAge:
    """What a house's permits say: the newest dates the system, all of them count."""

    newest: str
    permits: int
    years: int
    tier: HvacTier
    score: int

    def is_lead(self) -> bool:
        """Whether the system is old enough to be worth a call."""
        return self.years >= LEAD_FROM_YEARS


def system_age(permits: Iterable[SystemPermit], today: date) -> SystemAge | None:
    """The age by the newest permit of a house up to today; None where none dates its system."""
    dating = [
        (permit.opened_on, permit.number)
        for permit in permits
        if permit.opened_on and permit.opened_on <= today and permit.status not in IDLE_STATUSES
    ]
    if not dating:
        return None
    opened_on, number = max(dating)
    years = full_years(opened_on, today)
    return SystemAge(number, len(dating), years, tier_of(years), score_of(years))


def tier_of(years: int) -> HvacTier:
    """HOT from 15 years, WARM from 10, COOL from 5, else COLD."""
    return _band(years).tier


def score_of(years: int) -> int:
    """0 to 100, rising with every year up to 20."""
    band = _band(years)
    return band.points + band.per_year * (years - band.from_years)


def normal_address(text: str) -> str:
    """An address in upper case and without punctuation."""
    return re.sub(PUNCTUATION, " ", text.upper()).strip()


def _band(years: int) -> AgeBand:
    return next(band for band in AGE_BANDS if years >= band.from_years)
