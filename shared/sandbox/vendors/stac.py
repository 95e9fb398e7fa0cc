"""Pictures from above: a STAC catalogue, its signing of addresses and the pictures. `{base}/api/...`."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from shared.sandbox.render import capture_on, clouded, jpeg_bytes, no_imagery, render_nadir, scene_of
from shared.sandbox.state import Sandbox
from shared.sandbox.town import PLACES, Place, Town

COLLECTION = "naip"
DEFAULT_LIMIT, MAX_LIMIT = 10, 1000
ADDRESS_LIFE = timedelta(minutes=45)
POINT_REACH_M = 35.0
NEIGHBOURS_WITHIN_M = 45.0
MEDIA_TYPE = "image/jpeg"
ITEM_ID = re.compile(r"([a-z]{2})_m_(\d)(\d{6})_(\d{3})_(\d{8})")
BARE_PER_HUNDRED, PLACEHOLDER_PER_HUNDRED, CLOUDED_PER_HUNDRED = 2, 4, 8
"""Buildings without any picture; with a grey newest tile; with a clouded one (cumulative shares)."""


@dataclass(frozen=True, slots=True)
class Flight:
    """One season of pictures: how long ago, and how fine."""

    days_ago: int
    metres_per_pixel: float
    size_px: int


FLIGHTS: tuple[Flight, ...] = (Flight(70, 0.15, 320), Flight(800, 0.3, 224), Flight(1530, 0.6, 128))
"""Newest first; the newest is a state's fine survey, the older ones the federal programme's."""


@dataclass(frozen=True, slots=True)
class Item:
    """One picture of the catalogue: a building, seen on one flight."""

    town: Town
    building: int
    flight: Flight

    @property
    def seed(self) -> int:
        """Randomness of the building."""
        return int(self.town.roofs.seed[self.building])

    @property
    def captured_on(self) -> date:
        """Day of the flight; it takes weeks to cover a town."""
        return self.town.day(self.flight.days_ago + self.seed % 45)

    @property
    def key(self) -> str:
        """The item's id."""
        place, resolution = self.town.place, round(self.flight.metres_per_pixel * 100)
        day = self.captured_on.strftime("%Y%m%d")
        return f"{place.state.lower()}_m_{place.salt}{self.building:06d}_{resolution:03d}_{day}"

    @property
    def bbox(self) -> tuple[float, float, float, float]:
        """West, south, east, north in degrees."""
        layout, half = self.town.layout, self.flight.size_px * self.flight.metres_per_pixel / 2
        east, north = float(layout.east[self.building]), float(layout.north[self.building])
        low = self.town.projection.to_degrees(east - half, north - half)
        high = self.town.projection.to_degrees(east + half, north + half)
        return round(low[1], 7), round(low[0], 7), round(high[1], 7), round(high[0], 7)


def router(sandbox: Sandbox) -> APIRouter:
    """Routes of the catalogue."""
    routes = APIRouter(prefix="/stac")

    @routes.get("/api/stac/v1/collections/{name}")
    def collection(name: str) -> Response:
        if name != COLLECTION:
            return _refused("NotFoundError", f"No collection with id '{name}' found!", 404)
        return JSONResponse(
            {
                "id": COLLECTION,
                "type": "Collection",
                "stac_version": "1.0.0",
                "description": "Aerial pictures of the sandbox towns",
                "license": "proprietary",
            }
        )

    @routes.post("/api/stac/v1/search")
    async def search(request: Request) -> Response:
        try:
            asked = await request.json()
        except ValueError:
            return _refused("ValidationError", "the body is not JSON", 400)
        problem = _problem_of(asked)
        return _refused("ValidationError", problem, 400) if problem else _page(sandbox, request, asked)

    @routes.get("/api/sas/v1/sign")
    def sign(href: str = "") -> Response:
        if "/stac/assets/" not in href:
            return _refused("BadRequest", "href is missing or not an asset of ours", 400)
        until = datetime.now(UTC) + ADDRESS_LIFE
        expiry = until.strftime("%Y-%m-%dT%H:%M:%SZ")
        signature = _signature(sandbox, urlsplit(href).path, expiry)
        return JSONResponse({"msft:expiry": expiry, "href": f"{href}?se={expiry}&sp=r&sig={signature}"})

    @routes.get("/assets/naip/{name}.jpg")
    def asset(name: str, request: Request) -> Response:
        if not _is_signed(sandbox, request.url.path, request.url.query):
            return Response(
                "<Error><Code>AuthenticationFailed</Code></Error>", 403, media_type="application/xml"
            )
        item = _item_named(sandbox, name)
        if item is None:
            return Response("<Error><Code>BlobNotFound</Code></Error>", 404, media_type="application/xml")
        return Response(picture_of(item), media_type=MEDIA_TYPE)

    return routes


def picture_of(item: Item) -> bytes:
    """The picture as a file; the newest of some buildings shows clouds or nothing."""
    newest, draw = item.flight == FLIGHTS[0], item.seed % 100
    if newest and draw < PLACEHOLDER_PER_HUNDRED:
        return jpeg_bytes(no_imagery(item.flight.size_px), quality=92)
    town, layout = item.town, item.town.layout
    house = town.house(town.first_parcel(item.building))
    near = town.buildings_near(
        float(layout.east[item.building]), float(layout.north[item.building]), NEIGHBOURS_WITHIN_M
    )
    others = [town.house(town.first_parcel(building)) for building in near if building != item.building]
    scene = scene_of(house, as_of=town.as_of, captured_on=item.captured_on, others=others)
    capture = capture_on(item.captured_on, item.seed, item.flight.days_ago)
    pixels, _ = render_nadir(
        scene, capture, size_px=item.flight.size_px, metres_per_pixel=item.flight.metres_per_pixel
    )
    if newest and draw < CLOUDED_PER_HUNDRED:
        pixels = clouded(pixels, item.seed)
    return jpeg_bytes(pixels, quality=92)


def _problem_of(asked: Any) -> str:
    """What the catalogue refuses in a search, empty when it is fine."""
    if not isinstance(asked, dict):
        return "the body is not an object"
    if "bbox" in asked and "intersects" in asked:
        return "intersects and bbox parameters are mutually exclusive"
    limit = asked.get("limit", DEFAULT_LIMIT)
    if not isinstance(limit, int) or not 1 <= limit <= MAX_LIMIT:
        return f"limit must be between 1 and {MAX_LIMIT}"
    box = asked.get("bbox", [0, 0, 0, 0])
    if not isinstance(box, list) or len(box) != 4:
        return "bbox must have 4 numbers"
    geometry = asked.get("intersects", {"type": "Point", "coordinates": [0, 0]})
    if not isinstance(geometry, dict) or geometry.get("type") not in ("Point", "Polygon"):
        return "intersects must be a GeoJSON Point or Polygon"
    try:
        _interval(asked.get("datetime"))
    except ValueError:
        return "Invalid RFC3339 datetime"
    return ""


def _page(sandbox: Sandbox, request: Request, asked: dict[str, Any]) -> Response:
    items = _matching(sandbox, asked)
    try:
        start = int(base64.urlsafe_b64decode(asked.get("token", "")).decode().removeprefix("next:") or 0)
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return _refused("ValidationError", "invalid token", 400)
    end = start + asked.get("limit", DEFAULT_LIMIT)
    root = str(request.base_url).rstrip("/")
    links: list[dict[str, Any]] = [
        {"rel": "root", "href": f"{root}/stac/api/stac/v1", "type": "application/json"}
    ]
    if end < len(items):
        token = base64.urlsafe_b64encode(f"next:{end}".encode()).decode()
        links.append(
            {
                "rel": "next",
                "href": f"{root}/stac/api/stac/v1/search",
                "method": "POST",
                "type": "application/geo+json",
                "body": {**asked, "token": token},
            }
        )
    answer = {
        "type": "FeatureCollection",
        "features": [_feature(item, root) for item in items[start:end]],
        "links": links,
        "numberReturned": len(items[start:end]),
    }
    return JSONResponse(answer, media_type="application/geo+json")


def _matching(sandbox: Sandbox, asked: dict[str, Any]) -> list[Item]:
    if COLLECTION not in asked.get("collections", [COLLECTION]):
        return []
    since, until = _interval(asked.get("datetime"))
    items = [
        Item(town, building, flight)
        for town, building in _buildings(sandbox, asked)
        if int(town.roofs.seed[building]) % 100 >= BARE_PER_HUNDRED
        for flight in FLIGHTS
    ]
    items = [item for item in items if since <= item.captured_on <= until]
    sort = (asked.get("sortby") or [{"field": "datetime", "direction": "desc"}])[0]
    return sorted(
        items, key=lambda item: (item.captured_on, item.key), reverse=sort.get("direction") != "asc"
    )


def _buildings(sandbox: Sandbox, asked: dict[str, Any]) -> list[tuple[Town, int]]:
    """The building at a point, or all buildings of a box."""
    geometry = asked.get("intersects")
    if geometry and geometry["type"] == "Point":
        longitude, latitude = geometry["coordinates"][:2]
        town = sandbox.towns.covering(latitude, longitude)
        if town is None:
            return []
        near = town.buildings_near(*town.projection.to_metres(latitude, longitude), POINT_REACH_M)
        return [(town, building) for building in near[:1]]
    west, south, east, north = asked.get("bbox") or _ring_box(geometry)
    town = sandbox.towns.covering((south + north) / 2, (west + east) / 2)
    if town is None:
        return []
    low, high = town.projection.to_metres(south, west), town.projection.to_metres(north, east)
    layout = town.layout
    inside = (
        (layout.east >= low[0])
        & (layout.east <= high[0])
        & (layout.north >= low[1])
        & (layout.north <= high[1])
    )
    return [(town, int(building)) for building in inside.nonzero()[0]]


def _ring_box(geometry: dict[str, Any] | None) -> tuple[float, float, float, float]:
    if geometry is None:
        return -180.0, -90.0, 180.0, 90.0
    points = geometry["coordinates"][0]
    longitudes, latitudes = [point[0] for point in points], [point[1] for point in points]
    return min(longitudes), min(latitudes), max(longitudes), max(latitudes)


def _interval(text: Any) -> tuple[date, date]:
    """First and last day of an RFC 3339 instant or interval; `..` and empty are open."""
    if text is None:
        return date.min, date.max
    first, _, last = str(text).partition("/")
    since = date.min if first in ("", "..") else datetime.fromisoformat(first).date()
    if "/" not in str(text):
        return since, since
    return since, date.max if last in ("", "..") else datetime.fromisoformat(last).date()


def _feature(item: Item, root: str) -> dict[str, Any]:
    west, south, east, north = item.bbox
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    noon = datetime.combine(item.captured_on, time(16), UTC)
    zone = 32600 + int((west + 180) // 6) + 1
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": item.key,
        "collection": COLLECTION,
        "bbox": [west, south, east, north],
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {
            "datetime": noon.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "gsd": item.flight.metres_per_pixel,
            "naip:year": str(item.captured_on.year),
            "naip:state": item.town.place.state.lower(),
            "proj:epsg": zone,
            "proj:shape": [item.flight.size_px, item.flight.size_px],
        },
        "assets": {
            "image": {
                "href": f"{root}/stac/assets/naip/{item.key}.jpg",
                "type": MEDIA_TYPE,
                "roles": ["data"],
                "title": "RGB JPEG tile",
            }
        },
        "links": [{"rel": "collection", "href": f"{root}/stac/api/stac/v1/collections/{COLLECTION}"}],
    }


def _item_named(sandbox: Sandbox, name: str) -> Item | None:
    """The item of an id, only where the id is exactly one we would give."""
    match = ITEM_ID.fullmatch(name)
    place = _place_of_salt(int(match[2])) if match else None
    if match is None or place is None:
        return None
    town, building = sandbox.towns.of(place), int(match[3])
    if building >= len(town.roofs.seed):
        return None
    items = (Item(town, building, flight) for flight in FLIGHTS)
    return next((item for item in items if item.key == name), None)


def _place_of_salt(salt: int) -> Place | None:
    return next((place for place in PLACES if place.salt == salt), None)


def _signature(sandbox: Sandbox, path: str, expiry: str) -> str:
    key = f"stac-{sandbox.settings.seed}".encode()
    return hmac.new(key, f"{path}\n{expiry}".encode(), hashlib.sha256).hexdigest()[:32]


def _is_signed(sandbox: Sandbox, path: str, query: str) -> bool:
    given = {name: values[0] for name, values in parse_qs(query).items()}
    expiry = given.get("se", "")
    fresh = expiry >= datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return fresh and hmac.compare_digest(given.get("sig", ""), _signature(sandbox, path, expiry))


def _refused(code: str, description: str, status: int) -> JSONResponse:
    return JSONResponse({"code": code, "description": description}, status_code=status)
