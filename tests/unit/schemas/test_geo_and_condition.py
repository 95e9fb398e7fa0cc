"""Points inside the country, and conditions on one scale."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.schemas.condition import (
    CONDITION_INDEX,
    SEVERITY_WEIGHTS,
    condition_index,
    condition_of,
    damage_severity,
)
from shared.schemas.enums import DamageType, RoofCondition
from shared.schemas.geo import GeoPoint

AUSTIN = GeoPoint(lat=30.26715, lng=-97.74306)


@pytest.mark.parametrize(
    ("lat", "lng"), [(-97.74306, 30.26715), (0.0, 0.0), (30.0, 97.0), (float("nan"), -97.0)]
)
def test_swapped_zero_and_foreign_points_are_refused(lat: float, lng: float) -> None:
    with pytest.raises(ValidationError):
        GeoPoint(lat=lat, lng=lng)


@pytest.mark.parametrize(("lat", "lng"), [(21.3, -157.86), (64.84, -147.72), (18.46, -66.1), (44.8, -66.95)])
def test_the_far_ends_of_the_country_are_inside(lat: float, lng: float) -> None:
    assert GeoPoint(lat=lat, lng=lng).lat == lat


def test_distances_are_in_miles() -> None:
    dallas = GeoPoint(lat=32.77657, lng=-96.79699)

    assert AUSTIN.miles_to(dallas) == pytest.approx(182, abs=1)
    assert AUSTIN.miles_to(AUSTIN) == 0
    assert AUSTIN.miles_to(dallas) == pytest.approx(dallas.miles_to(AUSTIN))


def test_postgis_reads_longitude_first() -> None:
    assert AUSTIN.ewkt() == "SRID=4326;POINT(-97.74306 30.26715)"


@pytest.mark.parametrize(
    ("index", "condition"),
    [
        (0, RoofCondition.EXCELLENT),
        (12.4, RoofCondition.EXCELLENT),
        (12.5, RoofCondition.GOOD),
        (37.5, RoofCondition.FAIR),
        (62.5, RoofCondition.POOR),
        (87.4, RoofCondition.POOR),
        (87.5, RoofCondition.CRITICAL),
        (100, RoofCondition.CRITICAL),
    ],
)
def test_cut_points_belong_to_the_worse_class(index: float, condition: RoofCondition) -> None:
    assert condition_of(index) is condition


@pytest.mark.parametrize("condition", RoofCondition)
def test_a_class_is_its_own_index(condition: RoofCondition) -> None:
    assert condition_of(condition_index(condition)) is condition


def test_the_scale_covers_every_class_and_damage() -> None:
    assert set(CONDITION_INDEX) == set(RoofCondition)
    assert set(SEVERITY_WEIGHTS) == set(DamageType)


@given(st.sampled_from(DamageType), st.floats(0, 1), st.floats(0, 1))
def test_severity_rises_with_the_area_and_stays_on_the_scale(
    damage: DamageType, one: float, other: float
) -> None:
    low, high = sorted((one, other))

    assert 0 <= damage_severity(damage, area_share=low) <= damage_severity(damage, area_share=high) <= 100
