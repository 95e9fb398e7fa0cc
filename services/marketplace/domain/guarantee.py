"""The guarantee that a fifth of the leads becomes a job (S4-3.6.6-7, G-09), as one computed rule. HOUSE terms.

A buyer's time is cut into periods of 90 days from its first lead. A lead has 90 days to become a job, so a period is
judged 90 days after its end, when no lead of it can come back any more. Leads that came back do not count. Whoever
bought enough leads, tried them in time, told us so while it was fresh, and said how they ended, is credited the average
price of every job that is missing, at most half of what it paid.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from pydantic import BaseModel

PERIOD_DAYS: Final = 90
JOB_DAYS: Final = 90
TRY_DAYS: Final = 3
TELL_DAYS: Final = 14
"""An attempt counts when made within TRY_DAYS of the sale and reported within TELL_DAYS of it."""
MIN_LEADS: Final = 20
MIN_TRIED_PERCENT: Final = 90
MIN_ENDED_PERCENT: Final = 90
JOB_PERCENT: Final = 20
CAP_PERCENT: Final = 50


class Standing(StrEnum):
    """Where a period stands: leads still come, their time still runs, it can be settled, it is settled."""

    COLLECTING = "collecting"
    WAITING = "waiting"
    DUE = "due"
    SETTLED = "settled"


@dataclass(frozen=True, slots=True)
class Facts:
    """The leads of one period: kept, tried in time, ended in a word, become jobs, paid for, still being returned."""

    leads: int
    tried: int
    ended: int
    won: int
    spent_cents: int
    open_returns: int = 0


class Term(BaseModel):
    """One condition: how many leads it needs, how many fulfil it."""

    name: str
    needed: int
    have: int
    met: bool


class PeriodView(BaseModel):
    """One period of a buyer; `credit_cents` is what it would bring today, or what it brought when settled."""

    period: int
    starts_at: datetime
    ends_at: datetime
    due_at: datetime
    standing: Standing
    terms: list[Term]
    won: int
    jobs_promised: int
    spent_cents: int
    cap_cents: int
    credit_cents: int
    settled_at: datetime | None


class Settlement(BaseModel):
    """What a period brought its buyer; booked once."""

    id: UUID
    contractor_id: UUID
    period: int
    leads: int
    won: int
    spent_cents: int
    credit_cents: int
    settled_at: datetime


def bounds(first: datetime, period: int) -> tuple[datetime, datetime, datetime]:
    """When a period starts, ends, and may be settled; the end belongs to the next one."""
    starts = first + timedelta(days=PERIOD_DAYS * period)
    ends = starts + timedelta(days=PERIOD_DAYS)
    return starts, ends, ends + timedelta(days=JOB_DAYS)


def standing(first: datetime, period: int, now: datetime, *, open_returns: int, settled: bool) -> Standing:
    """Where a period stands; an open return holds its settlement up."""
    _, ends, due = bounds(first, period)
    if settled:
        return Standing.SETTLED
    if now < ends:
        return Standing.COLLECTING
    return Standing.WAITING if now < due or open_returns else Standing.DUE


def terms(facts: Facts) -> list[Term]:
    """Every condition a buyer must fulfil, and how far it does."""
    tried, ended = (_share(facts.leads, percent) for percent in (MIN_TRIED_PERCENT, MIN_ENDED_PERCENT))
    found = (
        ("leads_bought", MIN_LEADS, facts.leads),
        ("leads_tried_in_time", tried, facts.tried),
        ("leads_with_an_end_reported", ended, facts.ended),
    )
    return [Term(name=name, needed=needed, have=have, met=have >= needed) for name, needed, have in found]


def jobs_promised(leads: int) -> int:
    """How many of so many leads we promised to become jobs."""
    return _share(leads, JOB_PERCENT)


def cap_cents(facts: Facts) -> int:
    """The most a period can bring."""
    return facts.spent_cents * CAP_PERCENT // 100


def credit_cents(facts: Facts) -> int:
    """What a period owes its buyer: the average price of every missing job, capped; 0 where a term is not met."""
    missing = jobs_promised(facts.leads) - facts.won
    if missing <= 0 or not all(term.met for term in terms(facts)):
        return 0
    return min(cap_cents(facts), missing * facts.spent_cents // facts.leads)


def _share(whole: int, percent: int) -> int:
    """So many percent of a whole, rounded up."""
    return -(-whole * percent // 100)
