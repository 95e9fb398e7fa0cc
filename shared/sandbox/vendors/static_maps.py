"""Pictures of maps for browsers, as Google and Mapbox serve them: never to be kept.

`{base}/maps/api/staticmap` and `{base}/styles/v1/mapbox/satellite-v9/static/{lon},{lat},{zoom}/{w}x{h}@2x`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
import re
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import BaseModel

from shared.sandbox.render import jpeg_bytes, no_imagery
from shared.sandbox.state import Sandbox
from shared.sandbox.town import Town
from shared.sandbox.vendors.aerial import AROUND_M, Window, picture, window_at

SIGNING_KEY = b"sandbox-signature"
PHOTO_DAYS_AGO = 600
SIZE = re.compile(r"(\d{1,3})x(\d{1,3})")
CENTRE = re.compile(r"(-?\d+(?:\.\d+)?),(-?\d+(?:\.\d+)?)")
MAPBOX_STATIC = re.compile(r"(-?\d+(?:\.\d+)?),(-?\d+(?:\.\d+)?),(\d+(?:\.\d+)?)(?:,[\d.,]+)?")
MAPBOX_SIZE = re.compile(r"(\d{1,4})x(\d{1,4})(@2x)?")


class MapQuery(BaseModel):
    """Query of a map, names as the vendor has them."""

    center: str = ""
    zoom: int = -1
    size: str = ""
    scale: int = 1
    key: str = ""


def router(sandbox: Sandbox) -> APIRouter:
    """Routes of both vendors."""
    routes = APIRouter()
    routes.include_router(google(sandbox))
    routes.include_router(mapbox(sandbox))
    return routes


def google(sandbox: Sandbox) -> APIRouter:
    """Routes of the vendor whose addresses are signed."""
    routes = APIRouter(prefix="/google_static/maps/api")

    @routes.get("/staticmap")
    def static_map(request: Request, asked: Annotated[MapQuery, Query()]) -> Response:
        if not asked.key or "bad" in asked.key:
            return PlainTextResponse("The Google Maps Platform server rejected your request.", 403)
        if not is_signed(request.url.path, request.url.query):
            return PlainTextResponse("Unable to authenticate the request. The signature is invalid.", 403)
        shape, at = SIZE.fullmatch(asked.size), CENTRE.fullmatch(asked.center)
        if shape is None or at is None or not 0 <= asked.zoom <= 21 or int(shape[1]) > 640:
            return PlainTextResponse("Error: missing or invalid parameter.", 400)
        latitude, side = float(at[1]), int(shape[1])
        span = _ground(latitude, asked.zoom, 256) * side
        return _picture(window_at(sandbox, latitude, float(at[2]), span, side * asked.scale))

    return routes


def mapbox(sandbox: Sandbox) -> APIRouter:
    """Routes of the vendor whose addresses carry a token."""
    routes = APIRouter(prefix="/mapbox_static/styles/v1/mapbox/satellite-v9/static")

    @routes.get("/{place}/{size}")
    def static_image(place: str, size: str, access_token: str = "") -> Response:
        if not access_token or "bad" in access_token:
            return JSONResponse({"message": "Not Authorized - Invalid Token"}, 401)
        at, shape = MAPBOX_STATIC.fullmatch(place), MAPBOX_SIZE.fullmatch(size)
        if at is None or shape is None or float(at[3]) > 22 or int(shape[1]) > 1280:
            return JSONResponse({"message": "Invalid request"}, 422)
        latitude, side = float(at[2]), int(shape[1])
        span, scale = _ground(latitude, float(at[3]), 512) * side, 2 if shape[3] else 1
        return _picture(window_at(sandbox, latitude, float(at[1]), span, side * scale))

    return routes


def is_signed(path: str, query: str) -> bool:
    """Whether a signature, where there is one, is of this path and query."""
    signed, mark, signature = query.rpartition("&signature=")
    if not mark:
        return True
    mac = hmac.new(SIGNING_KEY, f"{path}?{signed}".encode(), hashlib.sha1).digest()
    return hmac.compare_digest(base64.urlsafe_b64encode(mac).decode(), signature)


def _ground(latitude: float, zoom: float, tile_px: int) -> float:
    return AROUND_M * math.cos(math.radians(latitude)) / (tile_px * 2**zoom)


def _picture(window: Window | None) -> Response:
    if window is None:
        return Response(jpeg_bytes(no_imagery(640)), media_type="image/jpeg")
    return Response(jpeg_bytes(picture(window, _taken_on(window.town))), media_type="image/jpeg")


def _taken_on(town: Town) -> date:
    """The day of the vendor's photographs, of which it tells nobody."""
    return town.day(PHOTO_DAYS_AGO)
