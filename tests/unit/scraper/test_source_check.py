"""Whether a feed can be trusted, at every edge; and the words of roof coverings."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from services.scraper.domain.roof_covers import WORDS, roof_material_of
from services.scraper.domain.rows import PermitRow, Rejected
from services.scraper.domain.source_check import Expectation, judge_sample
from shared.schemas.enums import RoofMaterial

TODAY = date(2026, 11, 20)
CENTER = (32.4, -98.9)
MILE = 1 / 69.1
"""Degrees of latitude, nearly."""


def expectation(**changes: Any) -> Expectation:
    wanted: dict[str, Any] = {
        "center": CENTER,
        "radius_miles": 10.0,
        "freshness_days": 30,
        "today": TODAY,
    }
    return Expectation(**(wanted | changes))


def permit(*, age: int | None = 0, miles: float | None = 0.0, roof_work: str = "none") -> PermitRow:
    return PermitRow(
        jurisdiction="Harrow, TX",
        permit_number="1",
        source="feed",
        address="1 OAK ST",
        address_key="1||OAK|ST|||76998",
        city="Harrow",
        state="TX",
        home_city="Harrow",
        lat=None if miles is None else CENTER[0] + miles * MILE,
        lng=None if miles is None else CENTER[1],
        issue_date=None if age is None else TODAY - timedelta(days=age),
        roof_work=roof_work,
    )


def reasons(*rows: PermitRow | Rejected, missing: tuple[str, ...] = (), **changes: Any) -> tuple[str, ...]:
    return judge_sample("feed", missing, rows, expectation(**changes)).reasons


def test_a_fresh_feed_of_the_place_is_usable_and_its_facts_are_told() -> None:
    verdict = judge_sample("feed", (), [permit(age=3, roof_work="reroof"), Rejected("x")], expectation())
    assert verdict.usable
    assert verdict.facts == {
        "sampled": 2,
        "readable": 1,
        "inside": "1 of 1",
        "newest_row": "2026-11-17",
        "newest_row_age_days": 3,
        "roofing": 1,
    }


def test_missing_columns_are_named_once_and_nothing_else_is_judged() -> None:
    assert reasons(missing=("b", "a", "b")) == ("column missing: a, b",)


def test_an_empty_feed_and_one_without_a_readable_row_are_told_apart() -> None:
    assert reasons() == ("the feed is empty",)
    assert reasons(Rejected("b"), Rejected("a"), Rejected("b")) == ("no row is readable: a, b",)
    assert reasons(Rejected("b"), permit()) == ()


@pytest.mark.parametrize(
    ("inside", "outside", "usable"),
    [(1, 0, True), (2, 2, True), (1, 2, False), (0, 1, False), (50, 51, False)],
)
def test_half_of_the_located_rows_must_lie_near_the_city(inside: int, outside: int, usable: bool) -> None:
    rows = [permit() for _ in range(inside)] + [permit(miles=11) for _ in range(outside)]
    found = reasons(*rows, permit(miles=None))
    place = f"only {inside} of {inside + outside} sampled rows lie within 10 miles of the city"
    assert found == (() if usable else (place,))


@pytest.mark.parametrize(("miles", "usable"), [(9.9, True), (10.1, False)])
def test_the_radius_is_the_edge_of_the_place(miles: float, usable: bool) -> None:
    assert (reasons(permit(miles=miles)) == ()) is usable


def test_place_is_not_judged_by_points_without_a_centre() -> None:
    assert reasons(permit(miles=500), center=None) == ()


@pytest.mark.parametrize(("inside", "outside", "usable"), [(1, 0, True), (1, 1, True), (1, 2, False)])
def test_without_points_half_of_the_rows_must_name_the_city(inside: int, outside: int, usable: bool) -> None:
    rows = [permit(miles=None)] * inside + [replace(permit(miles=None), city="Marn")] * outside
    words = f"only {inside} of {inside + outside} sampled rows name Harrow as their city"
    assert reasons(*rows) == (() if usable else (words,))


@pytest.mark.parametrize(("rows", "mentioned", "usable"), [(149, 0, True), (150, 0, False), (150, 1, True)])
def test_a_feed_that_never_speaks_of_a_roof_leaves_roofs_out(rows: int, mentioned: int, usable: bool) -> None:
    sample = [permit()] * (rows - mentioned) + [permit(roof_work="other_roof_word")] * mentioned
    assert reasons(*sample) == (() if usable else (f"none of {rows} sampled rows speaks of a roof",))


@pytest.mark.parametrize(("age", "usable"), [(-1, True), (29, True), (30, True), (31, False)])
def test_the_newest_row_may_be_as_old_as_allowed(age: int, usable: bool) -> None:
    found = reasons(permit(age=age), permit(age=age + 400), permit(age=None))
    assert found == (() if usable else (f"the newest row is {age} days old, 30 are allowed",))


def test_a_feed_without_dates_is_refused_and_a_recorded_one_may_be_old() -> None:
    assert reasons(permit(age=None)) == ("no sampled row has a date",)
    assert reasons(permit(age=4_000), freshness_days=None) == ()
    assert reasons(permit(age=None), freshness_days=None) == ("no sampled row has a date",)


def test_place_and_age_are_both_told() -> None:
    assert len(reasons(permit(miles=11, age=31))) == 2


@pytest.mark.parametrize(("word", "material"), WORDS)
def test_each_word_means_its_material_in_any_case_and_surroundings(word: str, material: RoofMaterial) -> None:
    assert roof_material_of(word) is material
    assert roof_material_of(f"01 - {word.lower()} roof") is material


@pytest.mark.parametrize(
    ("words", "material"),
    [
        (None, None),
        ("", None),
        ("THATCH", None),
        ("COMPOSITION 3-TAB", RoofMaterial.ASPHALT_3TAB),
        ("METAL STANDING SEAM", RoofMaterial.METAL_STANDING_SEAM),
        ("METAL", RoofMaterial.METAL_EXPOSED_FASTENER),
        ("CLAY TILE", RoofMaterial.CLAY_TILE),
        ("CONCRETE TILE", RoofMaterial.CONCRETE_TILE),
    ],
)
def test_the_finer_word_decides_and_an_unknown_one_says_nothing(
    words: str | None, material: RoofMaterial | None
) -> None:
    assert roof_material_of(words) is material
