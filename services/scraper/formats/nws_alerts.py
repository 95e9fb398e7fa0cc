"""Alerts of api.weather.gov (contracts/weather_gov.md): a warning's hail and wind, with its polygon or its zones."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import orjson

from services.scraper.domain.rows import Rejected, StormRow
from services.scraper.domain.storms import (
    NOT_MEASURED,
    RADIUS_MILES,
    MagnitudeUnit,
    Measured,
    magnitude_of,
    measured,
    severity_of,
    state_code,
)
from services.scraper.domain.swaths import area_of
from services.scraper.domain.values import clean_text, is_plausible_day
from services.scraper.formats.files import PublicFile
from shared.files import FileRefused

SOURCE = "nws_alert"
SOURCE_URL = "https://api.weather.gov/alerts/"
# What an alert says happens now, and which parameter measures it. A watch says what may come and is none of these.
HAZARDS: Mapping[str, tuple[str, ...]] = {
    "severe thunderstorm warning": ("hail", "wind"),
    "special weather statement": ("hail", "wind"),
    "tornado warning": ("tornado", "hail", "wind"),
    "high wind warning": ("wind",),
    "extreme wind warning": ("wind",),
    "hurricane warning": ("hurricane",),
    "typhoon warning": ("hurricane",),
}
PARAMETERS = {"hail": ("maxHailSize", "hailSize"), "wind": ("maxWindGust", "windGust")}
# Whether the hazard is there without a number: a wind or hurricane warning is about nothing else.
SURE_HAZARDS = frozenset(
    {("high wind warning", "wind"), ("extreme wind warning", "wind"), ("hurricane warning", "hurricane"),
     ("typhoon warning", "hurricane")}
)  # fmt: skip
HAIL_WORDS = re.compile(r"(\d*\.?\d+)\s*(IN(?:CH(?:ES)?)?)?\b", re.IGNORECASE)
WIND_WORDS = re.compile(r"(\d+)\s*(MPH|KTS?|KNOTS)\b", re.IGNORECASE)
# /O.CON.KTWC.SV.W.0047.000000T0000Z-260715T2015Z/: office, phenomenon, significance and number name one warning a year.
VTEC = re.compile(r"/[OTEX]\.[A-Z]{3}\.([A-Z]{4}\.[A-Z]{2}\.[A-Z]\.\d{4})\.\d{6}T\d{4}Z-(\d{2})\d{4}T\d{4}Z/")
ZONE = re.compile(r"([A-Z]{2})[CZ]\d{3}")
ACTUAL, CANCEL = "actual", "cancel"
LIMIT_ZONES = 100


def is_collection(document: Any) -> bool:
    """True for a collection of alerts, also an empty one; an ArcGIS answer has features too, but no such type."""
    wanted = isinstance(document, dict) and document.get("type") == "FeatureCollection"
    return wanted and isinstance(document.get("features"), list)


def parse(file: PublicFile, today: date) -> Iterator[StormRow | Rejected]:
    """The storms of every alert, or the reason there is none; the newest message of a warning comes last."""
    with file.open() as stream:
        try:
            document = orjson.loads(stream.read())
        except orjson.JSONDecodeError as error:
            raise FileRefused("broken_json", str(error)) from error
    if not is_collection(document):
        raise FileRefused("unknown_format", "it is JSON, but no collection of weather alerts")
    return _alerts(document["features"], today)


def _alerts(features: list[Any], today: date) -> Iterator[StormRow | Rejected]:
    for feature in sorted(features, key=_sent):
        if not isinstance(feature, dict) or not isinstance(feature.get("properties"), dict):
            yield Rejected("not_an_alert")
        else:
            yield from _alert(feature["properties"], feature.get("geometry"), today)


def _sent(feature: Any) -> float:
    properties = feature.get("properties") if isinstance(feature, dict) else None
    moment = _moment(properties.get("sent")) if isinstance(properties, dict) else None
    return moment.timestamp() if moment else 0.0


def _alert(alert: Mapping[str, Any], geometry: Any, today: date) -> Iterator[StormRow | Rejected]:
    """A row for each hazard of an alert; one reason for an alert that has none."""
    if str(alert.get("status", "")).lower() != ACTUAL:
        yield Rejected("not_actual")
        return
    event = " ".join(str(alert.get("event", "")).lower().split())
    rows = [
        row for hazard in HAZARDS.get(event, ()) if (row := _storm(alert, event, hazard, geometry, today))
    ]
    yield from rows or [Rejected("not_roof_relevant")]


def _storm(
    alert: Mapping[str, Any], event: str, hazard: str, geometry: Any, today: date
) -> StormRow | Rejected | None:
    """The row of one hazard; None where the alert does not say that it is there."""
    parameters = alert.get("parameters")
    said = parameters if isinstance(parameters, dict) else {}
    cancelled = str(alert.get("messageType", "")).lower() == CANCEL
    found = _measured(said, hazard)
    if isinstance(found, Rejected):
        return found
    there = found != NOT_MEASURED or (event, hazard) in SURE_HAZARDS or _tornado_seen(said, hazard)
    if not there and not cancelled:
        return None
    span = _span(alert, cancelled=cancelled)
    if span is None:
        return Rejected("time_unreadable")
    if not is_plausible_day(span[0].date(), today):
        return Rejected("date_implausible")
    swath = area_of(geometry)
    if geometry is not None and swath is None:
        return Rejected("geometry_unreadable")
    zones = _zones(alert)
    row = StormRow(
        source=SOURCE,
        external_id=f"{_key(alert, said)}:{hazard}"[:255],
        event_type=hazard,
        began_at=span[0].astimezone(UTC),
        local_began_at=span[0],
        ended_at=span[1],
        county=clean_text(alert.get("areaDesc"), 100),
        state=_state(zones),
        radius_miles=RADIUS_MILES[hazard],
        source_url=f"{SOURCE_URL}{alert.get('id')}",
        swath=swath,
        details=_details(alert, said, hazard, zones),
    )
    return _with_size(row, NOT_MEASURED if cancelled else found)


def _with_size(row: StormRow, found: Measured) -> StormRow:
    """The row with what was measured; a cancelled warning measured nothing, so it triggers nothing."""
    return replace(
        row,
        severity=severity_of(row.event_type, hail_inches=found.hail_inches, wind_mph=found.wind_mph),
        hail_size_inches=found.hail_inches,
        wind_speed_mph=found.wind_mph,
    )


def _span(alert: Mapping[str, Any], *, cancelled: bool) -> tuple[datetime, datetime | None] | None:
    """When an alert's hazard began, in its own zone, and ended, in UTC; a cancelled one ended with the message."""
    sent = _moment(alert.get("sent"))
    began = _moment(alert.get("onset") or alert.get("effective")) or sent
    if began is None:
        return None
    ended = sent if cancelled else _moment(alert.get("ends") or alert.get("expires"))
    return began, ended.astimezone(UTC) if ended and ended >= began else None


def _details(
    alert: Mapping[str, Any], said: Mapping[str, Any], hazard: str, zones: list[str]
) -> dict[str, Any]:
    return {
        "event": clean_text(alert.get("event"), 100),
        "message": clean_text(alert.get("messageType"), 20),
        "zones": zones[:LIMIT_ZONES],
        "threat": _first(said, f"{hazard}Threat"),
    }


def _measured(said: Mapping[str, Any], hazard: str) -> Measured | Rejected:
    """The size or gust of an alert in our units; nothing where it says none (`0.00` is none)."""
    words = next((text for name in PARAMETERS.get(hazard, ()) if (text := _first(said, name))), None)
    if words is None:
        return NOT_MEASURED
    match = (HAIL_WORDS if hazard == "hail" else WIND_WORDS).search(words)
    if match is None:
        return Rejected("magnitude_unreadable")
    unit = MagnitudeUnit.INCHES
    if hazard == "wind":
        unit = MagnitudeUnit.MPH if match[2].upper() == "MPH" else MagnitudeUnit.KNOTS
    return measured(hazard, magnitude_of(match[1]), unit)


def _tornado_seen(said: Mapping[str, Any], hazard: str) -> bool:
    """A tornado counts once somebody saw it; rotation on radar mostly comes to nothing."""
    return hazard == "tornado" and (_first(said, "tornadoDetection") or "").upper() == "OBSERVED"


def _key(alert: Mapping[str, Any], said: Mapping[str, Any]) -> str:
    """What all messages about one warning share: its VTEC number, else the first message it refers to, else its id."""
    if match := VTEC.match(_first(said, "VTEC") or ""):
        return f"{match[1]}.20{match[2]}"
    references = [r for r in alert.get("references") or () if isinstance(r, dict) and r.get("identifier")]
    first = min(references, key=lambda r: (str(r.get("sent") or ""), str(r["identifier"])), default=None)
    return str(first["identifier"] if first else alert.get("id"))


def _zones(alert: Mapping[str, Any]) -> list[str]:
    geocode = alert.get("geocode")
    given = geocode.get("UGC") if isinstance(geocode, dict) else None
    return [str(zone) for zone in given or ()]


def _state(zones: list[str]) -> str | None:
    return next(
        (state_code(m[1]) for zone in zones if (m := ZONE.fullmatch(zone)) and state_code(m[1])), None
    )


def _first(said: Mapping[str, Any], name: str) -> str | None:
    """The first text of a parameter; values are lists of texts."""
    given = said.get(name)
    value = given[0] if isinstance(given, list) and given else given
    return str(value).strip() or None if value else None


def _moment(text: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else None
