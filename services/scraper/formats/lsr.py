"""Local storm reports, the weather service's text product of fixed columns; minutes old, by the clock on the spot."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TextIO

from services.scraper.domain.rows import Rejected, StormRow
from services.scraper.domain.storms import (
    NOT_MEASURED,
    RADIUS_MILES,
    MagnitudeUnit,
    Measured,
    clock_offset,
    magnitude_of,
    measured,
    place_name,
    report_event_type,
    severity_of,
    state_code,
)
from services.scraper.domain.values import clean_text, is_plausible_day, point_of

SOURCE = "lsr"
TITLE = "local storm report"
# 511 PM CDT WED JUL 4 2018: the clock of every report below it.
ISSUED = re.compile(r"^\d{3,4} [AP]M ([A-Z]{2,4}) [A-Z]{3} [A-Z]{3} +\d{1,2} \d{4}\s*$", re.IGNORECASE)
FIRST_LINE = re.compile(r"^(\d{3,4}) ([AP]M)\s{3,}(\S.*)$", re.IGNORECASE)
SECOND_LINE = re.compile(r"^(\d{2})/(\d{2})/(\d{4})")
PLACE = re.compile(r"(\d{1,3}\.\d{1,2})([NS])\s+(\d{1,3}\.\d{1,2})([EW])\s*$", re.IGNORECASE)
MAGNITUDE = re.compile(r"^([EMU]?)(\d*\.?\d+)\s+(INCH(?:ES)?|MPH|KTS?|KNOTS)$", re.IGNORECASE)
UNITS = {
    ("hail", "INCH"): MagnitudeUnit.INCHES,
    ("hail", "INCHES"): MagnitudeUnit.INCHES,
    ("wind", "MPH"): MagnitudeUnit.MPH,
    ("wind", "KT"): MagnitudeUnit.KNOTS,
    ("wind", "KTS"): MagnitudeUnit.KNOTS,
    ("wind", "KNOTS"): MagnitudeUnit.KNOTS,
}
EVENT, CITY, POINT = slice(12, 29), slice(29, 53), slice(53, None)
MAG, COUNTY, STATE, REPORTER = slice(12, 29), slice(29, 48), slice(48, 53), slice(53, None)


@dataclass(frozen=True, slots=True)
class _Report:
    """The two lines of a report and the clock zone of its product."""

    first: str
    second: str
    zone: str


def is_text(head: str) -> bool:
    """True for the text product, bare or with its WMO header."""
    return TITLE in head[:2000].lower()


def parse(stream: TextIO, today: date) -> Iterator[StormRow | Rejected]:
    """One storm, or the reason there is none, for every report; remarks and headers are not rows."""
    seen: Counter[str] = Counter()
    zone, first = "", ""
    for line in stream:
        text = line.rstrip("\r\n")
        if first:
            yield _storm(_Report(first, text, zone), today, seen)
            first = ""
        elif issued := ISSUED.match(text.strip()):
            zone = issued[1]
        elif FIRST_LINE.match(text):
            first = text
    if first:
        yield Rejected("short_row")


def _storm(report: _Report, today: date, seen: Counter[str]) -> StormRow | Rejected:
    event_type = report_event_type(report.first[EVENT])
    if event_type is None:
        return Rejected("not_roof_relevant")
    offset = clock_offset(report.zone)
    if offset is None:
        return Rejected("time_zone_unknown")
    began_at = _moment(report, offset)
    if began_at is None:
        return Rejected("time_unreadable")
    if not is_plausible_day(began_at.date(), today):
        return Rejected("date_implausible")
    found = _measured(event_type, report.second[MAG].strip())
    if isinstance(found, Rejected):
        return found
    place = PLACE.search(report.first[POINT])
    point = _point(place) if place else None
    if point is None:
        return Rejected("place_unreadable")
    return StormRow(
        source=SOURCE,
        external_id=_key(report, began_at, point, seen),
        event_type=event_type,
        began_at=began_at,
        local_began_at=began_at + offset,
        city=clean_text(place_name(report.first[CITY]), 100),
        county=clean_text(report.second[COUNTY], 100),
        state=state_code(report.second[STATE]),
        lat=point[0],
        lng=point[1],
        radius_miles=RADIUS_MILES[event_type],
        severity=severity_of(event_type, hail_inches=found.hail_inches, wind_mph=found.wind_mph),
        hail_size_inches=found.hail_inches,
        wind_speed_mph=found.wind_mph,
        details={"reporter": clean_text(report.second[REPORTER], 100), "event": _event(report)},
    )


def _moment(report: _Report, offset: timedelta) -> datetime | None:
    clock, day = FIRST_LINE.match(report.first), SECOND_LINE.match(report.second)
    if clock is None or day is None:
        return None
    hour, minute = divmod(int(clock[1]), 100)
    if not 1 <= hour <= 12:
        return None
    hour = hour % 12 + (12 if clock[2].upper() == "PM" else 0)
    try:
        return datetime(int(day[3]), int(day[1]), int(day[2]), hour, minute, tzinfo=UTC) - offset
    except ValueError:
        return None


def _measured(event_type: str, text: str) -> Measured | Rejected:
    """The size or speed in our units, nothing where nothing was measured."""
    if not text or event_type not in ("hail", "wind"):
        return NOT_MEASURED
    match = MAGNITUDE.match(text)
    unit = UNITS.get((event_type, match[3].upper())) if match else None
    if match is None or unit is None:
        return Rejected("magnitude_unreadable")
    return measured(event_type, magnitude_of(match[2]), unit)


def _key(report: _Report, began_at: datetime, point: tuple[float, float], seen: Counter[str]) -> str:
    """An id the text does not give: event, minute and point, so that a corrected size updates its row.

    The ordinal keeps two reports from one spot in one minute apart.
    """
    key = f"{_event(report)}|{began_at:%Y%m%d%H%M}|{point[0]}|{point[1]}"
    seen[key] += 1
    return hashlib.sha256(f"{key}|{seen[key]}".encode()).hexdigest()[:32]


def _event(report: _Report) -> str:
    return " ".join(report.first[EVENT].lower().split())


def _point(place: re.Match[str]) -> tuple[float, float] | None:
    north = float(place[1]) * (1 if place[2].upper() == "N" else -1)
    east = float(place[3]) * (1 if place[4].upper() == "E" else -1)
    return point_of(north, east)
