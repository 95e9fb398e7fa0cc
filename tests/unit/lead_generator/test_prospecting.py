"""Who is a prospect, who never is, and in which order money is spent."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.lead_generator.domain.prospecting import (
    NEIGHBOR_RADIUS_MILES,
    NEIGHBOR_WINDOW_DAYS,
    Candidate,
    Exclusion,
    ProspectReason,
    is_old,
    judge,
)
from shared.schemas.enums import RoofMaterial

TODAY = date(2026, 11, 22)
HOUSE = Candidate(
    state="TX",
    county="Travis",
    property_type="single_family",
    hoa=False,
    has_house_number=True,
    year_built=2020,
    roof_material=None,
    roof_installed_on=None,
    suppressed_until=None,
    owner_occupied=True,
    owner_is_company=False,
    market_value=Decimal(350_000),
    storm_strength=None,
    neighbor_permits_90d=0,
    opted_out=False,
    state_sales_on=True,
)


def test_a_new_house_in_a_quiet_street_is_no_prospect() -> None:
    verdict = judge(HOUSE, TODAY)

    assert verdict.reasons == ()
    assert verdict.exclusion is None
    assert not verdict.is_prospect()


@pytest.mark.parametrize(
    ("change", "reasons"),
    [
        ({"year_built": 2011}, ("roof_age",)),
        ({"year_built": 2012}, ()),
        ({"year_built": 2014, "roof_material": RoofMaterial.ASPHALT_3TAB}, ()),
        ({"year_built": 2013, "roof_material": RoofMaterial.ASPHALT_3TAB}, ("roof_age",)),
        ({"year_built": 1980, "roof_installed_on": date(2011, 11, 22)}, ("roof_age",)),
        ({"year_built": 1980, "roof_installed_on": date(2011, 11, 23)}, ()),
        ({"storm_strength": 80}, ("storm",)),
        ({"neighbor_permits_90d": 1}, ("neighbor_permits",)),
        ({"year_built": 1990, "storm_strength": 95, "neighbor_permits_90d": 3}, tuple(ProspectReason)),
        ({"year_built": 0}, ()),
        ({"year_built": None}, ()),
    ],
)
def test_reasons_at_their_edges(change: dict[str, object], reasons: tuple[str, ...]) -> None:
    verdict = judge(replace(HOUSE, **change), TODAY)  # type: ignore[arg-type]

    assert verdict.reasons == reasons
    assert verdict.is_prospect() is bool(reasons)


@pytest.mark.parametrize(
    ("age", "material", "old"),
    [
        (14, None, False),
        (15, None, True),
        (12, RoofMaterial.ASPHALT_3TAB, False),
        (13, RoofMaterial.ASPHALT_3TAB, True),
        (11, RoofMaterial.MODIFIED_BITUMEN, True),
        (10, RoofMaterial.MODIFIED_BITUMEN, False),
        (15, RoofMaterial.SLATE, True),
    ],
)
def test_old_is_fifteen_years_or_seven_tenths_of_a_life(
    age: int, material: RoofMaterial | None, old: bool
) -> None:
    assert is_old(age, material) is old


@pytest.mark.parametrize(
    ("change", "exclusion"),
    [
        ({"roof_installed_on": date(2016, 11, 23)}, "recent_roof"),
        ({"roof_installed_on": date(2016, 11, 22)}, None),
        ({"suppressed_until": date(2026, 11, 23)}, "recent_roof"),
        ({"suppressed_until": TODAY}, None),
        ({"opted_out": True}, "opted_out"),
        ({"state_sales_on": False}, "state_sales_off"),
        ({"has_house_number": False}, "no_house_number"),
        ({"property_type": "commercial"}, "commercial"),
        ({"property_type": "apartments"}, "renters_block"),
        ({"property_type": "mobile_home"}, "mobile_home"),
        ({"property_type": "condo"}, "hoa"),
        ({"property_type": "townhouse"}, None),
        ({"property_type": None}, None),
        ({"hoa": True}, "hoa"),
        ({"hoa": None}, None),
        ({"owner_is_company": True}, None),
        ({"owner_occupied": False}, None),
    ],
)
def test_exclusions_at_their_edges(change: dict[str, object], exclusion: str | None) -> None:
    verdict = judge(replace(HOUSE, storm_strength=100, **change), TODAY)  # type: ignore[arg-type]

    assert verdict.exclusion == (Exclusion(exclusion) if exclusion else None)
    assert verdict.is_prospect() is (exclusion is None)


def test_neighbours_are_counted_in_a_quarter_mile_and_ninety_days() -> None:
    assert (NEIGHBOR_RADIUS_MILES, NEIGHBOR_WINDOW_DAYS) == (0.25, 90)


def test_the_first_of_several_exclusions_is_named() -> None:
    verdict = judge(replace(HOUSE, opted_out=True, hoa=True, property_type="commercial"), TODAY)

    assert verdict.exclusion is Exclusion.OPTED_OUT


def test_the_pre_score_reaches_one_hundred_and_nothing() -> None:
    best = replace(
        HOUSE,
        roof_installed_on=date(1998, 1, 1),
        year_built=1970,
        market_value=Decimal(600_000),
        storm_strength=97,
        neighbor_permits_90d=6,
    )
    worst = replace(HOUSE, owner_occupied=False, owner_is_company=True, market_value=None, year_built=None)

    assert judge(best, TODAY).pre_score == 100
    assert judge(worst, TODAY).pre_score == 0


@pytest.mark.parametrize(
    ("change", "points"),
    [
        ({"storm_strength": 80}, 15),
        ({"storm_strength": 84}, 15),
        ({"storm_strength": 85}, 20),
        ({"storm_strength": 95}, 25),
        ({"neighbor_permits_90d": 1}, 5),
        ({"neighbor_permits_90d": 3}, 10),
        ({"neighbor_permits_90d": 5}, 15),
        ({"owner_occupied": None}, -5),
        ({"owner_occupied": False}, -10),
        ({"owner_is_company": None}, -5),
        ({"owner_is_company": True}, -10),
    ],
)
def test_the_pre_score_moves_with_each_free_fact(change: dict[str, object], points: int) -> None:
    changed = replace(HOUSE, **change)  # type: ignore[arg-type]

    assert judge(changed, TODAY).pre_score - judge(HOUSE, TODAY).pre_score == points


candidates = st.builds(
    Candidate,
    state=st.sampled_from(["TX", "CA", "OH"]),
    county=st.sampled_from([None, "Orange"]),
    property_type=st.sampled_from([None, "single_family", "condo", "commercial"]),
    hoa=st.none() | st.booleans(),
    has_house_number=st.booleans(),
    year_built=st.none() | st.integers(0, 2026),
    roof_material=st.none() | st.sampled_from(RoofMaterial),
    roof_installed_on=st.none() | st.dates(date(1960, 1, 1), TODAY),
    suppressed_until=st.none() | st.dates(date(2020, 1, 1), date(2036, 1, 1)),
    owner_occupied=st.none() | st.booleans(),
    owner_is_company=st.none() | st.booleans(),
    market_value=st.none() | st.decimals(0, 10**6, places=2),
    storm_strength=st.none() | st.integers(80, 100),
    neighbor_permits_90d=st.integers(0, 12),
    opted_out=st.booleans(),
    state_sales_on=st.booleans(),
)


@given(candidates)
def test_no_excluded_house_is_a_prospect_and_scores_stay_on_the_scale(candidate: Candidate) -> None:
    verdict = judge(candidate, TODAY)

    assert 0 <= verdict.pre_score <= 100
    assert not (verdict.is_prospect() and verdict.exclusion)
    if candidate.opted_out or not candidate.state_sales_on:
        assert not verdict.is_prospect()


@given(candidates, st.dates(date(2016, 11, 23), TODAY))
def test_a_roof_of_the_last_ten_years_always_suppresses(candidate: Candidate, installed_on: date) -> None:
    verdict = judge(replace(candidate, roof_installed_on=installed_on), TODAY)

    assert verdict.exclusion is Exclusion.RECENT_ROOF
