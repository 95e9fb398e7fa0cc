"""Any square of a town from above, as vendors that cut pictures around a point have it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import numpy as np

from shared.sandbox.render import capture_on, render_nadir, scene_of
from shared.sandbox.render.atmosphere import Pixels
from shared.sandbox.state import Sandbox
from shared.sandbox.town import Town

RADIUS_M = 6_378_137.0
AROUND_M = 2 * math.pi * RADIUS_M
HOUSE_REACH_M, NEIGHBOURS_REACH_M = 60.0, 90.0
LARGEST_PX = 1024
FINEST_M, COARSEST_M = 0.05, 1.0
FIELD = (116, 124, 98)
"""Where no house is near."""


@dataclass(frozen=True, slots=True)
class Window:
    """A square of ground in a town: its middle in metres, its side in metres and in pixels."""

    town: Town
    east_m: float
    north_m: float
    span_m: float
    size_px: int

    @property
    def metres_per_pixel(self) -> float:
        """As fine as the renderer draws; a coarser picture is drawn and enlarged."""
        return min(COARSEST_M, max(FINEST_M, self.span_m / self.size_px))


def degrees_of(east: float, north: float) -> tuple[float, float]:
    """(latitude, longitude) of a point in EPSG:3857."""
    latitude = 2 * math.atan(math.exp(north / RADIUS_M)) - math.pi / 2
    return math.degrees(latitude), math.degrees(east / RADIUS_M)


def tile_window(sandbox: Sandbox, zoom: int, column: int, row: int, *, size_px: int = 256) -> Window | None:
    """The square of a Web Mercator tile; None outside the towns."""
    side = AROUND_M / 2**zoom
    latitude, longitude = degrees_of((column + 0.5) * side - AROUND_M / 2, AROUND_M / 2 - (row + 0.5) * side)
    return window_at(sandbox, latitude, longitude, side * math.cos(math.radians(latitude)), size_px)


def window_at(
    sandbox: Sandbox, latitude: float, longitude: float, span_m: float, size_px: int
) -> Window | None:
    """The square around a point; None outside the towns."""
    town = sandbox.towns.covering(latitude, longitude)
    if town is None or not town.covers(latitude, longitude, margin_m=100.0):
        return None
    return Window(town, *town.projection.to_metres(latitude, longitude), span_m, size_px)


def picture(window: Window, captured_on: date) -> Pixels:
    """What a camera saw of the square that day; the house in it that is nearest to the middle is drawn in full."""
    town, size, detail = window.town, round(window.span_m / window.metres_per_pixel), window.metres_per_pixel
    near = town.buildings_near(window.east_m, window.north_m, HOUSE_REACH_M)
    if not near:
        return np.full((window.size_px, window.size_px, 3), FIELD, np.uint8)
    house = town.house(town.first_parcel(near[0]))
    away = max(abs(window.east_m - house.east_m), abs(window.north_m - house.north_m))
    whole = _around(_Shot(town, near[0], captured_on), _side(window.span_m + 2 * away, detail), detail)
    column = whole.shape[1] / 2 + (window.east_m - house.east_m) / detail - size / 2
    row = whole.shape[0] / 2 - (window.north_m - house.north_m) / detail - size / 2
    columns = np.clip(_sampled(column, size, window.size_px), 0, whole.shape[1] - 1)
    rows = np.clip(_sampled(row, size, window.size_px), 0, whole.shape[0] - 1)
    return np.ascontiguousarray(whole[rows][:, columns])


def _sampled(start: float, size: int, wanted: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.floor(start + (np.arange(wanted) + 0.5) * size / wanted).astype(np.int64)


def _side(span_m: float, detail: float) -> int:
    """A multiple of 64, so that the tiles of a house share one drawing."""
    return int(min(LARGEST_PX, max(64, math.ceil(span_m / detail / 64) * 64)))


@dataclass(frozen=True, slots=True)
class _Shot:
    """A building on a day; two of one building in one town are the same."""

    town: Town
    building: int
    captured_on: date

    @property
    def _key(self) -> tuple[object, ...]:
        town = self.town
        return town.place.key, town.seed, town.parcels, town.as_of, self.building, self.captured_on

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Shot) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


@lru_cache(maxsize=16)
def _around(shot: _Shot, size_px: int, metres_per_pixel: float) -> Pixels:
    town = shot.town
    house = town.house(town.first_parcel(shot.building))
    near = town.buildings_near(house.east_m, house.north_m, NEIGHBOURS_REACH_M)
    others = [town.house(town.first_parcel(one)) for one in near if one != shot.building]
    scene = scene_of(house, as_of=town.as_of, captured_on=shot.captured_on, others=others)
    # One light and one georeferencing error for the whole flight: neighbouring squares fit together.
    capture = capture_on(shot.captured_on, town.place.salt, shot.captured_on.toordinal())
    pixels, _ = render_nadir(scene, capture, size_px=size_px, metres_per_pixel=metres_per_pixel)
    return pixels
