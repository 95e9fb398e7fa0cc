"""Orthophotos of counties: an ArcGIS image service, and tiles of a WMTS.

`{base}/rest/services/{Town}_Ortho/ImageServer` and `{base}/1.0.0/{town}_ortho/default/GoogleMapsCompatible/...`.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from shared.sandbox.render import jpeg_bytes
from shared.sandbox.state import Sandbox
from shared.sandbox.town import PLACES, Place, Town
from shared.sandbox.vendors.aerial import degrees_of, picture, tile_window, window_at

NATIVE_M = 0.1
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
    """Routes of both kinds of service."""
    routes = APIRouter()
    routes.include_router(image_server(sandbox))
    routes.include_router(tile_server(sandbox))
    return routes


def image_server(sandbox: Sandbox) -> APIRouter:
    """Routes of the image services."""
    routes = APIRouter(prefix="/imageserver/rest/services/{name}/ImageServer")

    @routes.get("/identify")
    def identify(
        name: str,
        geometry: str = "",
        geometryType: str = "",  # noqa: N803
        returnCatalogItems: str = "true",  # noqa: N803
    ) -> Response:
        place = _place(name.removesuffix("_Ortho"))
        at = _point(geometry) if geometryType == "esriGeometryPoint" else None
        if place is None or at is None:
            return _refused(400, "Unable to complete operation.")
        town = sandbox.towns.of(place)
        if not town.covers(*at, margin_m=100.0):
            return JSONResponse({"objectId": 0, "name": "Pixel", "value": "NoData", "properties": {}})
        answer: dict[str, Any] = {"objectId": 0, "name": "Pixel", "value": "118, 121, 104", "properties": {}}
        if returnCatalogItems == "true":
            noon = datetime.combine(flown_on(town), time(17), UTC)
            attributes = {"OBJECTID": 1, "Name": f"{name}_1", "AcquisitionDate": int(noon.timestamp() * 1000)}
            answer["catalogItems"] = {"features": [{"attributes": attributes}]}
        return JSONResponse(answer)

    @routes.get("/exportImage")
    def export(name: str, asked: Annotated[ExportQuery, Query()]) -> Response:
        place, box, size = (
            _place(name.removesuffix("_Ortho")),
            _numbers(asked.bbox, 4),
            _numbers(asked.size, 2),
        )
        if place is None or box is None or size is None or asked.bboxSR not in ("3857", "102100"):
            return _refused(400, "Unable to complete operation.")
        if max(size) > LARGEST_EXPORT_PX or asked.f != "image":
            return _refused(400, "The requested image exceeds the size limit.")
        latitude, longitude = degrees_of((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        west = degrees_of(box[0], box[1])
        town = sandbox.towns.of(place)
        span = 2 * abs(
            town.projection.to_metres(latitude, longitude)[0] - town.projection.to_metres(*west)[0]
        )
        window = window_at(sandbox, latitude, longitude, span, int(size[0]))
        if window is None or window.town.place != place:
            return _refused(400, "The extent is outside of the service.")
        return Response(jpeg_bytes(picture(window, flown_on(town))), media_type="image/jpeg")

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
