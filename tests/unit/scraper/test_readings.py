"""Which rows are known again, and which points are none."""

from __future__ import annotations

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.scraper.formats.field_map import PermitSource
from services.scraper.readings import Seen, Shape
from shared.providers.permit_source import RawRow

SOURCE = PermitSource.from_config(
    "s",
    {"field_map": {"permit_number": "no", "address": "addr", "issue_date": "day", "lat": "y", "lng": "x"}},
    city="Harrow",
    state="TX",
    time_zone="America/Chicago",
)
SHAPE = Shape.of_permits(SOURCE)
TODAY = date(2026, 11, 20)


def row(number: int, day: str = "2026-11-01", **columns: Any) -> RawRow:
    return RawRow(str(number), {"no": f"A-{number}", "addr": "1 Main St", "day": day, **columns})


def test_the_newest_plausible_rows_are_remembered_over_all_pages() -> None:
    seen = Seen(SHAPE)
    seen.add([row(n, f"2026-10-{n:02}") for n in range(1, 8)], (), TODAY)
    seen.add([row(20, "2026-11-19"), row(21, "2050-01-01"), row(22, "no day")], (), TODAY)
    assert [known.name for known in seen.newest] == ["A-20", "A-7", "A-6", "A-5", "A-4"]
    assert seen.newest[0].day == date(2026, 11, 19)


def test_a_known_row_has_the_print_of_its_values_and_not_of_its_status() -> None:
    assert SHAPE.known(row(1, status="open")).print == SHAPE.known(row(1, status="closed")).print
    assert SHAPE.known(row(1)).print != SHAPE.known(row(1, addr="2 Main St")).print


def test_only_rows_that_are_asked_for_are_looked_at_again() -> None:
    seen = Seen(SHAPE)
    seen.add([row(1), row(2)], {"A-2", "A-9"}, TODAY)
    assert set(seen.again) == {"A-2"}


def test_columns_are_counted_by_the_rows_that_have_them() -> None:
    seen = Seen(SHAPE)
    page = seen.add([row(1, x="-97"), row(2)], (), TODAY)
    assert (page["no"], page["x"]) == (2, 1)


@pytest.mark.parametrize(
    ("given", "misplaced"),
    [
        (row(1, y="30.2", x="-97.7"), False),
        (row(1, y="0", x="0"), True),
        (row(1, y=10_101_234.5, x=3_112_000.2), True),
        (row(1, y=None, x=None), False),
        (row(1), False),
        (RawRow("1", {}, {"type": "Point", "coordinates": [3_112_000.2, 10_101_234.5]}), True),
        (RawRow("1", {}, {"type": "Point", "coordinates": [-97.7, 30.2]}), False),
    ],
)
def test_zero_and_feet_are_no_place(given: RawRow, *, misplaced: bool) -> None:
    assert SHAPE.is_misplaced(given) is misplaced


def test_a_number_of_several_columns_names_its_row() -> None:
    config = {"field_map": {"address": "addr"}, "number_from": ["a", "b"]}
    source = PermitSource.from_config("s", config, city="X", state="TX", time_zone=ZoneInfo("UTC").key)
    assert Shape.of_permits(source).name_of(RawRow("1", {"a": "7", "b": " 8 "})) == "7-8"
