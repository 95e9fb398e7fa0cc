"""What shows of a roof on a day."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from shared.sandbox.render import scene_of
from shared.sandbox.render.view import RENEWED_ROOF_WEAR, VISIBLE_WEAR_SPREAD, visible_wear
from shared.sandbox.town import Town, build_town, place_named

TODAY = date(2026, 11, 22)


@pytest.fixture(scope="module")
def town() -> Town:
    place = place_named("Harrow", "TX")
    assert place is not None
    return build_town(place, parcels=300, seed=11, as_of=TODAY)


def test_visible_wear_is_close_to_the_true_one_and_always_the_same() -> None:
    shown = np.array([visible_wear(0.5, seed) for seed in range(400)])
    assert abs(shown.mean() - 0.5) < 0.005
    assert shown.std() == pytest.approx(VISIBLE_WEAR_SPREAD, rel=0.15)
    assert visible_wear(0.5, 3) == visible_wear(0.5, 3)


def test_an_older_picture_shows_a_younger_roof(town: Town) -> None:
    house = next(
        h for h in map(town.house, range(town.parcels)) if h.roof.age_years > 12 and h.roof.wear > 0.4
    )
    now = scene_of(house, as_of=TODAY, captured_on=TODAY)
    then = scene_of(house, as_of=TODAY, captured_on=TODAY - timedelta(days=6 * 365))
    assert then.wear < now.wear - 0.1


def test_a_picture_from_before_the_reroof_shows_the_roof_that_was_replaced(town: Town) -> None:
    house = next(
        h for h in map(town.house, range(town.parcels)) if not h.roof.original and h.roof.age_years < 5
    )
    before = scene_of(house, as_of=TODAY, captured_on=house.roof.installed_on - timedelta(days=30))
    assert before.wear >= RENEWED_ROOF_WEAR[0] - 5 * VISIBLE_WEAR_SPREAD
    assert before.colour != scene_of(house, as_of=TODAY, captured_on=TODAY).colour


def test_neighbours_stand_where_they_stand_in_the_town(town: Town) -> None:
    house = town.house(town.first_parcel(10))
    near = town.houses_near(house.latitude, house.longitude, 45.0)
    scene = scene_of(house, as_of=TODAY, captured_on=TODAY, others=near)
    assert len(scene.neighbours) == len(near) - 1
    other = next(h for h in near if h.building != house.building)
    assert scene.neighbours[0].footprint_m[0] == pytest.approx(
        (
            other.footprint_m[0][0] + other.east_m - house.east_m,
            other.footprint_m[0][1] + other.north_m - house.north_m,
        )
    )
