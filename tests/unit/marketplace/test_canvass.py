"""The way from door to door: every stop once, never longer than as given, the better lead first where it does not matter."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.marketplace.domain.canvass import (
    DOOR_RULES,
    FINISHED,
    MOST_STOPS,
    QUICK,
    Point,
    Stop,
    badge,
    by_street,
    length_miles,
    miles_between,
    route,
    street_of,
)
from services.marketplace.domain.contact_terms import Channel
from services.marketplace.domain.outcomes import FOLLOWS, Reported, check_details
from services.marketplace.pages.canvass import directions
from shared.schemas.sale_enums import SaleOutcome

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def stop(number: int, lat: float | None = None, lng: float | None = -98.9, **changes: Any) -> Stop:
    values: dict[str, Any] = {
        "address": f"{number} OAK ST",
        "street": "OAK ST",
        "city": "Harrow",
        "state": "TX",
        "zip": "76998",
        "grade": "B",
        "score": 80,
        "storm_at": None,
        "may": [],
        "last": None,
        "earliest": NOW,
    }
    place = {"lat": lat, "lng": None if lat is None else lng}
    return Stop(sale_id=UUID(int=number), **{**values, **place, **changes})


def numbers(stops: list[Stop]) -> list[int]:
    return [each.sale_id.int for each in stops]


places = st.lists(
    st.tuples(st.floats(32.0, 33.0), st.floats(-99.0, -98.0), st.integers(0, 100)), min_size=0, max_size=14
)


@settings(deadline=None)
@given(places, st.none() | st.builds(Point, st.floats(32.0, 33.0), st.floats(-99.0, -98.0)))
def test_each_stop_is_there_once_and_the_way_is_never_longer_than_as_given(
    found: list[tuple[float, float, int]], start: Point | None
) -> None:
    given_order = [stop(place, lat, lng, score=score) for place, (lat, lng, score) in enumerate(found)]
    way = route(given_order, start)
    assert sorted(numbers(way)) == numbers(given_order)
    assert length_miles(way, start) <= length_miles(given_order, start) + 1e-9
    if given_order and start is None:
        assert way[0].sale_id == given_order[0].sale_id
    assert numbers(route(given_order, start)) == numbers(way)


def test_a_day_of_stops_is_put_in_order() -> None:
    grid = [stop(n, 32.0 + n * 37 % 60 / 1000, -98.0 - n * 23 % 60 / 1000) for n in range(MOST_STOPS)]
    way = route(grid)
    assert sorted(numbers(way)) == list(range(MOST_STOPS))
    assert length_miles(way) < length_miles(grid) / 3


@settings(deadline=None)
@given(places)
def test_turning_a_part_of_the_way_round_makes_it_no_shorter(found: list[tuple[float, float, int]]) -> None:
    way = route([stop(place, lat, lng) for place, (lat, lng, _) in enumerate(found)])
    for first in range(1, len(way)):
        for last in range(first + 1, len(way)):
            turned = [*way[:first], *reversed(way[first : last + 1]), *way[last + 1 :]]
            assert length_miles(way) <= length_miles(turned) + 1e-6


def test_of_equally_near_stops_the_better_score_comes_first() -> None:
    around = [stop(1, 32.0), stop(2, 32.01, score=40), stop(3, 32.01, score=90), stop(4, 32.01, score=None)]
    assert numbers(route(around)) == [1, 3, 2, 4]


def test_a_position_is_where_the_way_begins() -> None:
    line = [stop(1, 32.00), stop(2, 32.01), stop(3, 32.02)]
    assert numbers(route(line, Point(32.03, -98.9))) == [3, 2, 1]
    first = route(line, Point(32.03, -98.9))[0]
    assert first.miles == pytest.approx(0.691, abs=0.01)
    assert route(line)[0].miles is None


def test_what_has_no_position_comes_last_as_given() -> None:
    found = route([stop(1), stop(2, 32.0), stop(3), stop(4, 32.1)])
    assert numbers(found) == [2, 4, 1, 3]
    assert [each.miles is None for each in found] == [True, False, True, True]
    assert numbers(route([stop(1), stop(2)])) == [1, 2]
    assert route([]) == []
    assert route([], Point(32.0, -98.0)) == []


def test_a_degree_of_latitude_is_69_miles_and_nothing_is_nothing() -> None:
    assert miles_between(Point(32.0, -98.0), Point(33.0, -98.0)) == pytest.approx(69.09, abs=0.05)
    assert miles_between(Point(32.0, -98.0), Point(32.0, -98.0)) == 0
    assert miles_between(Point(0.0, 179.9), Point(0.0, -179.9)) == pytest.approx(13.8, abs=0.1)


@pytest.mark.parametrize(
    ("address", "street"),
    [("119 1ST ST SW", "1ST ST SW"), ("12B OAK ST", "OAK ST"), ("OAK ST", "OAK ST"), ("12", "12"), ("", "")],
)
def test_a_street_is_its_address_without_the_number(address: str, street: str) -> None:
    assert street_of(address) == street


def test_stops_stand_street_by_street() -> None:
    way = [stop(1), stop(2), stop(3, street="ELM ST"), stop(4), stop(5, city="Dray")]
    assert [(street, numbers(stops)) for street, stops in by_street(way)] == [
        ("OAK ST, Harrow", [1, 2]),
        ("ELM ST, Harrow", [3]),
        ("OAK ST, Harrow", [4]),
        ("OAK ST, Dray", [5]),
    ]


def test_every_button_is_a_whole_report_and_stands_only_where_it_may_follow() -> None:
    for quick in QUICK.values():
        check_details(Reported(quick.outcome, NOW, method=quick.method, lost_reason=quick.lost_reason))
        for last, allowed in FOLLOWS.items():
            assert ((last or "none") in quick.after) == (quick.outcome in allowed)
    assert set(QUICK["appointment"].after) == {"contacted", "appointment"}
    assert {SaleOutcome.WON, SaleOutcome.LOST} == FINISHED


def test_a_badge_says_whether_and_not_where() -> None:
    shown = badge(Channel("call", "ok", "Call ok", "+13255550100", "why"))
    assert "+13255550100" not in shown.model_dump_json()
    assert "permit to solicit" in DOOR_RULES


def test_a_phone_is_led_by_the_position_or_else_the_address() -> None:
    assert directions(stop(1, 32.5)).endswith("destination=32.5%2C-98.9")
    assert directions(stop(1)).endswith("destination=1+OAK+ST%2C+Harrow%2C+TX+76998")
