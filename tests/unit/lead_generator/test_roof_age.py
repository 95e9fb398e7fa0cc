"""Evidence order, bounds and service lives of a roof's age."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.lead_generator.domain.roof_age import (
    CLIMATE_FACTORS,
    SERVICE_LIVES,
    RoofAge,
    RoofEvidence,
    climate_factor,
    estimate_roof_age,
    expected_life,
    full_years,
    remaining_life,
    service_life,
)
from shared.schemas.enums import RoofAgeEvidence, RoofCondition, RoofMaterial

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


def test_a_worn_out_roof_has_nothing_left() -> None:
    age = RoofAge(40, 40, 40, RoofAgeEvidence.PERMIT)

    assert remaining_life(age, RoofMaterial.ASPHALT_3TAB, "TX") == 0


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


@pytest.mark.parametrize(
    ("state", "county", "factor"),
    [
        ("TX", "Travis", "0.85"),
        ("FL", None, "0.85"),
        ("CO", None, "0.90"),
        ("CA", "Fresno", "0.90"),
        ("CA", None, "0.90"),
        ("CA", "San Diego", "1.00"),
        ("WA", None, "1.00"),
        ("OR", None, "1.00"),
        ("OH", None, "0.95"),
        ("", None, "0.95"),
    ],
)
def test_climate_shortens_a_life(state: str, county: str | None, factor: str) -> None:
    assert climate_factor(state, county) == Decimal(factor)


def test_no_state_has_two_climates() -> None:
    listed = [state for states in CLIMATE_FACTORS.values() for state in states]

    assert len(listed) == len(set(listed))


@pytest.mark.parametrize(
    ("material", "life"),
    [
        ("asphalt_3tab", (12, 18, 25)),
        ("asphalt_architectural", (20, 25, 40)),
        ("asphalt_designer", (25, 30, 50)),
        ("wood_shake", (20, 28, 35)),
        ("metal_exposed_fastener", (25, 35, 45)),
        ("metal_standing_seam", (40, 50, 70)),
        ("stone_coated_steel", (35, 45, 60)),
        ("concrete_tile", (35, 45, 60)),
        ("clay_tile", (45, 60, 100)),
        ("slate", (60, 80, 150)),
        ("synthetic", (30, 40, 50)),
        ("epdm", (12, 18, 25)),
        ("tpo_pvc", (15, 22, 30)),
        ("modified_bitumen", (10, 15, 20)),
        ("built_up", (10, 18, 30)),
        ("fiber_cement", (20, 25, 35)),
    ],
)
def test_service_lives_are_those_of_the_trade(material: str, life: tuple[int, int, int]) -> None:
    assert service_life(RoofMaterial(material)) == life


def test_every_material_has_a_life_and_the_unknown_one_too() -> None:
    assert set(SERVICE_LIVES) == set(RoofMaterial)
    assert service_life(None) == (20, 25, 40)


def test_life_is_rounded_half_up() -> None:
    assert expected_life(RoofMaterial.ASPHALT_3TAB, "TX") == 15  # 15.3
    assert expected_life(RoofMaterial.METAL_STANDING_SEAM, "TX") == 43  # 42.5
    assert expected_life(RoofMaterial.ASPHALT_ARCHITECTURAL, "CO") == 23  # 22.5


@pytest.mark.parametrize(
    ("condition", "left"),
    [(None, 11), ("excellent", 11), ("good", 11), ("fair", 10), ("poor", 4), ("critical", 0)],
)
def test_what_is_seen_only_shortens_what_is_left(condition: str | None, left: int) -> None:
    age = RoofAge(10, 10, 10, RoofAgeEvidence.PERMIT)
    seen = RoofCondition(condition) if condition else None

    assert remaining_life(age, RoofMaterial.ASPHALT_ARCHITECTURAL, "TX", condition=seen) == left


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
        assert remaining_life(age, material, "TX") >= 0
