"""Thresholds, strengths and expiry of every trigger, at their edges."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.lead_generator.domain.scoring import ScoringTrigger
from services.lead_generator.domain.triggers import (
    EXPIRY_DAYS,
    NEIGHBOR_RADIUS_MILES,
    NEIGHBOR_WINDOW_DAYS,
    Storm,
    claim_trigger,
    damage_trigger,
    hail_strength,
    neighbor_trigger,
    roof_age_trigger,
    sale_trigger,
    scoring_triggers,
    storm_trigger,
    strongest,
    wind_strength,
)
from shared.schemas.enums import DamageType, TornadoRating, TriggerType, WeatherEventType

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)
HAIL = Storm("hail-1", WeatherEventType.HAIL, NOW, Decimal(0), hail_size_inches=Decimal("1.75"))
WIND = Storm("wind-1", WeatherEventType.WIND, NOW, Decimal(0), wind_speed_mph=70)
TORNADO = Storm("tornado-1", WeatherEventType.TORNADO, NOW, Decimal(0), tornado_rating=TornadoRating.EF1)
HURRICANE = Storm("hurricane-1", WeatherEventType.HURRICANE, NOW, Decimal(0), hurricane_category=1)


@pytest.mark.parametrize(
    ("size", "distance", "days", "strength"),
    [
        ("0.99", "0", 0, None),
        ("1.00", "0", 0, 80),
        ("1.75", "0", 0, 90),
        ("2.50", "0", 0, 100),
        ("4.50", "0", 0, 100),
        ("2.50", "5", 0, 95),
        ("2.50", "0", 90, 95),
        ("2.50", "5", 90, 90),
        ("2.50", "2.5", 45, 95),
        ("1.00", "5", 90, 80),
        ("1.75", "1", 18, 88),
    ],
)
def test_hail_strength_follows_size_distance_and_time(
    size: str, distance: str, days: int, strength: int | None
) -> None:
    assert hail_strength(Decimal(size), Decimal(distance), days) == strength


@pytest.mark.parametrize(
    ("mph", "strength"), [(None, None), (60, None), (61, 81), (70, 85), (100, 100), (160, 100)]
)
def test_wind_strength_begins_above_sixty(mph: int | None, strength: int | None) -> None:
    assert wind_strength(mph) == strength


@pytest.mark.parametrize(
    ("rating", "strength"),
    [(None, 80), ("EF0", 80), ("EF1", 90), ("EF2", 95), ("EF3", 100), ("EF4", 100), ("EF5", 100)],
)
def test_tornado_strength_by_rating(rating: str | None, strength: int) -> None:
    trigger = storm_trigger(replace(TORNADO, tornado_rating=TornadoRating(rating) if rating else None), NOW)

    assert trigger is not None
    assert trigger.strength == strength
    assert trigger.scores_as is ScoringTrigger.WIND


@pytest.mark.parametrize(
    ("category", "strength"), [(None, 90), (1, 90), (2, 95), (3, 100), (4, 100), (5, 100)]
)
def test_hurricane_strength_by_category(category: int | None, strength: int) -> None:
    trigger = storm_trigger(replace(HURRICANE, hurricane_category=category), NOW)

    assert trigger is not None
    assert trigger.strength == strength
    assert trigger.scores_as is ScoringTrigger.WIND


@pytest.mark.parametrize(
    ("storm", "reaches"),
    [
        (replace(HAIL, distance_miles=Decimal(5)), True),
        (replace(HAIL, distance_miles=Decimal("5.001")), False),
        (replace(WIND, distance_miles=Decimal(5)), True),
        (replace(WIND, distance_miles=Decimal("5.001")), False),
        (replace(TORNADO, distance_miles=Decimal(5)), True),
        (replace(TORNADO, distance_miles=Decimal("5.001")), False),
        (replace(HURRICANE, distance_miles=Decimal(25)), True),
        (replace(HURRICANE, distance_miles=Decimal("25.001")), False),
        (replace(HAIL, began_at=NOW - 90 * DAY), True),
        (replace(HAIL, began_at=NOW - 90 * DAY - TICK), False),
        (replace(HAIL, began_at=NOW + TICK), False),
        (replace(HAIL, hail_size_inches=Decimal("0.75")), False),
        (replace(HAIL, hail_size_inches=None), False),
        (replace(WIND, wind_speed_mph=None), False),
    ],
)
def test_a_storm_counts_within_its_reach_and_ninety_days(storm: Storm, reaches: bool) -> None:
    assert (storm_trigger(storm, NOW) is not None) is reaches


def test_a_storm_trigger_says_what_was_measured_and_expires_after_180_days() -> None:
    trigger = storm_trigger(HAIL, NOW + DAY)

    assert trigger is not None
    assert trigger.trigger_type is TriggerType.WEATHER_EVENT
    assert trigger.scores_as is ScoringTrigger.HAIL
    assert trigger.is_urgent()
    assert trigger.origin_key == "hail-1"
    assert trigger.details == {"event_type": "hail", "distance_miles": "0.000", "measured": "1.75 in"}
    assert trigger.expires_at == HAIL.began_at + 180 * DAY


def test_an_expired_trigger_counts_no_more() -> None:
    trigger = storm_trigger(HAIL, NOW)
    assert trigger is not None

    assert trigger.is_active(trigger.expires_at - TICK)
    assert not trigger.is_active(trigger.expires_at)
    assert scoring_triggers([trigger], trigger.expires_at - TICK) == {ScoringTrigger.HAIL}
    assert scoring_triggers([trigger], trigger.expires_at) == frozenset()
    assert strongest([trigger], trigger.expires_at) is None


@pytest.mark.parametrize(("count", "strength"), [(4, None), (5, 70), (6, 72), (15, 90), (40, 90)])
def test_neighbors_count_from_five(count: int, strength: int | None) -> None:
    trigger = neighbor_trigger(count, NOW)

    assert (trigger.strength if trigger else None) == strength


@pytest.mark.parametrize(("age", "strength"), [(None, None), (20, None), (21, 52), (30, 70), (60, 70)])
def test_roof_age_counts_above_twenty(age: int | None, strength: int | None) -> None:
    trigger = roof_age_trigger(age, NOW)

    assert (trigger.strength if trigger else None) == strength
    assert trigger is None or trigger.scores_as is None


@pytest.mark.parametrize(
    ("days", "strength"), [(0, 100), (30, 100), (31, 95), (90, 95), (91, 90), (364, 90), (365, None)]
)
def test_a_claim_weakens_with_time(days: int, strength: int | None) -> None:
    trigger = claim_trigger("homeowner", NOW - days * DAY, NOW)

    assert (trigger.strength if trigger else None) == strength


@pytest.mark.parametrize(("days", "strength"), [(-1, None), (0, 60), (182, 50), (364, 40), (365, None)])
def test_a_sale_counts_for_a_year(days: int, strength: int | None) -> None:
    trigger = sale_trigger(NOW - days * DAY, NOW)

    assert (trigger.strength if trigger else None) == strength


def test_visible_damage_is_as_strong_as_its_worst_part() -> None:
    trigger = damage_trigger(
        {DamageType.MOSS_ALGAE: 20.0, DamageType.MISSING_SHINGLES: 64.5}, NOW, metres_per_pixel=0.1
    )

    assert trigger is not None
    assert trigger.strength == 65
    assert trigger.details == {"damages": {"missing_shingles": 64.5, "moss_algae": 20.0}}


@pytest.mark.parametrize(
    ("metres_per_pixel", "seen"), [(0.6, False), (0.1, False), (0.011, False), (0.01, True)]
)
def test_hail_marks_seen_from_afar_are_no_damage(metres_per_pixel: float, seen: bool) -> None:
    trigger = damage_trigger({DamageType.HAIL_DENTS: 80.0}, NOW, metres_per_pixel=metres_per_pixel)

    assert (trigger is not None) is seen


def test_the_strongest_active_trigger_leads() -> None:
    hail, wind = storm_trigger(HAIL, NOW), storm_trigger(WIND, NOW)
    assert hail is not None
    assert wind is not None

    assert strongest([wind, hail], NOW) is hail
    assert scoring_triggers([wind, hail], NOW) == {ScoringTrigger.HAIL, ScoringTrigger.WIND}


@pytest.mark.parametrize(
    ("severity", "strength"), [(0.0, None), (0.5, 1), (99.4, 99), (100.0, 100), (140.0, 100)]
)
def test_only_what_is_there_is_damage(severity: float, strength: int | None) -> None:
    trigger = damage_trigger({DamageType.SAGGING: severity}, NOW, metres_per_pixel=0.1)

    assert (trigger.strength if trigger else None) == strength


@pytest.mark.parametrize(
    ("trigger_type", "days"),
    [
        ("weather_event", 180),
        ("neighbor_permits", 90),
        ("roof_age", 365),
        ("insurance_claim", 365),
        ("property_sale", 365),
        ("damage_detected", 180),
    ],
)
def test_every_trigger_type_expires_after_its_days(trigger_type: str, days: int) -> None:
    assert len(EXPIRY_DAYS) == len(TriggerType)
    assert EXPIRY_DAYS[TriggerType(trigger_type)] == days


def test_neighbours_are_counted_in_a_quarter_mile_and_thirty_days() -> None:
    assert (NEIGHBOR_RADIUS_MILES, NEIGHBOR_WINDOW_DAYS) == (0.25, 30)


@given(
    st.decimals("1.00", "6.00", places=2),
    st.decimals(0, 5, places=3),
    st.integers(0, 90),
    st.decimals(0, 2, places=2),
)
def test_hail_strength_stays_in_its_band_and_rises_with_size(
    size: Decimal, distance: Decimal, days: int, more: Decimal
) -> None:
    strength, larger = hail_strength(size, distance, days), hail_strength(size + more, distance, days)

    assert strength is not None
    assert larger is not None
    assert 80 <= strength <= larger <= 100
