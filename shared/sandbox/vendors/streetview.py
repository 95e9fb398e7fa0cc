"""Open street imagery in the shape of Google's Street View Static API. `{base}/maps/api/streetview...`.

A licensed vendor of its own that answers in a shape everybody knows; Google's terms do not apply to it.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import BaseModel

from shared.sandbox.render import (
    CAMERA_HEIGHT_M,
    STREET_SIDES,
    Camera,
    RoofScene,
    camera_position,
    capture_on,
    jpeg_bytes,
    no_imagery,
    render_street,
    scene_of,
)
from shared.sandbox.state import Sandbox
from shared.sandbox.town import PLACES, House, MetrePoint, Town
from shared.sandbox.town.geometry import bearing_deg

COPYRIGHT = "© Open Street Pictures of the sandbox"
DEFAULT_RADIUS_M, MAX_RADIUS_M = 50, 200
MAX_SIZE_PX = 640
VIEW_REACH_M = 45.0
DEFAULT_FOV = 90.0
PANORAMA_ID = re.compile(r"OSP(\d)(\d{6})([FLRB])x{11}")
LETTERS = dict(zip(STREET_SIDES, "FLRB", strict=True))
UNSEEN_PER_HUNDRED = 10
"""Buildings no car ever passed."""
SHARE_WITH_SIDE = {"front": 100, "left": 88, "right": 88, "rear": 30}


@dataclass(frozen=True, slots=True)
class Panorama:
    """A place beside a building from which pictures can be taken in every direction."""

    town: Town
    house: House
    side: str

    @property
    def key(self) -> str:
        """The panorama's id, 22 characters as the vendor's are."""
        return f"OSP{self.town.place.salt}{self.house.building:06d}{LETTERS[self.side]}" + "x" * 11

    @property
    def captured_on(self) -> date:
        """First of the month the car came by."""
        return self.town.day(120 + self.house.seed % 700).replace(day=1)

    @property
    def place_m(self) -> MetrePoint:
        """East and north of the panorama from the town's middle."""
        east, north = camera_position(self._scene(self.house), self.side)
        return self.house.east_m + east, self.house.north_m + north

    def heading_to(self, point: MetrePoint) -> float:
        """Compass direction from here to a point of the town."""
        return bearing_deg(self.place_m, point)

    def picture(self, view: View) -> bytes:
        """A JPEG of the building that lies in the direction of the view."""
        house = self._house_toward(view.heading_deg)
        east, north = self.place_m
        camera = Camera(
            east - house.east_m,
            north - house.north_m,
            CAMERA_HEIGHT_M,
            view.heading_deg,
            view.pitch_deg,
            view.fov_deg,
            view.size_px,
        )
        capture = capture_on(self.captured_on, self.house.seed, 2, STREET_SIDES.index(self.side))
        return jpeg_bytes(render_street(self._scene(house), capture, camera))

    def _house_toward(self, heading_deg: float) -> House:
        """The building nearest to the middle of the view; a nearer one wins over one behind it."""
        east, north = self.place_m

        def away(building: int) -> float:
            at = float(self.town.layout.east[building]), float(self.town.layout.north[building])
            turn = abs((self.heading_to(at) - heading_deg + 180.0) % 360.0 - 180.0)
            return turn + 0.7 * math.dist(at, (east, north))

        near = self.town.buildings_near(east, north, VIEW_REACH_M)
        best = min(near, key=away, default=self.house.building)
        return self.town.house(self.town.first_parcel(best))

    def _scene(self, house: House) -> RoofScene:
        return scene_of(house, as_of=self.town.as_of, captured_on=self.captured_on)


@dataclass(frozen=True, slots=True)
class View:
    """How the camera is turned."""

    heading_deg: float
    pitch_deg: float
    fov_deg: float
    size_px: int


@dataclass(frozen=True, slots=True)
class Asked:
    """Parameters of a call, as they came."""

    location: str
    pano: str
    radius: int
    key: str


class PictureQuery(BaseModel):
    """Query of a picture, names as the vendor has them."""

    size: str = ""
    location: str = ""
    pano: str = ""
    radius: int = DEFAULT_RADIUS_M
    heading: float | None = None
    pitch: float = 0.0
    fov: float = DEFAULT_FOV
    return_error_code: bool = False
    key: str = ""


def router(sandbox: Sandbox) -> APIRouter:
    """Routes of the vendor."""
    routes = APIRouter(prefix="/streetview/maps/api")

    @routes.get("/streetview/metadata")
    def metadata(
        location: str = "", pano: str = "", radius: int = DEFAULT_RADIUS_M, key: str = ""
    ) -> Response:
        status, panorama = _find(sandbox, Asked(location, pano, radius, key))
        if panorama is None:
            return JSONResponse({"status": status})
        latitude, longitude = panorama.town.projection.to_degrees(*panorama.place_m)
        return JSONResponse(
            {
                "copyright": COPYRIGHT,
                "date": panorama.captured_on.strftime("%Y-%m"),
                "location": {"lat": round(latitude, 7), "lng": round(longitude, 7)},
                "pano_id": panorama.key,
                "status": status,
            }
        )

    @routes.get("/streetview")
    def image(asked: Annotated[PictureQuery, Query()]) -> Response:
        shape = _size(asked.size)
        if shape is None:
            return PlainTextResponse("Invalid request. Invalid 'size' parameter.", 400)
        status, panorama = _find(sandbox, Asked(asked.location, asked.pano, asked.radius, asked.key))
        if status == "REQUEST_DENIED":
            return PlainTextResponse("The provided API key is invalid.", 403)
        if panorama is None:
            grey = jpeg_bytes(no_imagery(max(shape))[: shape[1], : shape[0]])
            return Response(grey, 404 if asked.return_error_code else 200, media_type="image/jpeg")
        return Response(panorama.picture(_view(panorama, asked, max(shape))), media_type="image/jpeg")

    return routes


def _view(panorama: Panorama, asked: PictureQuery, size_px: int) -> View:
    """Without a heading the vendor looks at the location that was asked for, or at the panorama's house."""
    at = _point(asked.location)
    target = (
        panorama.town.projection.to_metres(*at) if at else (panorama.house.east_m, panorama.house.north_m)
    )
    heading = panorama.heading_to(target) if asked.heading is None else asked.heading % 360.0
    return View(heading, min(60.0, max(-60.0, asked.pitch)), min(120.0, max(10.0, asked.fov)), size_px)


def _size(text: str) -> tuple[int, int] | None:
    """Width and height; only squares are rendered, other shapes count as their larger side."""
    match = re.fullmatch(r"(\d{1,4})x(\d{1,4})", text)
    if match is None:
        return None
    width, height = int(match[1]), int(match[2])
    return (width, height) if min(width, height) >= 64 and max(width, height) <= MAX_SIZE_PX else None


def _find(sandbox: Sandbox, asked: Asked) -> tuple[str, Panorama | None]:
    """(status, panorama) in the vendor's words."""
    if not asked.key or "bad" in asked.key:
        return "REQUEST_DENIED", None
    if asked.pano:
        found = _named(sandbox, asked.pano)
        return ("OK", found) if found else ("NOT_FOUND", None)
    at = _point(asked.location)
    if at is None:
        return "INVALID_REQUEST", None
    nearest = _nearest(sandbox, *at, radius_m=min(asked.radius, MAX_RADIUS_M))
    return ("OK", nearest) if nearest else ("ZERO_RESULTS", None)


def _point(location: str) -> tuple[float, float] | None:
    """Latitude and longitude of "lat,lng"; addresses are not understood."""
    match = re.fullmatch(r"\s*(-?\d+(?:\.\d+)?)\s*,\s*(-?\d+(?:\.\d+)?)\s*", location)
    return (float(match[1]), float(match[2])) if match else None


def _named(sandbox: Sandbox, pano: str) -> Panorama | None:
    match = PANORAMA_ID.fullmatch(pano)
    place = next((p for p in PLACES if match and p.salt == int(match[1])), None)
    if match is None or place is None:
        return None
    town, building = sandbox.towns.of(place), int(match[2])
    if building >= len(town.roofs.seed):
        return None
    panoramas = _panoramas(town, building)
    return next((panorama for panorama in panoramas if LETTERS[panorama.side] == match[3]), None)


def _nearest(sandbox: Sandbox, latitude: float, longitude: float, *, radius_m: float) -> Panorama | None:
    town = sandbox.towns.covering(latitude, longitude)
    if town is None:
        return None
    east, north = town.projection.to_metres(latitude, longitude)
    near: list[tuple[float, str, Panorama]] = []
    for building in town.buildings_near(east, north, radius_m + 40.0)[:12]:
        for panorama in _panoramas(town, building):
            distance = math.dist(panorama.place_m, (east, north))
            if distance <= radius_m:
                near.append((distance, panorama.key, panorama))
    return min(near)[2] if near else None


def _panoramas(town: Town, building: int) -> list[Panorama]:
    """Panoramas that exist for a building, in the order of the sides."""
    seed = int(town.roofs.seed[building])
    if seed // 100 % 100 < UNSEEN_PER_HUNDRED:
        return []
    house = town.house(town.first_parcel(building))
    return [
        Panorama(town, house, side)
        for order, side in enumerate(STREET_SIDES)
        if seed // 10_000 * (order + 3) % 100 < SHARE_WITH_SIDE[side]
    ]
