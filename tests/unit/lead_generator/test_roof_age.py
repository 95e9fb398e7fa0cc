"""Evidence order, bounds and service lives of a roof's age."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.lead_generator.domain.roof_age import RoofAge, RoofEvidence, estimate_roof_age, full_years
from shared.schemas.enums import RoofAgeEvidence, RoofMaterial

TODAY = date(2026, 11, 22)
EVERYTHING = RoofEvidence(
    permit_on=date(2010, 11, 22),
    images_between=(date(2004, 6, 1), date(2006, 6, 1)),
    vendor_age=12,
    owner_age=14,
    model_age=18,
    year_built=1980,
)


def test_the_strongest_evidence_decides() -> None:
    weaker = [
        EVERYTHING,
        RoofEvidence(None, EVERYTHING.images_between, 12, 14, 18, 1980),
        RoofEvidence(None, None, 12, 14, 18, 1980),
        RoofEvidence(None, None, None, 14, 18, 1980),
        RoofEvidence(None, None, None, None, 18, 1980),
        RoofEvidence(None, None, None, None, None, 1980),
    ]

    ages = [estimate_roof_age(known, TODAY, state="TX") for known in weaker]

    assert ages == [
        RoofAge(16, 16, 16, RoofAgeEvidence.PERMIT),
        RoofAge(20, 21, 22, RoofAgeEvidence.IMAGES),
        RoofAge(10, 12, 14, RoofAgeEvidence.VENDOR),
        RoofAge(11, 14, 17, RoofAgeEvidence.OWNER),
        RoofAge(13, 18, 23, RoofAgeEvidence.MODEL),
        RoofAge(0, 21, 46, RoofAgeEvidence.YEAR_BUILT),
    ]


def test_nothing_known_is_no_age() -> None:
    assert estimate_roof_age(RoofEvidence(), TODAY) is None
    assert estimate_roof_age(RoofEvidence(year_built=0), TODAY) is None


def test_a_roof_is_never_older_than_its_house() -> None:
    known = RoofEvidence(vendor_age=15, year_built=2014)

    assert estimate_roof_age(known, TODAY) == RoofAge(12, 12, 12, RoofAgeEvidence.VENDOR)


def test_two_images_date_a_roof_to_the_middle_between_them() -> None:
    known = RoofEvidence(images_between=(date(2018, 1, 1), date(2006, 1, 1)))

    assert estimate_roof_age(known, TODAY) == RoofAge(8, 14, 20, RoofAgeEvidence.IMAGES)


def test_a_young_house_carries_its_first_roof() -> None:
    age = estimate_roof_age(RoofEvidence(year_built=2016), TODAY, state="TX")

    assert age == RoofAge(0, 10, 10, RoofAgeEvidence.YEAR_BUILT)


def test_a_house_of_the_future_is_new() -> None:
    age = estimate_roof_age(RoofEvidence(year_built=2028), TODAY)

    assert age == RoofAge(0, 0, 0, RoofAgeEvidence.YEAR_BUILT)


@pytest.mark.parametrize(
    ("since", "today", "years"),
    [
        (date(2016, 11, 22), TODAY, 10),
        (date(2016, 11, 23), TODAY, 9),
        (date(2016, 2, 29), date(2026, 2, 28), 9),
        (date(2016, 2, 29), date(2026, 3, 1), 10),
        (date(2027, 1, 1), TODAY, 0),
    ],
)
def test_years_are_counted_from_birthday_to_birthday(since: date, today: date, years: int) -> None:
    assert full_years(since, today) == years


dates = st.dates(date(1950, 1, 1), date(2026, 11, 22))


@given(
    st.builds(
        RoofEvidence,
        permit_on=st.none() | dates,
        images_between=st.none() | st.tuples(dates, dates),
        vendor_age=st.none() | st.integers(0, 80),
        owner_age=st.none() | st.integers(0, 80),
        model_age=st.none() | st.integers(0, 80),
        year_built=st.none() | st.integers(0, 2030),
    ),
    st.none() | st.sampled_from(RoofMaterial),
)
def test_low_mid_and_high_stand_in_order(known: RoofEvidence, material: RoofMaterial | None) -> None:
    age = estimate_roof_age(known, TODAY, material=material, state="TX")

    if age is not None:
        assert 0 <= age.low <= age.mid <= age.high
