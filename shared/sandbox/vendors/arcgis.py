"""ArcGIS Server: parcels of every town, permits of those without Socrata, and replays of recorded files.

`{base}/rest/services/{name}/FeatureServer/0` with names `Harrow_Parcels`, `Ellery_Permits` and so on.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from shared.sandbox.datasets import arcgis_permits, parcels
from shared.sandbox.query import NoSuchColumnError, QuerySyntaxError, filter_rows, parse_order
from shared.sandbox.replay import Replays
from shared.sandbox.state import Sandbox
from shared.sandbox.table import Column, ColumnKind, Mask, Rows, Table
from shared.sandbox.town import PLACES, Place, Town
from shared.sandbox.town.town import lot_ring_degrees

WEB_MERCATOR = 102100
MERCATOR_RADIUS_M = 6_378_137.0
POLYGON_CAP = 250
"""Rows a polygon layer sends with shapes, whatever was asked: the page is short and the flag is set."""

Geometry = Callable[[int], tuple[tuple[float, float], ...]]
"""(longitude, latitude) points of a row: one for a point layer, a closed ring for a polygon layer."""


class EsriError(Exception):
    """A refusal, sent with HTTP 200 as the real servers do."""

    def __init__(self, code: int, message: str, *details: str) -> None:
        super().__init__(message)
        self.body = {"error": {"code": code, "message": message, "details": list(details)}}


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of a service."""

    name: str
    table: Table
    object_id: str
    dates: frozenset[str]
    polygons: bool
    geometry: Geometry
    latitude: str
    """Columns with the position; empty for polygon layers."""
    longitude: str
    max_records: int
    near: Callable[[float, float, float, float], list[int]] = field(default=lambda *_: [])
    """Rows of a polygon layer that may touch an envelope (west, south, east, north)."""


def router(sandbox: Sandbox, replays: Replays) -> APIRouter:
    """Routes of the server."""
    routes = APIRouter(prefix="/arcgis")
    layers = _Layers(sandbox, replays)

    @routes.get("/rest/services")
    def folder(request: Request) -> Response:
        services = [{"name": name, "type": "FeatureServer"} for name in layers.names()]
        return _answer(request.query_params.get("f", "html"), {"currentVersion": 10.91, "services": services})

    @routes.get("/rest/services/{name}/FeatureServer")
    def service(name: str, request: Request) -> Response:
        return _guarded(request.query_params.get("f", "html"), lambda: _service_info(layers.named(name, 0)))

    @routes.get("/rest/services/{name}/FeatureServer/{number}")
    def layer(name: str, number: int, request: Request) -> Response:
        return _guarded(
            request.query_params.get("f", "html"), lambda: _layer_info(layers.named(name, number))
        )

    @routes.api_route("/rest/services/{name}/FeatureServer/{number}/query", methods=["GET", "POST"])
    async def query(name: str, number: int, request: Request) -> Response:
        asked = {key: value for key, value in (await request.form()).items() if isinstance(value, str)}
        asked = {**request.query_params, **asked}
        return _guarded(asked.get("f", "html"), lambda: _query(layers.named(name, number), asked))

    return routes


class _Layers:
    """Finds layers by service name."""

    def __init__(self, sandbox: Sandbox, replays: Replays) -> None:
        self.sandbox, self.replays = sandbox, replays

    def names(self) -> list[str]:
        """Every service of the server."""
        towns = [f"{p.city}_{what}" for p in PLACES for what in ("Parcels", "Permits") if _offers(p, what)]
        return [*towns, *self.replays.names()]

    def named(self, name: str, number: int) -> Layer:
        """The layer of that service; EsriError when there is none."""
        town, _, what = name.rpartition("_")
        place = next((p for p in PLACES if p.city.lower() == town.lower()), None)
        if number == 0 and name in self.replays.names():
            return self._replayed(name)
        if number != 0 or place is None or not _offers(place, what):
            raise EsriError(400, "Invalid URL", f"Layer {name}/{number} not found.")
        return self._parcels(place) if what == "Parcels" else self._permits(place)

    def _parcels(self, place: Place) -> Layer:
        town = self.sandbox.towns.of(place)
        table = self.sandbox.towns.derived("parcels", place, parcels)
        return Layer(
            "Parcels",
            table,
            "OBJECTID",
            frozenset({"SALE_DATE"}),
            polygons=True,
            geometry=lambda row: lot_ring_degrees(town, row),
            latitude="",
            longitude="",
            max_records=1000,
            near=lambda *envelope: _parcels_near(town, envelope),
        )

    def _permits(self, place: Place) -> Layer:
        table = self.sandbox.towns.derived("arcgis_permits", place, arcgis_permits)
        return _point_layer("Building Permits", table, "ObjectId", 1000)

    def _replayed(self, name: str) -> Layer:
        table = self.replays.table(name)
        object_id = next((key for key in table.columns if key.lower() == "objectid"), "")
        return _point_layer(name, table, object_id, 2000)


def _offers(place: Place, what: str) -> bool:
    """Harrow publishes its permits through Socrata; everything else is here."""
    return what == "Parcels" or (what == "Permits" and place.key != "harrow")


def _point_layer(name: str, table: Table, object_id: str, max_records: int) -> Layer:
    latitude, longitude = table.column("Lat"), table.column("Lon")

    def point(row: int) -> tuple[tuple[float, float], ...]:
        if latitude.null[row] or longitude.null[row]:
            return ()
        return ((float(longitude.values[row]), float(latitude.values[row])),)

    dates = frozenset(key for key in table.columns if key.startswith("Date_"))
    return Layer(
        name,
        table,
        object_id,
        dates,
        polygons=False,
        geometry=point,
        latitude="Lat",
        longitude="Lon",
        max_records=max_records,
    )


def _guarded(form: str, make: Callable[[], dict[str, Any]]) -> Response:
    try:
        body = make()
    except EsriError as error:
        body = error.body
    return _answer(form, body)


def _answer(form: str, body: dict[str, Any]) -> Response:
    """JSON when asked for; otherwise the page a browser would see."""
    if form in ("json", "pjson", "geojson"):
        return JSONResponse(body)
    return HTMLResponse(
        "<html><head><title>ArcGIS REST Services Directory</title></head><body>Layers</body></html>"
    )


def _fields(layer: Layer) -> list[dict[str, Any]]:
    return [
        {"name": column.name, "type": _field_type(layer, column), "alias": column.name, "domain": None}
        for column in layer.table.columns.values()
    ]


def _field_type(layer: Layer, column: Column) -> str:
    if column.name == layer.object_id:
        return "esriFieldTypeOID"
    if column.name in layer.dates:
        return "esriFieldTypeDate"
    if column.kind is ColumnKind.TEXT:
        return "esriFieldTypeString"
    return "esriFieldTypeInteger" if column.whole else "esriFieldTypeDouble"


def _service_info(layer: Layer) -> dict[str, Any]:
    return {
        "currentVersion": 10.91,
        "serviceDescription": "",
        "capabilities": "Query",
        "maxRecordCount": layer.max_records,
        "layers": [{"id": 0, "name": layer.name}],
        "tables": [],
        "spatialReference": {"wkid": WEB_MERCATOR, "latestWkid": 3857},
    }


def _layer_info(layer: Layer) -> dict[str, Any]:
    return {
        "currentVersion": 10.91,
        "id": 0,
        "name": layer.name,
        "type": "Feature Layer",
        "geometryType": _geometry_type(layer),
        "copyrightText": "Invented data, public domain",
        "objectIdField": layer.object_id,
        "maxRecordCount": layer.max_records,
        "fields": _fields(layer),
        "capabilities": "Query",
        "supportedQueryFormats": "JSON, geoJSON",
        "advancedQueryCapabilities": {
            "supportsPagination": True,
            "supportsOrderBy": True,
            "supportsStatistics": False,
            "supportsDistinct": False,
        },
        "extent": {"spatialReference": {"wkid": WEB_MERCATOR, "latestWkid": 3857}},
    }


def _geometry_type(layer: Layer) -> str:
    return "esriGeometryPolygon" if layer.polygons else "esriGeometryPoint"


def _query(layer: Layer, asked: dict[str, str]) -> dict[str, Any]:
    if "bad" in asked.get("token", ""):
        raise EsriError(498, "Invalid token.")
    rows = _matching(layer, asked)
    if asked.get("returnCountOnly") == "true":
        return {"count": len(rows)}
    ids = layer.table.column(layer.object_id)
    if asked.get("returnIdsOnly") == "true":
        return {"objectIdFieldName": layer.object_id, "objectIds": [ids.at(int(row)) for row in rows]}
    rows = _ordered(layer, rows, asked.get("orderByFields", ""))
    page, more = _page(layer, rows, asked)
    columns = _columns(layer, asked.get("outFields", ""))
    shapes = asked.get("returnGeometry", "true") != "false"
    degrees = _reference(asked.get("outSR", "")) == 4326 or asked.get("f") == "geojson"
    if asked.get("f") == "geojson":
        return _geojson(layer, page, columns, shapes=shapes, more=more)
    body: dict[str, Any] = {
        "objectIdFieldName": layer.object_id,
        "geometryType": _geometry_type(layer),
        "spatialReference": {"wkid": 4326, "latestWkid": 4326}
        if degrees
        else {"wkid": WEB_MERCATOR, "latestWkid": 3857},
        "fields": [field for field in _fields(layer) if field["name"] in {c.name for c in columns}],
        "features": [_feature(layer, int(row), columns, shapes=shapes, degrees=degrees) for row in page],
    }
    return {**body, "exceededTransferLimit": True} if more else body


def _matching(layer: Layer, asked: dict[str, str]) -> Rows:
    where, object_ids, area = asked.get("where", ""), asked.get("objectIds", ""), asked.get("geometry", "")
    if not (where or object_ids or area):
        raise EsriError(
            400, "Cannot perform query. Invalid query parameters.", "'where' parameter not specified"
        )
    mask = _filtered(layer, where)
    if object_ids:
        wanted = [_whole(number, "objectIds") for number in object_ids.split(",")]
        mask &= np.isin(layer.table.column(layer.object_id).values, wanted)
    if area:
        mask &= _within(layer, area, asked)
    return np.nonzero(mask)[0]


def _filtered(layer: Layer, where: str) -> Mask:
    """Rows for a condition; dates are stored as epoch milliseconds and compared as such."""
    table = layer.table
    dated = {
        name: Column(
            name,
            ColumnKind.TIME,
            np.where(c.null, np.nan, c.values).astype("datetime64[ms]"),
            c.words,
            c.null,
        )
        for name, c in table.columns.items()
        if name in layer.dates
    }
    try:
        return filter_rows(Table({**table.columns, **dated}, len(table)), where)
    except NoSuchColumnError as error:
        raise EsriError(400, "Unable to complete operation.", f"'Invalid field: {error}'") from error
    except QuerySyntaxError as error:
        raise EsriError(400, "Unable to complete operation.", f"Unable to perform query: {error}") from error


def _within(layer: Layer, area: str, asked: dict[str, str]) -> Mask:
    """Rows whose box touches the envelope, or lies within `distance` metres of the point."""
    west, south, east, north = _envelope(area, asked)
    rows = len(layer.table)
    if not layer.polygons:
        longitude, latitude = layer.table.column(layer.longitude), layer.table.column(layer.latitude)
        inside = (longitude.values >= west) & (longitude.values <= east)
        return inside & (latitude.values >= south) & (latitude.values <= north) & ~longitude.null
    touches = np.zeros(rows, dtype=bool)
    for row in layer.near(west, south, east, north):
        ring = layer.geometry(row)
        across, up = [x for x, _ in ring], [y for _, y in ring]
        touches[row] = min(across) <= east and max(across) >= west and min(up) <= north and max(up) >= south
    return touches


def _parcels_near(town: Town, envelope: tuple[float, ...]) -> list[int]:
    """Parcels whose building stands within a lot's length of the envelope."""
    west, south, east, north = envelope
    low, high = town.projection.to_metres(south, west), town.projection.to_metres(north, east)
    building = town.layout.building
    x, y = town.layout.east[building], town.layout.north[building]
    inside = (x >= low[0] - 60) & (x <= high[0] + 60) & (y >= low[1] - 60) & (y <= high[1] + 60)
    return [int(row) for row in np.nonzero(inside)[0]]


def _envelope(area: str, asked: dict[str, str]) -> tuple[float, float, float, float]:
    try:
        shape = json.loads(area) if area.lstrip().startswith("{") else None
        numbers = [float(n) for n in area.split(",")] if shape is None else []
    except ValueError as error:
        raise EsriError(
            400, "Cannot perform query. Invalid query parameters.", "'geometry' is invalid"
        ) from error
    if asked.get("inSR", "4326") not in ("4326", '{"wkid":4326}'):
        raise EsriError(400, "Unable to complete operation.", "inSR must be 4326 here")
    if asked.get("geometryType", "esriGeometryEnvelope") == "esriGeometryPoint":
        longitude, latitude = (shape["x"], shape["y"]) if shape else numbers
        reach = float(asked.get("distance", "0")) / 111_320.0
        wide = reach / math.cos(math.radians(latitude))
        return longitude - wide, latitude - reach, longitude + wide, latitude + reach
    if shape is not None:
        return shape["xmin"], shape["ymin"], shape["xmax"], shape["ymax"]
    return numbers[0], numbers[1], numbers[2], numbers[3]


def _ordered(layer: Layer, rows: Rows, order: str) -> Rows:
    try:
        return layer.table.sorted_by(rows, parse_order(layer.table, order))
    except (NoSuchColumnError, QuerySyntaxError) as error:
        raise EsriError(
            400, "Unable to complete operation.", f"'orderByFields' is invalid: {error}"
        ) from error


def _page(layer: Layer, rows: Rows, asked: dict[str, str]) -> tuple[Rows, bool]:
    """(page, more): the server's own caps stand above what was asked."""
    offset = _whole(asked.get("resultOffset", "0"), "resultOffset")
    size = min(
        _whole(asked.get("resultRecordCount", str(layer.max_records)), "resultRecordCount"), layer.max_records
    )
    if layer.polygons and asked.get("returnGeometry", "true") != "false":
        size = min(size, POLYGON_CAP)
    return rows[offset : offset + size], offset + size < len(rows)


def _columns(layer: Layer, fields: str) -> list[Column]:
    if fields.strip() in ("*", ""):
        wanted = list(layer.table.columns) if fields.strip() else [layer.object_id]
    else:
        wanted = [name.strip() for name in fields.split(",")]
    missing = [name for name in wanted if not layer.table.has(name)]
    if missing:
        raise EsriError(
            400, "Failed to execute query.", f"'Invalid field: {missing[0]}' parameter is invalid"
        )
    return [layer.table.column(name) for name in wanted]


def _feature(layer: Layer, row: int, columns: list[Column], *, shapes: bool, degrees: bool) -> dict[str, Any]:
    feature: dict[str, Any] = {"attributes": {column.name: column.at(row) for column in columns}}
    points = layer.geometry(row) if shapes else ()
    if not points:
        return feature
    flat = points if degrees else tuple(_mercator(x, y) for x, y in points)
    shape = {"rings": [[list(p) for p in flat]]} if layer.polygons else {"x": flat[0][0], "y": flat[0][1]}
    return {**feature, "geometry": shape}


def _geojson(layer: Layer, page: Rows, columns: list[Column], *, shapes: bool, more: bool) -> dict[str, Any]:
    features = []
    for row in (int(r) for r in page):
        points = [list(point) for point in (layer.geometry(row) if shapes else ())]
        shape = (
            {"type": "Polygon", "coordinates": [points[::-1]]}
            if layer.polygons
            else {"type": "Point", "coordinates": points[0] if points else []}
        )
        features.append(
            {
                "type": "Feature",
                "id": layer.table.column(layer.object_id).at(row),
                "geometry": shape if points else None,
                "properties": {column.name: column.at(row) for column in columns},
            }
        )
    body: dict[str, Any] = {"type": "FeatureCollection", "features": features}
    return {**body, "properties": {"exceededTransferLimit": True}} if more else body


def _mercator(longitude: float, latitude: float) -> tuple[float, float]:
    x = math.radians(longitude) * MERCATOR_RADIUS_M
    return round(x, 3), round(
        math.log(math.tan(math.pi / 4 + math.radians(latitude) / 2)) * MERCATOR_RADIUS_M, 3
    )


def _reference(text: str) -> int:
    if text.startswith("{"):
        return int(json.loads(text).get("wkid", 0))
    return int(text) if text.isdigit() else 0


def _whole(text: str, name: str) -> int:
    if not text.strip().isdigit():
        raise EsriError(
            400, "Cannot perform query. Invalid query parameters.", f"'{name}' must be a whole number"
        )
    return int(text)
