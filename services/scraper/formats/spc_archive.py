"""SPC's severe weather archive since 1950, one CSV a hazard (data/README.md storm): hail in inches, wind in knots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TextIO

from services.scraper.domain.rows import Rejected, StormRow
from services.scraper.domain.storms import (
    RADIUS_MILES,
    MagnitudeUnit,
    Measured,
    magnitude_of,
    measured,
    severity_of,
    standard_offset,
    state_code,
    tornado_rating,
)
from services.scraper.domain.swaths import METRES_PER_YARD, track_of
from services.scraper.domain.values import is_plausible_day, point_of
from services.scraper.formats.tables import Layout, csv_rows, positions
from shared.files import FileRefused

SOURCE = "spc_archive"
SOURCE_URL = "https://www.spc.noaa.gov/wcm/"
COLUMNS = ("OM", "DATE", "TIME", "TZ", "ST", "MAG", "SLAT", "SLON", "ELAT", "ELON", "WID", "SG")
ARCHIVE = Layout("spc_archive", ("OM", "YR", "MO", "DY", *COLUMNS[1:]))
# The archive's own numbers: all rows are Central Standard Time, a few Greenwich.
OFFSETS = {"3": timedelta(hours=-6), "9": timedelta()}
# A tornado through several states or more than four counties has rows for its parts beside the one for all of it.
PARTS = ("2", "-9")


def hazard_of(name: str, columns: set[str]) -> str:
    """The hazard a file is about; hail and wind differ only in the name, tornadoes have a column of their own."""
    if "FC" in columns or "torn" in name.lower():
        return "tornado"
    if "MT" in columns or "wind" in name.lower():
        return "wind"
    if "hail" in name.lower():
        return "hail"
    raise FileRefused("hazard_unknown", f"{name} does not say whether its magnitudes are hail or wind")


def parse(stream: TextIO, header: Sequence[str], hazard: str, today: date) -> Iterator[StormRow | Rejected]:
    """One storm, or the reason there is none, for every data row."""
    at = positions(header)
    for cells in csv_rows(stream):
        if len(cells) < len(header):
            yield Rejected("short_row")
        else:
            yield _storm({name: cells[at[name]].strip() for name in COLUMNS}, hazard, today)


def _storm(row: dict[str, str], hazard: str, today: date) -> StormRow | Rejected:
    if row["SG"] in PARTS:
        return Rejected("part_of_a_track")
    offset = OFFSETS.get(row["TZ"])
    if offset is None:
        return Rejected("time_zone_unknown")
    try:
        began_at = datetime.fromisoformat(f"{row['DATE']}T{row['TIME']}").replace(tzinfo=UTC) - offset
    except ValueError:
        return Rejected("time_unreadable")
    if not is_plausible_day(began_at.date(), today):
        return Rejected("date_implausible")
    unit = MagnitudeUnit.INCHES if hazard == "hail" else MagnitudeUnit.KNOTS
    found = measured(hazard, magnitude_of(row["MAG"]), unit)
    return found if isinstance(found, Rejected) else _row(row, hazard, began_at, found)


def _row(row: dict[str, str], hazard: str, began_at: datetime, found: Measured) -> StormRow:
    rating = tornado_rating(f"F{row['MAG']}") if hazard == "tornado" else None
    begin, end = _point(row["SLAT"], row["SLON"]), _point(row["ELAT"], row["ELON"])
    yards = magnitude_of(row["WID"])
    state = state_code(row["ST"])
    return StormRow(
        source=SOURCE,
        external_id=f"{hazard}-{row['DATE']}-{row['OM']}",
        event_type=hazard,
        began_at=began_at,
        local_began_at=began_at + (standard_offset(None, state) or OFFSETS["3"]),
        state=state,
        lat=begin[0] if begin else None,
        lng=begin[1] if begin else None,
        radius_miles=RADIUS_MILES[hazard],
        severity=severity_of(hazard, hail_inches=found.hail_inches, wind_mph=found.wind_mph, rating=rating),
        hail_size_inches=found.hail_inches,
        wind_speed_mph=found.wind_mph,
        tornado_rating=rating,
        source_url=SOURCE_URL,
        swath=track_of(begin, end, float(yards) * METRES_PER_YARD if yards else 0.0),
    )


def _point(lat: str, lng: str) -> tuple[float, float] | None:
    """A point, where 0.0 means missing."""
    return None if magnitude_of(lat) is None else point_of(lat, lng)
