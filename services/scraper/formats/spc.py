"""SPC daily storm reports, filtered, per hazard or raw in three sections (contracts/spc_reports.md)."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from typing import TextIO

from services.scraper.domain.rows import Rejected, StormRow
from services.scraper.domain.storms import (
    RADIUS_MILES,
    MagnitudeUnit,
    convective_moment,
    magnitude_of,
    measured,
    place_name,
    severity_of,
    standard_offset,
    state_code,
    tornado_rating,
)
from services.scraper.domain.values import clean_text, is_plausible_day, point_of
from services.scraper.formats.tables import Layout

SOURCE = "spc"
SOURCE_URL = "https://www.spc.noaa.gov/climo/reports/"
COMMON = ("TIME", "LOCATION", "COUNTY", "STATE", "LAT", "LON")
DAILY = (
    Layout("spc_hail", (*COMMON, "SIZE")),
    Layout("spc_wind", (*COMMON, "SPEED")),
    Layout("spc_tornado", (*COMMON, "F_SCALE")),
)
SECTION = re.compile(r"^(?:Raw|Filtered)?\s*(Tornado|Wind|Hail)\b.*?\bLSR for (\d{6})\b", re.IGNORECASE)
HEADER = re.compile(r"^\s*Time,\s*(EF?_?Scale|F_?Scale|Size|Speed)", re.IGNORECASE)
# 130531_rpts_hail.csv as published; 2013_0531_hail.csv as some archives name their copies.
NAME_WITH_YYMMDD = re.compile(r"(?:^|\D)(\d{2})(\d{2})(\d{2})_rpts", re.IGNORECASE)
NAME_WITH_YYYY_MMDD = re.compile(r"(?:^|\D)((?:19|20)\d{2})[_-]?(\d{2})[_-]?(\d{2})(?:\D|$)")


def is_raw_file(head: str) -> bool:
    """True for the file of three sections whose banners carry the date."""
    return bool(SECTION.match(head.lstrip()))


def day_of_name(name: str) -> date | None:
    """The report day that a file name carries, or None."""
    for pattern, century in ((NAME_WITH_YYMMDD, 2000), (NAME_WITH_YYYY_MMDD, 0)):
        if match := pattern.search(name):
            try:
                return date(century + int(match[1]), int(match[2]), int(match[3]))
            except ValueError:
                continue
    return None


def parse(stream: TextIO, report_day: date | None, today: date) -> Iterator[StormRow | Rejected]:
    """One storm, or the reason there is none, for every report line; headers and banners are not rows."""
    hazard: str | None = None
    day = report_day
    seen: Counter[str] = Counter()
    for line in stream:
        text = line.strip("\r\n")
        if not text.strip():
            continue
        if section := SECTION.match(text):
            banner = day_of_name(f"{section[2]}_rpts")
            day = banner or report_day
        elif header := HEADER.match(text):
            hazard = _hazard(header[1])
        else:
            yield _report(text, hazard, day, today, seen)


def _hazard(column: str) -> str:
    name = column.lower()
    return "hail" if name == "size" else "wind" if name == "speed" else "tornado"


def _report(
    text: str, hazard: str | None, day: date | None, today: date, seen: Counter[str]
) -> StormRow | Rejected:
    # Comments hold unquoted commas, so only the first seven separate cells.
    cells = text.split(",", 7)
    if len(cells) < 7 or hazard is None:
        return Rejected("short_row")
    time, magnitude, location, county, state, lat, lng = (cell.strip() for cell in cells[:7])
    if day is None:
        return Rejected("report_date_unknown")
    began_at = convective_moment(day, time)
    if began_at is None:
        return Rejected("time_unreadable")
    if not is_plausible_day(began_at.date(), today + timedelta(days=1)):
        return Rejected("date_implausible")
    unit = MagnitudeUnit.HUNDREDTHS_OF_INCH if hazard == "hail" else MagnitudeUnit.MPH
    found = measured(hazard, magnitude_of(magnitude), unit)
    if isinstance(found, Rejected):
        return found
    rating = tornado_rating(magnitude) if hazard == "tornado" else None
    point = point_of(lat or None, lng or None)
    offset = standard_offset(None, state_code(state)) or timedelta()
    key = f"{hazard}|{began_at:%Y%m%d%H%M}|{lat}|{lng}"
    seen[key] += 1
    return StormRow(
        source=SOURCE,
        external_id=_external_id(key, seen[key]),
        event_type=hazard,
        began_at=began_at,
        local_began_at=began_at + offset,
        city=clean_text(place_name(location), 100),
        county=clean_text(county, 100),
        state=state_code(state),
        lat=point[0] if point else None,
        lng=point[1] if point else None,
        radius_miles=RADIUS_MILES[hazard],
        severity=severity_of(hazard, hail_inches=found.hail_inches, wind_mph=found.wind_mph, rating=rating),
        hail_size_inches=found.hail_inches,
        wind_speed_mph=found.wind_mph,
        tornado_rating=rating,
        source_url=f"{SOURCE_URL}{day:%y%m%d}_rpts.html",
    )


def _external_id(key: str, occurrence: int) -> str:
    """An id SPC does not give: kind, minute and point, so that an amended size updates its row.

    The ordinal keeps two reports from one spot in one minute apart.
    """
    return hashlib.sha256(f"{key}|{occurrence}".encode()).hexdigest()[:32]
