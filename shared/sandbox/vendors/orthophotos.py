"""Orthophotos: ArcGIS image services of counties and of the nation, and tiles of a WMTS.

`{base}/rest/services/{Town}_Ortho/ImageServer`, `{base}/arcgis/rest/services/USGSNAIPPlus/ImageServer` (of all towns)
and `{base}/1.0.0/{town}_ortho/default/GoogleMapsCompatible/...`.
"""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime, time
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from shared.sandbox.render import jpeg_bytes
from shared.sandbox.state import Sandbox
from shared.sandbox.town import PLACES, Place, Town
from shared.sandbox.vendors.aerial import degrees_of, picture, tile_window, window_at

NATIONAL = "USGSNAIPPlus"
FLOWN_DAYS_AGO = 410
LARGEST_EXPORT_PX = 4100
FINEST_ZOOM = 21


class ExportQuery(BaseModel):
    """Query of exportImage, names as the vendor has them."""

    bbox: str = ""
    bboxSR: str = ""  # noqa: N815
    imageSR: str = ""  # noqa: N815
    size: str = "400,400"
    format: str = "jpgpng"
    interpolation: str = ""
    f: str = "html"


def router(sandbox: Sandbox) -> APIRouter:
    """Routes of all services."""
    routes = APIRouter()
    routes.include_router(image_server(sandbox), prefix="/imageserver/rest/services")
    routes.include_router(image_server(sandbox), prefix="/usgs/arcgis/rest/services")
    routes.include_router(tile_server(sandbox))
    return routes


def image_server(sandbox: Sandbox) -> APIRouter:
    """Routes of the image services."""
    routes = APIRouter(prefix="/{name}/ImageServer")

    @routes.get("/identify")
    def identify(
        name: str,
        geometry: str = "",
        geometryType: str = "",  # noqa: N803
        returnCatalogItems: str = "true",  # noqa: N803
    ) -> Response:
        at = _point(geometry) if geometryType == "esriGeometryPoint" else None
        if at is None or not _is_served(name):
            return _refused(400, "Unable to complete operation.")
        town = _town_of(sandbox, name, *at)
        if town is None:
            return JSONResponse({"objectId": 0, "name": "Pixel", "value": "NoData", "properties": {}})
        answer: dict[str, Any] = {"objectId": 0, "name": "Pixel", "value": "118, 121, 104", "properties": {}}
        if returnCatalogItems == "true":
            noon = datetime.combine(flown_on(town), time(17), UTC)
            attributes = {
                "OBJECTID": 1,
                "Name": f"{name}_1",
                "LowPS": (0.3 if name == NATIONAL else 0.1) / math.cos(math.radians(at[0])),
                **({} if name == NATIONAL else {"AcquisitionDate": int(noon.timestamp() * 1000)}),
            }
            answer["catalogItems"] = {"features": [{"attributes": attributes}]}
        return JSONResponse(answer)

    @routes.get("/exportImage")
    def export(name: str, asked: Annotated[ExportQuery, Query()]) -> Response:
        box, size = _numbers(asked.bbox, 4), _numbers(asked.size, 2)
        known = _is_served(name) and asked.bboxSR in ("3857", "102100")
        if box is None or size is None or not known:
            return _refused(400, "Unable to complete operation.")
        if max(size) > LARGEST_EXPORT_PX or asked.f != "image":
            return _refused(400, "The requested image exceeds the size limit.")
        latitude, longitude = degrees_of((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        span = (box[2] - box[0]) * math.cos(math.radians(latitude))
        window = window_at(sandbox, latitude, longitude, span, int(size[0]))
        if window is None or window.town != _town_of(sandbox, name, latitude, longitude):
            return _refused(400, "The extent is outside of the service.")
        return Response(jpeg_bytes(picture(window, flown_on(window.town))), media_type="image/jpeg")

    return routes


def tile_server(sandbox: Sandbox) -> APIRouter:
    """Routes of the tile service."""
    routes = APIRouter(prefix="/wmts/1.0.0")

    @routes.get("/{layer}/default/GoogleMapsCompatible/{zoom}/{row}/{column}.jpg")
    def tile(layer: str, zoom: int, row: int, column: int) -> Response:
        place = _place(layer.removesuffix("_ortho"))
        window = tile_window(sandbox, zoom, column, row) if 0 <= zoom <= FINEST_ZOOM else None
        if window is None or window.town.place != place:
            return Response(_EXCEPTION, 404, media_type="text/xml")
        return Response(jpeg_bytes(picture(window, flown_on(window.town))), media_type="image/jpeg")

    return routes


_EXCEPTION = (
    '<ExceptionReport xmlns="http://www.opengis.net/ows/1.1" version="1.1.0">'
    '<Exception exceptionCode="TileOutOfRange" locator="TileRow"/></ExceptionReport>'
)


def flown_on(town: Town) -> date:
    """The day of the county's flight."""
    return town.day(FLOWN_DAYS_AGO)


def _is_served(name: str) -> bool:
    return name == NATIONAL or _place(name.removesuffix("_Ortho")) is not None


def _town_of(sandbox: Sandbox, name: str, latitude: float, longitude: float) -> Town | None:
    """The town at a point, as far as the service covers it."""
    town = sandbox.towns.covering(latitude, longitude)
    if town is None or not town.covers(latitude, longitude, margin_m=100.0):
        return None
    return town if name in (NATIONAL, f"{town.place.city}_Ortho") else None


def _place(name: str) -> Place | None:
    return next((place for place in PLACES if place.city.lower() == name.lower()), None)


def _point(geometry: str) -> tuple[float, float] | None:
    """Latitude and longitude of an Esri point in degrees."""
    try:
        point = json.loads(geometry)
        return float(point["y"]), float(point["x"])
    except (ValueError, KeyError, TypeError):
        return None


def _numbers(text: str, count: int) -> list[float] | None:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        return None
    return numbers if len(numbers) == count else None


def _refused(code: int, message: str) -> JSONResponse:
    """An error inside HTTP 200, as the real servers send it."""
    return JSONResponse({"error": {"code": code, "message": message, "details": []}})
