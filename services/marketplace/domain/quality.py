"""What buyers' reports make of our grades: how many leads were reached and won, and how sure that is (C-17, G-09).

HOUSE terms, said on the page: a lead is judged when its time is over, by what its buyer reported in that time. A lead that
came back was neither reached nor won, whatever was reported of it before. Every paid sale counts and none is left out; a
lead nobody reported of is in no rate, so the share that was reported stands beside.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import BaseModel

from services.marketplace.domain.guarantee import JOB_DAYS, TELL_DAYS
from shared.schemas.enums import Grade
from shared.schemas.shares import wilson_interval

LOOK_BACK_DAYS: Final = 455
"""A year of leads whose time to become a job is over."""
CONTACT_DAYS: Final = TELL_DAYS
MIN_REPORTED: Final = 30
"""Below so many reported leads a rate says more about chance, or about one buyer, than about the grade."""
DIGITS: Final = 4


class Rate(BaseModel):
    """A share with its 95 % interval by Wilson; empty while `of` is below the least number."""

    of: int
    enough: bool
    hits: int | None = None
    share: float | None = None
    low: float | None = None
    high: float | None = None


class BandView(BaseModel):
    """The leads of one grade, or of all; `reported` of `sold` is how many of them we know anything of."""

    grade: Grade | None
    sold: int
    came_back: int
    reported: int
    contact: Rate
    win: Rate


class QualityReport(BaseModel):
    """What our grades were worth: leads sold from `since` on; contact judged up to one day, wins up to an earlier one."""

    since: datetime
    contact_until: datetime
    win_until: datetime
    contact_days: int
    job_days: int
    least: int
    bands: list[BandView]
    total: BandView


def rate(hits: int, of: int) -> Rate:
    """The share of so many, said only where there are enough."""
    if of < MIN_REPORTED:
        return Rate(of=of, enough=False)
    low, high = wilson_interval(hits, of)
    return Rate(
        of=of,
        enough=True,
        hits=hits,
        share=round(hits / of, DIGITS),
        low=round(low, DIGITS),
        high=round(high, DIGITS),
    )


def borders(now: datetime) -> dict[str, datetime]:
    """From when to when leads were sold that are judged; the end belongs to nobody yet."""
    return {
        "since": now - timedelta(days=LOOK_BACK_DAYS),
        "contact_until": now - timedelta(days=CONTACT_DAYS),
        "win_until": now - timedelta(days=JOB_DAYS),
    }


def quality_report(counts: Iterable[Mapping[str, Any]], now: datetime) -> QualityReport:
    """The report of counted leads; a grade without leads is there with zeros, leads without a grade only in all."""
    rows = list(counts)
    found = {row["grade"]: row for row in rows if not row["whole"]}
    whole = [row for row in rows if row["whole"]]
    return QualityReport(
        **borders(now),
        contact_days=CONTACT_DAYS,
        job_days=JOB_DAYS,
        least=MIN_REPORTED,
        bands=[_band(grade, found.get(grade)) for grade in Grade],
        total=_band(None, whole[0] if whole else None),
    )


def _band(grade: Grade | None, row: Mapping[str, Any] | None) -> BandView:
    count = row or dict.fromkeys(("sold", "came_back", "reported", "contacted", "ripe", "won"), 0)
    return BandView(
        grade=grade,
        sold=count["sold"],
        came_back=count["came_back"],
        reported=count["reported"],
        contact=rate(count["contacted"], count["reported"]),
        win=rate(count["won"], count["ripe"]),
    )
