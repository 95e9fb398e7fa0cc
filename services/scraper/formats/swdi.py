"""NOAA's Severe Weather Data Inventory as XML: preliminary reports (plsr) and what radar saw; times are UTC."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TextIO
from xml.etree import ElementTree as ET

from services.scraper.domain.rows import Rejected, StormRow
from services.scraper.domain.storms import (
    RADIUS_MILES,
    MagnitudeUnit,
    magnitude_of,
    measured,
    place_name,
    report_event_type,
    severity_of,
    standard_offset,
    state_code,
)
from services.scraper.domain.values import clean_text, is_plausible_day, point_of
from shared.files import FileRefused

REPORTS, RADAR_HAIL = "swdi_plsr", "swdi_nx3hail"
ROOT = "<swdixmlresponse"
# Radar guesses hail from every scan of every cell; below even odds of severe hail it is noise, not a report.
LEAST_SEVERE_PERCENT = Decimal(50)
ENTITY = "<!entity"


def is_answer(head: str) -> bool:
    """True for an answer of the service."""
    return ROOT in head[:500].lower()


def parse(stream: TextIO, today: date) -> Iterator[StormRow | Rejected]:
    """One storm, or the reason there is none, for every result."""
    text = stream.read()
    # An answer declares nothing; entities in one would only be there to blow it up.
    if ENTITY in text.lower():
        raise FileRefused("broken_xml", "the XML declares entities")
    try:
        root = ET.fromstring(text)  # noqa: S314 - entities were refused above
    except ET.ParseError as error:
        raise FileRefused("broken_xml", f"the XML cannot be read: {error}") from error
    for result in root.iter("result"):
        yield _storm({cell.tag.lower(): (cell.text or "").strip() for cell in result}, today)


def _storm(row: dict[str, str], today: date) -> StormRow | Rejected:
    if "event" in row:
        event_type = report_event_type(row["event"])
        if event_type is None:
            return Rejected("not_roof_relevant")
        return _located(row, REPORTS, event_type, row.get("magnitude"), today)
    if "maxsize" in row:
        odds = magnitude_of(row.get("sevprob"))
        if odds is None or odds < LEAST_SEVERE_PERCENT:
            return Rejected("hail_improbable")
        return _located(row, RADAR_HAIL, "hail", row["maxsize"], today)
    # Rotation (nx3tvs, nx3meso) and lightning: nobody saw a tornado, and most were none.
    return Rejected("radar_signature")


def _located(
    row: dict[str, str], source: str, event_type: str, given: str | None, today: date
) -> StormRow | Rejected:
    try:
        began_at = datetime.strptime(row.get("ztime", ""), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return Rejected("time_unreadable")
    if not is_plausible_day(began_at.date(), today):
        return Rejected("date_implausible")
    point = _point(row)
    if point is None:
        return Rejected("place_unreadable")
    magnitude = magnitude_of(given)  # 0 and -9999 are unknown
    if event_type == "wind" and magnitude is not None:
        # The service documents inches for hail and no unit for wind; the LSR text has the same gust with its unit.
        return Rejected("unit_unknown")
    found = measured(event_type, magnitude, MagnitudeUnit.INCHES)
    if isinstance(found, Rejected):
        return found
    state = state_code(row.get("state"))
    return StormRow(
        source=source,
        external_id=row.get("id") or _cell_key(row),
        event_type=event_type,
        began_at=began_at,
        local_began_at=began_at + (standard_offset(None, state) or timedelta()),
        city=clean_text(place_name(row.get("city")), 100),
        county=clean_text(row.get("county"), 100),
        state=state,
        lat=point[0],
        lng=point[1],
        radius_miles=RADIUS_MILES[event_type],
        severity=severity_of(event_type, hail_inches=found.hail_inches),
        hail_size_inches=found.hail_inches,
        details={name: row[name] for name in ("source", "sevprob", "prob", "wsr_id") if row.get(name)}
        or None,
    )


def _cell_key(row: dict[str, str]) -> str:
    """Radar, scan and cell name one estimate."""
    key = f"{row.get('wsr_id')}|{row.get('ztime')}|{row.get('cell_id')}"
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def _point(row: dict[str, str]) -> tuple[float, float] | None:
    """`POINT (-90.43 30.93)`: longitude first; the hail product may give columns instead."""
    shape = row.get("shape", "").upper().removeprefix("POINT").strip(" ()").split()
    lng, lat = shape if len(shape) == 2 else (row.get("lon"), row.get("lat"))
    return point_of(lat, lng)
