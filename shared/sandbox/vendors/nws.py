"""api.weather.gov: `{base}/nws/alerts` of the last days, `{base}/nws/products` with local storm reports as text."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from shared.sandbox.state import Sandbox
from shared.sandbox.town import PLACES, Place, Storm
from shared.sandbox.vendors.nws_text import report_text

DAYS_KEPT = 7
PAGE_LIMIT = 500
WARNING_MINUTES = 45
METRES_PER_DEGREE = 111_195.0
PHENOMENA = {"hail": "SV", "wind": "SV", "tornado": "TO"}
EVENTS = {"SV": "Severe Thunderstorm Warning", "TO": "Tornado Warning"}
NO_AGENT = "<html><head><title>Access Denied</title></head><body>Access Denied</body></html>"


def router(sandbox: Sandbox) -> APIRouter:
    """Routes of alerts and products."""
    routes = APIRouter(prefix="/nws")

    @routes.get("/alerts")
    def alerts(request: Request, start: datetime, end: datetime, limit: int = PAGE_LIMIT) -> Response:
        if "@" not in request.headers.get("user-agent", ""):
            return HTMLResponse(NO_AGENT, status_code=403)
        wanted = set(request.query_params.get("event", "").split(",")) - {""}
        found = [
            feature
            for feature in _alerts(sandbox)
            if start <= datetime.fromisoformat(feature["properties"]["sent"]) <= end
            and (not wanted or feature["properties"]["event"] in wanted)
        ]
        first = int(request.query_params.get("cursor") or 0)
        return _geojson(
            found[first : first + limit], request, first + limit if len(found) > first + limit else None
        )

    @routes.get("/products")
    def products(request: Request, start: datetime, end: datetime) -> Response:
        if "@" not in request.headers.get("user-agent", ""):
            return HTMLResponse(NO_AGENT, status_code=403)
        listed = [_product(*at) for at in _recent(sandbox) if start <= _issued(at[1]) <= end]
        return JSONResponse({"@context": {}, "@graph": listed}, media_type="application/ld+json")

    @routes.get("/products/{product_id}")
    def product(product_id: str) -> Response:
        for place, storm in _recent(sandbox):
            if _product_id(storm) == product_id:
                body = {**_product(place, storm), "productText": report_text(place, storm, _issued(storm))}
                return JSONResponse({"@context": {}, **body}, media_type="application/ld+json")
        return JSONResponse(
            {"title": "Not Found", "status": 404, "detail": "no such product"},
            status_code=404,
            media_type="application/problem+json",
        )

    return routes


def _recent(sandbox: Sandbox) -> Iterator[tuple[Place, Storm]]:
    """The storms that the service still knows, by town."""
    for place in PLACES:
        for storm in sandbox.towns.of(place).storms:
            if (sandbox.settings.as_of - storm.began_at.date()).days < DAYS_KEPT:
                yield place, storm


def _issued(storm: Storm) -> datetime:
    return storm.began_at + timedelta(minutes=20)


def _product_id(storm: Storm) -> str:
    return str(uuid5(NAMESPACE_URL, f"lsr-{storm.event_id}"))


def _product(place: Place, storm: Storm) -> dict[str, Any]:
    return {
        "id": _product_id(storm),
        "wmoCollectiveId": "NWUS54",
        "issuingOffice": f"K{place.weather_office}",
        "issuanceTime": _issued(storm).isoformat(),
        "productCode": "LSR",
        "productName": "Local Storm Report",
    }


def _geojson(features: list[dict[str, Any]], request: Request, cursor: int | None) -> Response:
    body: dict[str, Any] = {
        "@context": [],
        "type": "FeatureCollection",
        "features": features,
        "title": "alerts",
    }
    if cursor is not None:
        body["pagination"] = {"next": str(request.url.include_query_params(cursor=cursor))}
    return JSONResponse(body, media_type="application/geo+json")


def _alerts(sandbox: Sandbox) -> list[dict[str, Any]]:
    """A warning before each storm, its update behind it, and advisories of whole zones that no roof minds."""
    found = []
    midnight = datetime.combine(sandbox.settings.as_of, time(), UTC)
    for place, storm in _recent(sandbox):
        found += [
            _warning(place, storm, "Alert", -timedelta(minutes=10)),
            _warning(place, storm, "Update", timedelta(minutes=5)),
        ]
    for place in PLACES:
        for back in range(DAYS_KEPT):
            found.append(_advisory(place, midnight - timedelta(days=back)))
    return sorted(found, key=lambda feature: feature["properties"]["sent"])


def _warning(place: Place, storm: Storm, message: str, after: timedelta) -> dict[str, Any]:
    phenomenon = PHENOMENA[storm.kind]
    number, year = storm.event_id % 10_000, f"{storm.began_at:%y}"
    began, ends = storm.began_at - timedelta(minutes=10), storm.began_at + timedelta(minutes=WARNING_MINUTES)
    action, since = ("NEW", f"{began:%y%m%dT%H%MZ}") if message == "Alert" else ("CON", "000000T0000Z")
    said = {
        "VTEC": [
            f"/O.{action}.K{place.weather_office}.{phenomenon}.W.{number:04d}.{since}-{ends:%y%m%dT%H%MZ}/"
        ],
        "maxHailSize": [f"{storm.magnitude:.2f}" if storm.kind == "hail" else "0.00"],
        "maxWindGust": [f"{storm.magnitude:.0f} MPH" if storm.kind == "wind" else "40 MPH"],
    }
    if storm.kind == "tornado":
        said["tornadoDetection"] = ["OBSERVED"]
    return _feature(
        place,
        f"warning-{storm.event_id}-{message}-{year}",
        event=EVENTS[phenomenon],
        message=message,
        span=(storm.began_at + after, began, ends),
        parameters=said,
        geometry=_polygon(storm),
    )


def _advisory(place: Place, day: datetime) -> dict[str, Any]:
    span = (day + timedelta(hours=9), day + timedelta(hours=12), None)
    key = f"advisory-{place.key}-{day:%Y%m%d}"
    return _feature(place, key, event="Wind Advisory", message="Alert", span=span)


def _feature(
    place: Place,
    key: str,
    *,
    event: str,
    message: str,
    span: tuple[datetime, datetime, datetime | None],
    parameters: dict[str, list[str]] | None = None,
    geometry: dict[str, Any] | None = None,
) -> dict[str, Any]:
    zone = ZoneInfo(place.time_zone)
    sent, onset, ends = (moment.astimezone(zone).isoformat() if moment else None for moment in span)
    identifier = f"urn:oid:2.49.0.1.840.0.{uuid5(NAMESPACE_URL, key).hex}.001.1"
    return {
        "id": f"https://api.weather.gov/alerts/{identifier}",
        "type": "Feature",
        "geometry": geometry,
        "properties": {
            "id": identifier,
            "areaDesc": place.county,
            "geocode": {"SAME": [f"0{place.county_fips}"], "UGC": [f"{place.state}C{place.county_fips[2:]}"]},
            "references": [],
            "sent": sent,
            "effective": sent,
            "onset": onset,
            "expires": ends or onset,
            "ends": ends,
            "status": "Actual",
            "messageType": message,
            "severity": "Severe",
            "certainty": "Observed",
            "urgency": "Immediate",
            "event": event,
            "senderName": f"NWS {place.weather_office}",
            "headline": f"{event} issued by NWS {place.weather_office}",
            "parameters": parameters or {},
        },
    }


def _polygon(storm: Storm) -> dict[str, Any]:
    """A box about the storm's track, two half widths wider than it."""
    north = 2 * storm.half_width_m / METRES_PER_DEGREE
    east = north / math.cos(math.radians(storm.latitude))
    west_east = sorted((storm.longitude, storm.end_longitude))
    south_north = sorted((storm.latitude, storm.end_latitude))
    (left, right), (low, high) = west_east, south_north
    ring = [
        [left - east, low - north],
        [right + east, low - north],
        [right + east, high + north],
        [left - east, high + north],
    ]
    corners = [[round(x, 2), round(y, 2)] for x, y in ring]
    return {"type": "Polygon", "coordinates": [[*corners, corners[0]]]}
