"""Numbers made of several columns, fields nobody has seen a column for, and points that come as geometry."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from services.scraper.domain.rows import PermitRow
from services.scraper.formats.field_map import PermitSource, permit_of
from services.scraper.service import parse_rows
from shared.providers.permit_source import RawRow

TODAY = date(2026, 11, 22)
ROW = {
    "TYPE": "BP", "YEAR": "26", "SEQ": 417, "ADDR": "119 1ST ST SW", "ISSUED": "2026-11-02", "LONG": "X" * 120,
}  # fmt: skip
FIELDS = {"permit_number": "SEQ", "address": "ADDR", "issue_date": "ISSUED"}


def source(fields: dict[str, Any] = FIELDS, **config: Any) -> PermitSource:
    config = {"field_map": fields, **config}
    return PermitSource.from_config("feed", config, city="Harrow", state="TX", time_zone="America/Chicago")


def permit(mapped: PermitSource) -> PermitRow:
    found = permit_of(ROW, mapped, TODAY)
    assert isinstance(found, PermitRow)
    return found


def test_a_number_may_be_made_of_several_columns() -> None:
    assert permit(source()).permit_number == "417"
    assert permit(source(number_from=["TYPE", "YEAR", "SEQ"])).permit_number == "BP-26-417"
    assert permit(source(number_from=["GONE", "SEQ"])).permit_number == "417"


def test_a_number_too_long_to_keep_is_its_digest_the_same_every_time() -> None:
    one, two = (permit(source(number_from=["LONG", "SEQ"])).permit_number for _ in range(2))
    assert one == two
    assert len(one) == 64


@pytest.mark.parametrize(
    ("fields", "config", "missing"),
    [
        (FIELDS, {}, []),
        (FIELDS, {"number_from": ["TYPE", "FOLDER"]}, ["FOLDER"]),
        ({"address": "ADDR", "issue_date": "ISSUED"}, {"number_from": ["SEQ"]}, []),
        ({"permit_number": "SEQ"}, {}, ["for address", "for issue date"]),
        ({}, {}, ["for permit number", "for address", "for issue date"]),
    ],
)
def test_what_a_feed_lacks_or_nobody_has_seen_is_named(
    fields: dict[str, Any], config: dict[str, Any], missing: list[str]
) -> None:
    assert source(fields, **config).missing_columns(set(ROW)) == missing


@pytest.mark.parametrize(
    ("form", "written"),
    [
        ("%B, %d %Y %H:%M:%S", "August, 07 2026 00:00:00"),
        ("%Y/%m/%d", "2026/08/07"),
        ("%Y%m%d", 20260807),
        ("%m/%d/%y", "08/07/26"),
        ("%Y%m%d", 1786060800000),
        (None, "2026-08-07T00:00:00"),
    ],
)
def test_days_are_read_as_their_publisher_writes_them_or_in_a_usual_way(
    form: str | None, written: Any
) -> None:
    found = permit_of({**ROW, "ISSUED": written}, source(date_format=form), TODAY)
    assert isinstance(found, PermitRow)
    assert found.issue_date == date(2026, 8, 7)


def test_a_rows_geometry_places_a_permit_without_columns_and_never_overrules_them() -> None:
    point = {"type": "Point", "coordinates": [-98.9, 32.4]}
    line = {"type": "LineString", "coordinates": [[-98.9, 32.4], [-98.8, 32.4]]}
    raw = [RawRow("1", ROW, point), RawRow("2", ROW, line), RawRow("3", ROW)]
    places = [(row.lat, row.lng) for row in parse_rows(raw, source(), TODAY) if isinstance(row, PermitRow)]
    assert places == [(32.4, -98.9), (None, None), (None, None)]
    [told] = parse_rows(
        [RawRow("4", {**ROW, "Y": 32.5, "X": -98.7}, point)],
        source({**FIELDS, "lat": "Y", "lng": "X"}),
        TODAY,
    )
    assert isinstance(told, PermitRow)
    assert (told.lat, told.lng) == (32.5, -98.7)
