"""Every edge of the age buckets, to the microsecond."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.marketplace.domain.aged_buckets import (
    FIRST_DAY,
    age_days,
    bucket_at,
    nearest_first,
    originated_between,
)
from shared.schemas.aged_enums import AgeBucket

NOW = datetime(2026, 11, 3, 12, 30, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
EDGES = {
    89: None,
    90: AgeBucket.MONTH_3_TO_5,
    179: AgeBucket.MONTH_3_TO_5,
    180: AgeBucket.MONTH_6_TO_8,
    269: AgeBucket.MONTH_6_TO_8,
    270: AgeBucket.MONTH_9_TO_11,
    359: AgeBucket.MONTH_9_TO_11,
    360: AgeBucket.MONTH_12_TO_23,
    719: AgeBucket.MONTH_12_TO_23,
    720: AgeBucket.MONTH_24_PLUS,
    20_000: AgeBucket.MONTH_24_PLUS,
}


@pytest.mark.parametrize("days", sorted(EDGES))
def test_a_bucket_begins_and_ends_on_its_day(days: int) -> None:
    assert bucket_at(NOW - timedelta(days=days), NOW) is EDGES[days]


@pytest.mark.parametrize(("bucket", "first"), sorted(FIRST_DAY.items()))
def test_a_lead_enters_a_bucket_with_the_last_microsecond_of_its_day(bucket: AgeBucket, first: int) -> None:
    moment = NOW - timedelta(days=first)

    assert bucket_at(moment, NOW) is bucket
    assert bucket_at(moment + MICROSECOND, NOW) is not bucket
    assert age_days(moment + MICROSECOND, NOW) == first - 1


def test_a_day_is_24_hours_whatever_the_clocks_of_a_state_do() -> None:
    """On 1 November 2026 the clocks of Louisiana went back: its calendar day had 25 hours."""
    louisiana = timezone(timedelta(hours=-5))
    originated = datetime(2026, 10, 31, 12, 30, tzinfo=louisiana)

    assert age_days(originated, NOW) == 2
    assert age_days(originated.astimezone(UTC) - timedelta(hours=20), NOW) == 3


@given(st.integers(min_value=-86_400, max_value=86_400 * 3_000), st.sampled_from(list(AgeBucket)))
def test_the_borders_for_a_search_are_those_of_the_rule(seconds: int, bucket: AgeBucket) -> None:
    originated = NOW - timedelta(seconds=seconds)
    after, until = originated_between(bucket, NOW)

    assert (after < originated <= until) == (bucket_at(originated, NOW) is bucket)


def test_a_lead_of_the_future_is_in_no_bucket() -> None:
    assert age_days(NOW + MICROSECOND, NOW) == -1
    assert bucket_at(NOW + timedelta(days=400), NOW) is None


def test_nearest_buckets_come_first_and_the_older_of_two() -> None:
    assert nearest_first(AgeBucket.MONTH_6_TO_8) == [
        AgeBucket.MONTH_9_TO_11,
        AgeBucket.MONTH_3_TO_5,
        AgeBucket.MONTH_12_TO_23,
        AgeBucket.MONTH_24_PLUS,
    ]
