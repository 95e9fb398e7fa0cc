"""NCEI Storm Events details, 1950 to today (contracts/noaa_storm_events.md, data/README.md storm traps 1 to 7)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any, TextIO

from services.scraper.domain.rows import Rejected, StormRow
from services.scraper.domain.storms import (
    RADIUS_MILES,
    MagnitudeUnit,
    magnitude_of,
    measured,
    moment_of,
    ncei_event_type,
    place_name,
    severity_of,
    standard_offset,
    state_code,
    tornado_rating,
)
from services.scraper.domain.swaths import METRES_PER_YARD, track_of
from services.scraper.domain.values import clean_text, damage_dollars, is_plausible_day, point_of
from services.scraper.formats.tables import Layout, csv_rows, positions

SOURCE = "ncei"

COLUMNS = (
    "BEGIN_YEARMONTH", "BEGIN_DAY", "BEGIN_TIME", "END_YEARMONTH", "END_DAY", "END_TIME", "EVENT_ID", "STATE",
    "EVENT_TYPE", "CZ_TYPE", "CZ_NAME", "CZ_TIMEZONE", "DAMAGE_PROPERTY", "MAGNITUDE", "MAGNITUDE_TYPE",
    "CATEGORY", "TOR_F_SCALE", "BEGIN_LOCATION", "BEGIN_LAT", "BEGIN_LON",
)  # fmt: skip
# Absent from cut-down copies; without them a track is a point.
TRACK_COLUMNS = ("END_LAT", "END_LON", "TOR_WIDTH")
DETAILS = Layout("ncei_details", COLUMNS)


def parse(stream: TextIO, header: Sequence[str], today: date) -> Iterator[StormRow | Rejected]:
    """One storm, or the reason there is none, for every data row of a details file."""
    at = positions(header)
    names = COLUMNS + tuple(name for name in TRACK_COLUMNS if name in at)
    places = tuple(at[name] for name in names)
    width = max(places) + 1
    for row in csv_rows(stream):
        if len(row) < width:
            yield Rejected("short_row")
        else:
            yield storm_of(dict(zip(names, [row[place] for place in places], strict=True)), today)


def storm_of(row: dict[str, str], today: date) -> StormRow | Rejected:
    """The storm in a row of the details file's columns, or the reason it cannot be kept."""
    event_type = ncei_event_type(row["EVENT_TYPE"], tornado_scale=row["TOR_F_SCALE"].strip())
    if event_type is None:
        return Rejected("not_roof_relevant")
    event_id = row["EVENT_ID"].strip()
    if not event_id:
        return Rejected("missing_event_id")
    state = state_code(row["STATE"])
    offset = standard_offset(row["CZ_TIMEZONE"], state)
    if offset is None:
        return Rejected("time_zone_unknown")
    began_at = moment_of(row["BEGIN_YEARMONTH"], row["BEGIN_DAY"], row["BEGIN_TIME"].strip(), offset)
    if began_at is None:
        return Rejected("time_unreadable")
    if not is_plausible_day(began_at.date(), today):
        return Rejected("date_implausible")
    return _measured(row, event_type, StormRow(SOURCE, event_id, event_type, began_at, state=state), offset)


def _measured(
    row: dict[str, str], event_type: str, storm: StormRow, offset: timedelta
) -> StormRow | Rejected:
    unit = MagnitudeUnit.INCHES if event_type == "hail" else MagnitudeUnit.KNOTS
    found = measured(event_type, magnitude_of(row["MAGNITUDE"]), unit)
    if isinstance(found, Rejected):
        return found
    rating = tornado_rating(row["TOR_F_SCALE"]) if event_type == "tornado" else None
    category = int(row["CATEGORY"]) if row["CATEGORY"].strip().isdigit() else None
    point = point_of(row["BEGIN_LAT"] or None, row["BEGIN_LON"] or None)
    ended_at = moment_of(row["END_YEARMONTH"], row["END_DAY"], row["END_TIME"].strip(), offset)
    return StormRow(
        source=SOURCE,
        external_id=storm.external_id,
        event_type=event_type,
        began_at=storm.began_at,
        local_began_at=storm.began_at + offset,
        ended_at=ended_at if ended_at is not None and ended_at >= storm.began_at else None,
        city=clean_text(place_name(row["BEGIN_LOCATION"]), 100),
        county=_county(row),
        state=storm.state,
        lat=point[0] if point else None,
        lng=point[1] if point else None,
        radius_miles=RADIUS_MILES[event_type],
        severity=severity_of(
            event_type,
            hail_inches=found.hail_inches,
            wind_mph=found.wind_mph,
            rating=rating,
            category=category,
        ),
        hail_size_inches=found.hail_inches,
        wind_speed_mph=found.wind_mph,
        tornado_rating=rating,
        damage_estimate=damage_dollars(row["DAMAGE_PROPERTY"]),
        swath=_track(row, point),
        details=_details(row, category),
    )


def _track(row: dict[str, str], begin: tuple[float, float] | None) -> str | None:
    end = point_of(row.get("END_LAT") or None, row.get("END_LON") or None)
    yards = magnitude_of(row.get("TOR_WIDTH"))
    return track_of(begin, end, float(yards) * METRES_PER_YARD if yards else 0.0)


def _details(row: dict[str, str], category: int | None) -> dict[str, Any] | None:
    """How the magnitude came about (EG, MG, ES, MS), and a hurricane's category."""
    kind = row["MAGNITUDE_TYPE"].strip()
    facts = {"magnitude_type": kind or None, "category": category}
    return {name: value for name, value in facts.items() if value is not None} or None


def _county(row: dict[str, str]) -> str | None:
    """The county, or the forecast zone marked as one, as NCEI's own web export writes it."""
    name = clean_text(row["CZ_NAME"], 90)
    return f"{name} (ZONE)" if name and row["CZ_TYPE"].strip().upper() == "Z" else name
