"""Areas that a storm crossed, as the database takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import atan2, cos, hypot, radians, sin
from typing import Any

from services.scraper.domain.values import point_of

Point = tuple[float, float]

METRES_PER_DEGREE = 111_195.0
METRES_PER_YARD = 0.9144
METRES_PER_MILE = 1609.344
# A line has no area: half of what a report's coordinates, whole hundredths of a degree, leave open at best.
LEAST_HALF_WIDTH_METRES = 50.0
# The widest tornado on record had 2.6 miles, the longest track 219; what is larger was mistyped.
WIDEST_HALF_WIDTH_METRES = 1.5 * METRES_PER_MILE
LONGEST_TRACK_METRES = 250 * METRES_PER_MILE


def track_of(begin: Point | None, end: Point | None, width_metres: float = 0.0) -> str | None:
    """The strip from one point (latitude, longitude) to the other; None where there is no line or not a true one."""
    if begin is None or end is None or begin == end:
        return None
    per_degree_east = METRES_PER_DEGREE * cos(radians((begin[0] + end[0]) / 2))
    north, east = (end[0] - begin[0]) * METRES_PER_DEGREE, (end[1] - begin[1]) * per_degree_east
    if hypot(north, east) > LONGEST_TRACK_METRES:
        return None
    half = min(max(width_metres / 2, LEAST_HALF_WIDTH_METRES), WIDEST_HALF_WIDTH_METRES)
    across = atan2(east, north) + radians(90)
    up, right = half * cos(across) / METRES_PER_DEGREE, half * sin(across) / per_degree_east
    ring = [
        (begin[1] + right, begin[0] + up),
        (end[1] + right, end[0] + up),
        (end[1] - right, end[0] - up),
        (begin[1] - right, begin[0] - up),
    ]
    return _multipolygon([[[*ring, ring[0]]]])


def area_of(geometry: Any) -> str | None:
    """A GeoJSON Polygon or MultiPolygon (longitude, latitude); None for anything else or outside the country."""
    if not isinstance(geometry, Mapping) or geometry.get("type") not in ("Polygon", "MultiPolygon"):
        return None
    given: Any = geometry.get("coordinates") or ()
    try:
        polygons = [given] if geometry["type"] == "Polygon" else list(given)
        rings = [[_ring(ring) for ring in polygon] for polygon in polygons]
    except (TypeError, ValueError):
        return None
    return _multipolygon(rings) if rings and all(rings) else None


def _ring(positions: Sequence[Sequence[float]]) -> list[Point]:
    ring = [(float(position[0]), float(position[1])) for position in positions]
    if any(point_of(lat, lng) is None for lng, lat in ring):
        raise ValueError("outside the country")
    if ring and ring[0] != ring[-1]:
        ring.append(ring[0])
    if len(ring) < 4:
        raise ValueError("no area")
    return ring


def _multipolygon(polygons: Sequence[Sequence[Sequence[Point]]]) -> str:
    text = ", ".join(f"({', '.join(f'({_positions(ring)})' for ring in polygon)})" for polygon in polygons)
    return f"SRID=4326;MULTIPOLYGON({text})"


def _positions(ring: Sequence[Point]) -> str:
    return ", ".join(f"{lng:.6f} {lat:.6f}" for lng, lat in ring)
