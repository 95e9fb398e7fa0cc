"""SPC daily storm reports: raw CSV files of convective days. `{base}/climo/reports/{yymmdd}_rpts_{hail|wind|torn}.csv`."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, PlainTextResponse, Response

from shared.sandbox.state import Sandbox
from shared.sandbox.town import PLACES, Storm
from shared.sandbox.town.storms import HISTORY_DAYS

DAY_STARTS = time(12)
HEADERS = {
    "hail": "Time,Size,Location,County,State,Lat,Lon,Comments",
    "wind": "Time,Speed,Location,County,State,Lat,Lon,Comments",
    "torn": "Time,F_Scale,Location,County,State,Lat,Lon,Comments",
}
FILE_KINDS = {"hail": "hail", "wind": "wind", "tornado": "torn"}
_NAME = re.compile(r"(\d{6}|today|yesterday)_(?:rpts_)?(?:filtered_)?(hail|wind|torn)\.csv")
NO_FILE = "<html><head><title>404 Not Found</title></head><body><h1>Not Found</h1></body></html>"


def router(sandbox: Sandbox) -> APIRouter:
    """Routes of the report files."""
    routes = APIRouter(prefix="/spc")

    @routes.get("/climo/reports/{name}")
    def reports(name: str) -> Response:
        found = _NAME.fullmatch(name)
        day = _day(found.group(1), sandbox.settings.as_of) if found else None
        if found is None or day is None:
            return HTMLResponse(NO_FILE, status_code=404)
        return PlainTextResponse(_file(sandbox, day, found.group(2)), media_type="text/csv")

    return routes


def _day(text: str, as_of: date) -> date | None:
    """The convective day of a file name, None when no file can exist for it."""
    named = {"today": as_of, "yesterday": as_of - timedelta(days=1)}
    try:
        day = named[text] if text in named else datetime.strptime(text, "%y%m%d").date()  # noqa: DTZ007 - a date
    except ValueError:
        return None
    return day if as_of - timedelta(days=HISTORY_DAYS + 1) <= day <= as_of else None


def _file(sandbox: Sandbox, day: date, kind: str) -> str:
    lines = [HEADERS[kind]]
    lines += [
        _line(storm, place.weather_office)
        for place in PLACES
        for storm in sandbox.towns.of(place).storms
        if FILE_KINDS[storm.kind] == kind and convective_day(storm.began_at) == day
    ]
    return "\n".join([lines[0], *sorted(lines[1:], key=_since_noon)]) + "\n"


def convective_day(began_at: datetime) -> date:
    """The day whose file holds an event: days run from 12:00 to 11:59 UTC."""
    return began_at.date() if began_at.time() >= DAY_STARTS else began_at.date() - timedelta(days=1)


def _since_noon(line: str) -> int:
    return (int(line[:4]) - 1200) % 2400


def _line(storm: Storm, office: str) -> str:
    """One report; comments keep their unquoted commas, unmeasured gusts are often UNK."""
    strength = {
        "hail": f"{storm.magnitude * 100:.0f}",
        "wind": f"{storm.magnitude:.0f}",
        "tornado": f"EF{storm.magnitude:.0f}",
    }[storm.kind]
    if storm.kind == "wind" and not storm.measured and storm.magnitude < 62:
        strength = "UNK"
    comment = storm.narrative.replace("\n", " ").upper().rstrip(".")
    return (
        f"{storm.began_at:%H%M},{strength},{storm.location},{storm.county},{storm.state},"
        f"{storm.latitude:.2f},{storm.longitude:.2f},{comment}. ({office})"
    )
