"""NCEI Storm Events details, 1950 to today (contracts/noaa_storm_events.md, data/README.md storm traps 1 to 7)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import TextIO

from services.scraper.domain.rows import Rejected, StormRow
from services.scraper.domain.storms import (
    RADIUS_MILES,
    magnitude_of,
    moment_of,
    mph_of_knots,
    ncei_event_type,
    place_name,
    severity_of,
    standard_offset,
    state_code,
    tornado_rating,
)
from services.scraper.domain.values import clean_text, damage_dollars, is_plausible_day, point_of
from services.scraper.formats.tables import Layout, csv_rows, positions

SOURCE = "ncei"
LARGEST_HAIL_INCHES = Decimal(10)
FASTEST_WIND_KNOTS = Decimal(260)

COLUMNS = (
    "BEGIN_YEARMONTH", "BEGIN_DAY", "BEGIN_TIME", "END_YEARMONTH", "END_DAY", "END_TIME", "EVENT_ID", "STATE",
    "EVENT_TYPE", "CZ_TYPE", "CZ_NAME", "CZ_TIMEZONE", "DAMAGE_PROPERTY", "MAGNITUDE", "MAGNITUDE_TYPE",
    "CATEGORY", "TOR_F_SCALE", "BEGIN_LOCATION", "BEGIN_LAT", "BEGIN_LON",
)  # fmt: skip
DETAILS = Layout("ncei_details", COLUMNS)


def parse(stream: TextIO, header: Sequence[str], today: date) -> Iterator[StormRow | Rejected]:
    """One storm, or the reason there is none, for every data row of a details file."""
    at = positions(header)
    places = tuple(at[name] for name in COLUMNS)
    width = max(places) + 1
    for row in csv_rows(stream):
        if len(row) < width:
            yield Rejected("short_row")
        else:
            yield _storm(dict(zip(COLUMNS, [row[place] for place in places], strict=True)), today)


def _storm(row: dict[str, str], today: date) -> StormRow | Rejected:
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
    magnitude = magnitude_of(row["MAGNITUDE"])
    hail = magnitude if event_type == "hail" else None
    knots = magnitude if event_type == "wind" else None
    if (hail is not None and hail >= LARGEST_HAIL_INCHES) or (
        knots is not None and knots > FASTEST_WIND_KNOTS
    ):
        return Rejected("magnitude_implausible")
    wind = mph_of_knots(knots) if knots is not None else None
    rating = tornado_rating(row["TOR_F_SCALE"]) if event_type == "tornado" else None
    category = row["CATEGORY"].strip()
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
            hail_inches=hail,
            wind_mph=wind,
            rating=rating,
            category=int(category) if category.isdigit() else None,
        ),
        hail_size_inches=hail,
        wind_speed_mph=wind,
        tornado_rating=rating,
        damage_estimate=damage_dollars(row["DAMAGE_PROPERTY"]),
    )


def _county(row: dict[str, str]) -> str | None:
    """The county, or the forecast zone marked as one, as NCEI's own web export writes it."""
    name = clean_text(row["CZ_NAME"], 90)
    return f"{name} (ZONE)" if name and row["CZ_TYPE"].strip().upper() == "Z" else name
