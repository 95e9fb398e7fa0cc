"""Web Mercator (EPSG:3857): where tiles lie and how much ground a pixel shows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from shared.schemas.geo import GeoPoint

RADIUS_M: Final = 6_378_137.0
AROUND_M: Final = 2 * math.pi * RADIUS_M
TILE_PX: Final = 256


def metres_per_pixel(latitude: float, zoom: float, *, tile_px: int = TILE_PX) -> float:
    """Ground metres of one pixel of a tile pyramid."""
    return AROUND_M * math.cos(math.radians(latitude)) / (tile_px * 2**zoom)


def zoom_of(latitude: float, wanted_m: float, *, tile_px: int = TILE_PX) -> float:
    """The zoom whose pixels show that many metres."""
    return math.log2(metres_per_pixel(latitude, 0, tile_px=tile_px) / wanted_m)


def box(point: GeoPoint, span_m: float) -> tuple[float, float, float, float]:
    """West, south, east, north of a square of ground around a point, in EPSG:3857."""
    east = math.radians(point.lng) * RADIUS_M
    north = math.log(math.tan(math.pi / 4 + math.radians(point.lat) / 2)) * RADIUS_M
    half = span_m / math.cos(math.radians(point.lat)) / 2
    return east - half, north - half, east + half, north + half


@dataclass(frozen=True, slots=True)
class TileCover:
    """The tiles that a square needs, and where the square lies in them, in pixels."""

    zoom: int
    columns: range
    rows: range
    left: int
    top: int
    side: int


def cover(point: GeoPoint, span_m: float, zoom: int) -> TileCover:
    """The tiles of a zoom that show a square of ground around a point."""
    whole = AROUND_M / (TILE_PX * 2**zoom)
    west, south, east, north = box(point, span_m)
    left, right = (west + AROUND_M / 2) / whole, (east + AROUND_M / 2) / whole
    top, bottom = (AROUND_M / 2 - north) / whole, (AROUND_M / 2 - south) / whole
    columns = range(int(left // TILE_PX), int(right // TILE_PX) + 1)
    rows = range(int(top // TILE_PX), int(bottom // TILE_PX) + 1)
    side = max(1, min(math.floor(right - left), math.floor(bottom - top)))
    return TileCover(
        zoom, columns, rows, int(left) - columns.start * TILE_PX, int(top) - rows.start * TILE_PX, side
    )
