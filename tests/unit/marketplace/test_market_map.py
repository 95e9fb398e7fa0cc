"""Boxes of the map, and marks that gather leads."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.marketplace.api.leads import LeadQuery
from services.marketplace.domain.market_map import (
    ACROSS,
    WIDE_DEGREES,
    Box,
    Cell,
    CellBox,
    Feature,
    gathered,
    side_of_mark,
)
from shared.db.geo import CELL_DEGREES
from shared.schemas.enums import Grade

COLUMN, ROW = -97.7425, 30.2725


def cell(
    column: int, row: int = 0, *, leads: int = 1, score: int = 80, grade: Grade | None = Grade.B
) -> Cell:
    """A cell so many columns and rows from a corner of the town."""
    lng, lat = COLUMN + column * CELL_DEGREES, ROW + row * CELL_DEGREES
    return Cell(lng, lat, leads, UUID(int=column + 1), score, Decimal(100 + column), grade)


def marks_of(cells: list[Cell], box: Box | None = None) -> list[Feature]:
    """The marks of a box."""
    return gathered(cells, side_of_mark(cells, box, cell_degrees=CELL_DEGREES))


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        ("", "four numbers"),
        ("1,2,3", "four numbers"),
        ("1,2,3,4,5", "four numbers"),
        ("a,2,3,4", "four numbers"),
        ("nan,2,3,4", "west"),
        ("3,2,3,4", "west"),
        ("-181,2,3,4", "west"),
        ("1,4,3,4", "south"),
        ("1,2,3,inf", "south"),
    ],
)
def test_a_box_that_is_none_is_refused_with_the_reason(words: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        Box.parse(words)


def test_a_wish_holds_a_box_and_refuses_other_words() -> None:
    assert LeadQuery(box="-98,32,-97.5,32.25").filter().box == Box(-98, 32, -97.5, 32.25)
    assert LeadQuery(box="").filter().box is None
    with pytest.raises(ValidationError, match="a box is four numbers"):
        LeadQuery(box="here")


@pytest.mark.parametrize(("width", "wide"), [(WIDE_DEGREES, False), (WIDE_DEGREES * 1.01, True)])
def test_a_box_is_wide_in_either_direction(width: float, *, wide: bool) -> None:
    assert Box(0, 0, width, 0.1).wide is wide
    assert Box(0, 0, 0.1, width).wide is wide


def test_one_lead_is_a_mark_of_its_own_in_the_middle_of_its_cell() -> None:
    [mark] = marks_of([cell(0)])
    assert mark.geometry.coordinates == (COLUMN, ROW)
    assert (mark.properties.leads, mark.properties.lead_id) == (1, UUID(int=1))


def test_several_leads_say_the_best_score_and_grade_and_the_lowest_price() -> None:
    cells = [
        cell(0, leads=3, score=70, grade=None),
        cell(1, score=91, grade=Grade.A),
        cell(1, 1, grade=Grade.C),
    ]
    [mark] = marks_of(cells, Box(-98, 30, -97, 31))
    said = mark.properties
    assert (said.leads, said.score, said.grade, said.price) == (5, 91, Grade.A, Decimal(100))
    assert said.lead_id is None


def test_a_narrow_box_shows_every_cell() -> None:
    box = Box(COLUMN - 0.005, ROW - 0.01, COLUMN + 0.0125, ROW + 0.005)
    assert len(marks_of([cell(0), cell(1), cell(2)], box)) == 3


def test_nothing_makes_no_mark() -> None:
    assert marks_of([]) == []


@given(st.sets(st.tuples(st.integers(0, 200), st.integers(0, 200)), min_size=1, max_size=60))
def test_no_lead_is_lost_and_no_box_is_crowded(places: set[tuple[int, int]]) -> None:
    marks = marks_of([cell(column, row) for column, row in places])
    assert sum(mark.properties.leads for mark in marks) == len(places)
    assert len(marks) <= (ACROSS + 1) ** 2
    assert len({mark.geometry.coordinates for mark in marks}) == len(marks)


def test_a_box_holds_the_cells_whose_centres_lie_in_it_or_on_its_edge() -> None:
    side = Decimal("0.005")
    assert Box(0.0025, 0.0025, 0.0125, 0.0075).cells(side) == CellBox(west=0, south=0, east=2, north=1)
    assert Box(0.0026, 0.0026, 0.0124, 0.0074).cells(side) == CellBox(west=1, south=1, east=1, north=0)
    assert Box(-97.7475, 30.2675, -97.7425, 30.2725).cells(side) == CellBox(-19550, 6053, -19549, 6054)
