"""SWDI: preliminary reports as XML. `{base}/swdi/swdiws/xml/plsr/{yyyymmdd}:{yyyymmdd}`."""

from __future__ import annotations

from datetime import date, datetime
from xml.sax.saxutils import escape

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, Response

from shared.sandbox.state import Sandbox
from shared.sandbox.town import PLACES, Storm

HEADER = (
    '<?xml version="1.0"?><swdiXmlResponse><!-- column header names[types]:  ZTIME[VARCHAR2] ID[VARCHAR2]'
    " EVENT[VARCHAR2] MAGNITUDE[NUMBER] CITY[VARCHAR2] COUNTY[VARCHAR2] STATE[VARCHAR2] SOURCE[VARCHAR2]"
    " SHAPE[MDSYS.SDO_GEOMETRY]  -->"
)
EVENTS = {"hail": "HAIL", "wind": "TSTM WND DMG", "tornado": "TORNADO"}
LAG_DAYS = 1


def router(sandbox: Sandbox) -> APIRouter:
    """The one route of the service."""
    routes = APIRouter(prefix="/swdi")

    @routes.get("/swdiws/xml/plsr/{first}:{last}")
    def reports(first: str, last: str) -> Response:
        since, until = _day(first), _day(last)
        if since is None or until is None:
            return PlainTextResponse("ERROR: the date range is not valid", status_code=400)
        rows = [
            _row(storm)
            for place in PLACES
            for storm in sandbox.towns.of(place).storms
            if since <= storm.began_at.date() < until
            and (sandbox.settings.as_of - storm.began_at.date()).days >= LAG_DAYS
        ]
        summary = f"<summary><count>{len(rows)}</count><totalTimeInSeconds>0.0</totalTimeInSeconds></summary>"
        text = "\n".join([HEADER, *sorted(rows), summary, "</swdiXmlResponse>"])
        return Response(text, media_type="application/xml")

    return routes


def _day(text: str) -> date | None:
    try:
        return datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007 - a date
    except ValueError:
        return None


def _row(storm: Storm) -> str:
    """One result; only hail has a magnitude, -9999 stands for none."""
    cells = {
        "ztime": f"{storm.began_at:%Y-%m-%dT%H:%M:%SZ}",
        "id": str(storm.event_id % 1_000_000_000),
        "event": EVENTS[storm.kind],
        "magnitude": f"{storm.magnitude:g}" if storm.kind == "hail" else "-9999",
        "city": storm.location,
        "county": storm.county,
        "state": storm.state,
        "source": "TRAINED SPOTTER",
        "shape": f"POINT ({storm.longitude} {storm.latitude})",
    }
    return f"<result>{''.join(f'<{name}>{escape(value)}</{name}>' for name, value in cells.items())}</result>"
