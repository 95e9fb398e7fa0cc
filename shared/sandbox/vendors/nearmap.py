"""Nearmap: which flights cover a point, and their tiles. `{base}/coverage/v2/...` and `{base}/tiles/v3/...`."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any
from uuid import UUID, uuid5

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from shared.sandbox.render import jpeg_bytes
from shared.sandbox.state import Sandbox
from shared.sandbox.town import Town
from shared.sandbox.vendors.aerial import picture, tile_window

FLIGHTS_DAYS_AGO = (45, 230, 415)
PIXEL_SIZE_M = 0.075
FINEST_ZOOM = 21
IDS = UUID("1b0e3c3e-6a54-4d1f-9a54-2f5f0d3f8a11")


class TileQuery(BaseModel):
    """Query of a tile."""

    apikey: str = ""
    since: str = ""
    until: str = ""


def router(sandbox: Sandbox) -> APIRouter:
    """Routes of the vendor."""
    routes = APIRouter(prefix="/nearmap")

    @routes.get("/coverage/v2/point/{place}")
    def coverage(place: str, apikey: str = "", since: str = "", until: str = "", limit: int = 20) -> Response:
        refusal = _refusal(apikey)
        if refusal is not None:
            return refusal
        try:
            longitude, latitude = (float(part) for part in place.split(","))
            first, last = _days(since, until)
        except ValueError:
            return JSONResponse({"message": "Bad request"}, 400)
        town = sandbox.towns.covering(latitude, longitude)
        days = [town.day(ago) for ago in FLIGHTS_DAYS_AGO] if town else []
        surveys = [_survey(town, day) for day in days if town and first <= day <= last]
        return JSONResponse({"surveys": surveys[:limit], "offset": 0, "limit": limit, "total": len(surveys)})

    @routes.get("/tiles/v3/Vert/{zoom}/{column}/{row}.jpg")
    def tile(zoom: int, column: int, row: int, asked: Annotated[TileQuery, Query()]) -> Response:
        refusal = _refusal(asked.apikey)
        if refusal is not None:
            return refusal
        window = tile_window(sandbox, zoom, column, row) if 0 <= zoom <= FINEST_ZOOM else None
        flown = [window.town.day(ago) for ago in FLIGHTS_DAYS_AGO] if window else []
        first, last = _days(asked.since, asked.until)
        day = next((day for day in flown if first <= day <= last), None)
        if window is None or day is None:
            return JSONResponse({"message": "Not found"}, 404)
        return Response(jpeg_bytes(picture(window, day)), media_type="image/jpeg")

    return routes


def _survey(town: Town, day: date) -> dict[str, Any]:
    key = str(uuid5(IDS, f"{town.place.key}:{day}"))
    return {
        "id": key,
        "captureDate": day.isoformat(),
        "firstPhotoTime": f"{day}T16:02:11Z",
        "lastPhotoTime": f"{day}T18:40:53Z",
        "timezone": "America/Chicago",
        "pixelSize": PIXEL_SIZE_M,
        "resources": {"tiles": [{"id": key, "type": "Vert", "scale": FINEST_ZOOM}], "aifeatures": []},
    }


def _refusal(key: str) -> Response | None:
    if not key:
        return JSONResponse({"message": "Unauthorized"}, 401)
    return JSONResponse({"message": "Forbidden"}, 403) if "bad" in key else None


def _days(since: str, until: str) -> tuple[date, date]:
    first = date.fromisoformat(since) if since else date.min
    return first, date.fromisoformat(until) if until else date.max
