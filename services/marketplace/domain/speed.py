"""How fast a buyer was with a lead, and when we remind it; HOUSE delays.

The time runs from the first look at the owner to the first try that was reported: a call, a visit, a message, answered
or not. Who tried before the first look (in a system of its own) was so fast from the purchase on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from pydantic import BaseModel

from services.marketplace.domain.guarantee import TELL_DAYS, TRY_DAYS


class SpeedState(StrEnum):
    """Where a bought lead stands before its first try."""

    UNSEEN = "unseen"
    WAITING = "waiting"
    TRIED = "tried"
    CLOSED = "closed"
    """Given back, or reported without a try."""


class Speed(BaseModel):
    """Where a lead stands, and for how many minutes it has waited, or did wait."""

    state: SpeedState
    minutes: int | None = None


@dataclass(frozen=True, slots=True)
class Nudge:
    """A reminder so long after the first look while nothing is reported; its kind is kept, so it goes out once."""

    kind: str
    after: timedelta
    title: str
    words: str


NUDGES: Final = (
    Nudge(
        "untouched_1h",
        timedelta(hours=1),
        "An hour without a report",
        "You looked at this lead an hour ago. Report your first try as soon as you have made it.",
    ),
    Nudge(
        "untouched_24h",
        timedelta(hours=24),
        "A day without a report",
        "You looked at this lead a day ago and nothing is reported. Your own numbers count only what you report.",
    ),
    Nudge(
        "untouched_48h",
        timedelta(hours=48),
        "Two days without a report",
        f"For the guarantee a first try counts only within {TRY_DAYS} days of the purchase, "
        f"reported within {TELL_DAYS} days of it.",
    ),
)
NUDGED_DAYS: Final = TELL_DAYS
"""Nobody is reminded of a lead for whose guarantee a report comes too late."""


def speed(
    *,
    kept: bool,
    reported: bool,
    sold_at: datetime | None,
    revealed_at: datetime | None,
    first_try_at: datetime | None,
    now: datetime,
) -> Speed:
    """Where a lead stands now."""
    if first_try_at is not None and sold_at is not None:
        looked_first = revealed_at is not None and revealed_at <= first_try_at
        start = revealed_at if looked_first and revealed_at is not None else sold_at
        return Speed(state=SpeedState.TRIED, minutes=_minutes(start, first_try_at))
    if not kept or reported:
        return Speed(state=SpeedState.CLOSED)
    if revealed_at is None:
        return Speed(state=SpeedState.UNSEEN)
    return Speed(state=SpeedState.WAITING, minutes=_minutes(revealed_at, now))


def _minutes(start: datetime, end: datetime) -> int:
    return max(int((end - start).total_seconds() // 60), 0)
