"""The age of an HVAC system, its tier and score, at every edge (S0-34 to S0-36)."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.lead_generator.domain.hvac import (
    SystemPermit,
    normal_address,
    score_of,
    system_age,
    tier_of,
)

TODAY = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("years", "tier", "score"),
    [
        (0, "COLD", 0),
        (1, "COLD", 7),
        (4, "COLD", 28),
        (5, "COOL", 40),
        (6, "COOL", 43),
        (9, "COOL", 52),
        (10, "WARM", 60),
        (14, "WARM", 72),
        (15, "HOT", 80),
        (19, "HOT", 92),
        (20, "HOT", 100),
        (21, "HOT", 100),
        (80, "HOT", 100),
    ],
)
def test_tier_and_score_of_an_age(years: int, tier: str, score: int) -> None:
    assert (tier_of(years), score_of(years)) == (tier, score)


@given(st.integers(0, 120))
def test_the_score_stays_in_range_and_rises_with_age(years: int) -> None:
    assert 0 <= score_of(years) <= score_of(years + 1) <= 100


@pytest.mark.parametrize(
    ("opened_on", "years", "lead"),
    [
        (date(2021, 11, 23), 4, False),
        (date(2021, 11, 22), 5, True),
        (date(2011, 11, 22), 15, True),
        (date(2026, 11, 22), 0, False),
    ],
)
def test_a_system_is_a_year_older_on_its_birthday(opened_on: date, years: int, lead: bool) -> None:
    age = system_age([SystemPermit("M-1", opened_on)], TODAY)
    assert age is not None
    assert (age.years, age.is_lead()) == (years, lead)


def test_the_newest_permit_decides_and_the_older_only_count() -> None:
    permits = [
        SystemPermit("M-1", date(1999, 5, 1)),
        SystemPermit("M-3", date(2015, 5, 1)),
        SystemPermit("M-2", date(2008, 5, 1)),
    ]
    age = system_age(permits, TODAY)
    assert age is not None
    assert (age.newest, age.permits, age.years, age.tier, age.score) == ("M-3", 3, 11, "WARM", 63)


@pytest.mark.parametrize(
    "permit",
    [
        SystemPermit("M-1", None),
        SystemPermit("M-1", date(2026, 11, 23)),
        SystemPermit("M-1", date(2010, 1, 1), "cancelled"),
        SystemPermit("M-1", date(2010, 1, 1), "rejected"),
    ],
)
def test_a_permit_under_which_nothing_was_done_dates_no_system(permit: SystemPermit) -> None:
    assert system_age([permit], TODAY) is None
    both = system_age([permit, SystemPermit("M-0", date(2001, 1, 1), "expired")], TODAY)
    assert both is not None
    assert (both.newest, both.permits) == ("M-0", 1)


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("123 Main St., Apt #4-B", "123 MAIN ST APT 4 B"),
        ("  45  N.W. 7th   ave ", "45 N W 7TH AVE"),
        ("", ""),
    ],
)
def test_an_address_is_upper_case_without_punctuation(written: str, normal: str) -> None:
    assert normal_address(written) == normal
