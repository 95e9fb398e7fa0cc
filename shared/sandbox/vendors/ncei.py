"""NCEI Storm Events: an Apache directory and one packed CSV a year. `{base}/pub/data/swdi/stormevents/csvfiles/`."""

from __future__ import annotations

import csv
import gzip
import io
from datetime import date, datetime, timedelta

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from shared.sandbox.state import Sandbox
from shared.sandbox.town import PLACES, Place, Storm

FOLDER = "/pub/data/swdi/stormevents/csvfiles"
LAG_DAYS = 75
"""Events younger than this are not in the files yet."""
KNOTS_PER_MPH = 1 / 1.15078
HEADER = (
    "BEGIN_YEARMONTH",
    "BEGIN_DAY",
    "BEGIN_TIME",
    "END_YEARMONTH",
    "END_DAY",
    "END_TIME",
    "EPISODE_ID",
    "EVENT_ID",
    "STATE",
    "STATE_FIPS",
    "YEAR",
    "MONTH_NAME",
    "EVENT_TYPE",
    "CZ_TYPE",
    "CZ_FIPS",
    "CZ_NAME",
    "WFO",
    "BEGIN_DATE_TIME",
    "CZ_TIMEZONE",
    "END_DATE_TIME",
    "INJURIES_DIRECT",
    "INJURIES_INDIRECT",
    "DEATHS_DIRECT",
    "DEATHS_INDIRECT",
    "DAMAGE_PROPERTY",
    "DAMAGE_CROPS",
    "SOURCE",
    "MAGNITUDE",
    "MAGNITUDE_TYPE",
    "FLOOD_CAUSE",
    "CATEGORY",
    "TOR_F_SCALE",
    "TOR_LENGTH",
    "TOR_WIDTH",
    "TOR_OTHER_WFO",
    "TOR_OTHER_CZ_STATE",
    "TOR_OTHER_CZ_FIPS",
    "TOR_OTHER_CZ_NAME",
    "BEGIN_RANGE",
    "BEGIN_AZIMUTH",
    "BEGIN_LOCATION",
    "END_RANGE",
    "END_AZIMUTH",
    "END_LOCATION",
    "BEGIN_LAT",
    "BEGIN_LON",
    "END_LAT",
    "END_LON",
    "EPISODE_NARRATIVE",
    "EVENT_NARRATIVE",
    "DATA_SOURCE",
)
EVENT_TYPES = {"hail": "Hail", "wind": "Thunderstorm Wind", "tornado": "Tornado"}


def router(sandbox: Sandbox) -> APIRouter:
    """Routes of the file server."""
    routes = APIRouter(prefix="/ncei")

    @routes.get(f"{FOLDER}/")
    def listing() -> HTMLResponse:
        return HTMLResponse(_listing(sandbox.settings.as_of))

    @routes.get(f"{FOLDER}/{{name}}")
    def file(name: str) -> Response:
        as_of = sandbox.settings.as_of
        built = {file_name: year for year in _years(as_of) for file_name in _file_names(year, as_of)}
        if name not in built:
            return HTMLResponse(
                "<html><head><title>404 Not Found</title></head><body>Not Found</body></html>", 404
            )
        return Response(
            gzip.compress(_csv(sandbox, built[name]).encode("latin-1", "replace"), mtime=0),
            media_type="application/x-gzip",
        )

    return routes


def _years(as_of: date) -> range:
    return range(as_of.year - 2, as_of.year + 1)


def _file_names(year: int, as_of: date) -> tuple[str, ...]:
    """Present and earlier publication of a year; only the newest should be read, both hold the same rows."""
    newest, earlier = as_of - timedelta(days=6), as_of - timedelta(days=68)
    names = [f"StormEvents_details-ftp_v1.0_d{year}_c{day:%Y%m%d}.csv.gz" for day in (earlier, newest)]
    return tuple(names if year == as_of.year else names[1:])


def _listing(as_of: date) -> str:
    """The directory as Apache shows it, other files included."""
    names = [name for year in _years(as_of) for name in _file_names(year, as_of)]
    others = [name.replace("details", kind) for name in names for kind in ("locations", "fatalities")]
    rows = "".join(
        f'<tr><td><a href="{name}">{name}</a></td><td align="right">{as_of:%Y-%m-%d} 06:11  </td>'
        '<td align="right">1.2M</td></tr>\n'
        for name in sorted(names + others)
    )
    return (
        '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2 Final//EN">\n<html>\n <head>\n'
        f"  <title>Index of {FOLDER}</title>\n </head>\n <body>\n<h1>Index of {FOLDER}</h1>\n<table>\n"
        '<tr><td><a href="/pub/data/swdi/stormevents/">Parent Directory</a></td></tr>\n'
        f"{rows}</table>\n</body></html>\n"
    )


def _csv(sandbox: Sandbox, year: int) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    newest = sandbox.settings.as_of - timedelta(days=LAG_DAYS)
    for place in PLACES:
        for storm in sandbox.towns.of(place).storms:
            began = storm.began_at + timedelta(hours=place.standard_offset_hours)
            if began.year == year and storm.began_at.date() <= newest:
                row = _row(place, storm, began)
                writer.writerow([row.get(name, "") for name in HEADER])
        if year <= newest.year:
            row = _zone_row(place, year)
            writer.writerow([row.get(name, "") for name in HEADER])
    return out.getvalue()


def _times(began: datetime, ended: datetime, zone: str) -> dict[str, str]:
    """Local standard time in the file's many spellings; clock times without leading zeros."""
    return {
        "BEGIN_YEARMONTH": f"{began:%Y%m}",
        "BEGIN_DAY": str(began.day),
        "BEGIN_TIME": str(began.hour * 100 + began.minute),
        "END_YEARMONTH": f"{ended:%Y%m}",
        "END_DAY": str(ended.day),
        "END_TIME": str(ended.hour * 100 + ended.minute),
        "YEAR": str(began.year),
        "MONTH_NAME": f"{began:%B}",
        "CZ_TIMEZONE": zone,
        "BEGIN_DATE_TIME": f"{began:%d-%b-%y %H:%M:%S}".upper(),
        "END_DATE_TIME": f"{ended:%d-%b-%y %H:%M:%S}".upper(),
    }


def _common(place: Place) -> dict[str, str]:
    return {
        "STATE": place.state_name,
        "STATE_FIPS": str(int(place.county_fips[:2])),
        "WFO": place.weather_office,
        "CZ_FIPS": str(int(place.county_fips[2:])),
        "CZ_NAME": place.county.upper(),
        "CZ_TYPE": "C",
        "INJURIES_DIRECT": "0",
        "INJURIES_INDIRECT": "0",
        "DEATHS_DIRECT": "0",
        "DEATHS_INDIRECT": "0",
        "DAMAGE_CROPS": "0.00K",
        "SOURCE": "Trained Spotter",
        "DATA_SOURCE": "CSV",
    }


def _row(place: Place, storm: Storm, began: datetime) -> dict[str, str]:
    miles, azimuth, location = _range(storm.location)
    return {
        **_common(place),
        **_times(began, began + timedelta(minutes=storm.minutes), place.standard_zone),
        **_strength(storm),
        "CZ_NAME": storm.county,
        "EPISODE_ID": str(storm.episode),
        "EVENT_ID": str(storm.event_id),
        "EVENT_TYPE": EVENT_TYPES[storm.kind],
        "DAMAGE_PROPERTY": _damage(storm.damage_dollars),
        "BEGIN_RANGE": miles,
        "BEGIN_AZIMUTH": azimuth,
        "BEGIN_LOCATION": location,
        "END_RANGE": miles,
        "END_AZIMUTH": azimuth,
        "END_LOCATION": location,
        "BEGIN_LAT": str(storm.latitude),
        "BEGIN_LON": str(storm.longitude),
        "END_LAT": str(storm.end_latitude),
        "END_LON": str(storm.end_longitude),
        "EPISODE_NARRATIVE": "Scattered storms crossed the area in the afternoon and evening.",
        "EVENT_NARRATIVE": storm.narrative,
    }


def _strength(storm: Storm) -> dict[str, str]:
    """Hail in inches, wind in knots, tornado on the scale."""
    if storm.kind == "hail":
        return {"MAGNITUDE": f"{storm.magnitude:.2f}"}
    if storm.kind == "wind":
        return {
            "MAGNITUDE": f"{storm.magnitude * KNOTS_PER_MPH:.2f}",
            "MAGNITUDE_TYPE": "MG" if storm.measured else "EG",
        }
    return {"TOR_F_SCALE": f"EF{storm.magnitude:.0f}", "TOR_LENGTH": "3.2", "TOR_WIDTH": "150"}


def _zone_row(place: Place, year: int) -> dict[str, str]:
    """A forecast-zone event, which has no point."""
    began = datetime(year, 1, 9, 5, 0)  # noqa: DTZ001 - the file's times are local standard and carry no zone
    return {
        **_common(place),
        **_times(began, began + timedelta(hours=9), place.standard_zone),
        "CZ_TYPE": "Z",
        "EPISODE_ID": str(600_000 + place.salt),
        "EVENT_ID": str(800_000_000 + place.salt * 10_000 + year),
        "EVENT_TYPE": "Winter Weather",
        "DAMAGE_PROPERTY": "",
        "EPISODE_NARRATIVE": "A weak system brought light snow.",
        "EVENT_NARRATIVE": "",
    }


def _damage(dollars: int) -> str:
    if dollars == 0:
        return ""
    return f"{dollars / 1_000_000:.2f}M" if dollars >= 1_000_000 else f"{dollars / 1_000:.2f}K"


def _range(location: str) -> tuple[str, str, str]:
    """("3", "NW", "HARROW") of "3 NW HARROW"."""
    first, _, rest = location.partition(" ")
    if not first.isdigit():
        return "0", "N", location
    azimuth, _, name = rest.partition(" ")
    return first, azimuth, name
