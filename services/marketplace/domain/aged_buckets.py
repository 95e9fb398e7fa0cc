"""How old a lead is and in which bucket it is sold: whole days of 24 hours, in UTC."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from shared.schemas.aged_enums import AgeBucket

FIRST_DAY: Final[dict[AgeBucket, int]] = {
    AgeBucket.MONTH_3_TO_5: 90,
    AgeBucket.MONTH_6_TO_8: 180,
    AgeBucket.MONTH_9_TO_11: 270,
    AgeBucket.MONTH_12_TO_23: 360,
    AgeBucket.MONTH_24_PLUS: 720,
}
"""The day on which a lead enters each bucket; it leaves where the next begins. Younger leads are not sold."""

DAY: Final = timedelta(hours=24)
LONG_AGO: Final = timedelta(days=365 * 200)


def age_days(originated_at: datetime, now: datetime) -> int:
    """Whole days of 24 hours since the lead originated; negative for one of the future."""
    return (now - originated_at) // DAY


def bucket_at(originated_at: datetime, now: datetime) -> AgeBucket | None:
    """The bucket a lead is sold in at this moment; None before its ninetieth day."""
    age = age_days(originated_at, now)
    reached = [bucket for bucket, first in FIRST_DAY.items() if age >= first]
    return reached[-1] if reached else None


def originated_between(bucket: AgeBucket, now: datetime) -> tuple[datetime, datetime]:
    """Leads of the bucket originated after the first moment, up to and including the second."""
    buckets = list(FIRST_DAY)
    following = buckets.index(bucket) + 1
    until = FIRST_DAY[buckets[following]] * DAY if following < len(buckets) else LONG_AGO
    return now - until, now - FIRST_DAY[bucket] * DAY


def nearest_first(bucket: AgeBucket) -> list[AgeBucket]:
    """The other buckets, nearest in age first, the older of two equally near ones before the younger."""
    buckets = list(FIRST_DAY)
    place = buckets.index(bucket)
    others = [other for other in buckets if other is not bucket]
    return sorted(others, key=lambda other: (abs(buckets.index(other) - place), -buckets.index(other)))
