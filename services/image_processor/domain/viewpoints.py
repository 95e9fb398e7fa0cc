"""Where a camera must stand to see each side of a house, and how fine it sees from there (S4-3.1.3-f2).

One street shows one side. The other sides are seen from neighbouring panoramas, the back only where one lies behind.
"""

from __future__ import annotations

import math
from typing import Final

from shared.schemas.enums import ViewAngle
from shared.schemas.geo import GeoPoint

METRES_PER_DEGREE: Final = 111_195.0
# Seen from the house, clockwise from the front camera: the viewer's left lies clockwise of the viewer.
TURNS: Final = {ViewAngle.LEFT: 38.0, ViewAngle.RIGHT: -38.0, ViewAngle.REAR: 180.0}
HOUSE_HALF_WIDTH_M: Final = 12.0
FOV_LIMITS: Final = (40.0, 90.0)
NEAREST_M: Final = 1.0
"""A camera on the house's own point, as addresses put onto the street give it, sees no finer than from here."""


def distance_m(first: GeoPoint, second: GeoPoint) -> float:
    """Metres between two points a street apart."""
    east, north = _offset_m(first, second)
    return math.hypot(east, north)


def heading_to(camera: GeoPoint, house: GeoPoint) -> float:
    """Compass heading of a camera that looks at the house."""
    east, north = _offset_m(camera, house)
    return math.degrees(math.atan2(east, north)) % 360


def viewpoints(front: GeoPoint, house: GeoPoint) -> dict[ViewAngle, GeoPoint]:
    """Where to ask for a panorama of each other side, given the camera in front of the house."""
    reach, bearing = distance_m(house, front), heading_to(house, front)
    points = {}
    for angle, turn in TURNS.items():
        away = reach if angle is ViewAngle.REAR else reach / math.cos(math.radians(turn))
        direction = math.radians(bearing + turn)
        points[angle] = _moved(house, away * math.sin(direction), away * math.cos(direction))
    return points


def field_of_view(camera: GeoPoint, house: GeoPoint) -> float:
    """Opening angle in degrees that shows the whole house."""
    wanted = 2 * math.degrees(math.atan(HOUSE_HALF_WIDTH_M / max(NEAREST_M, distance_m(camera, house))))
    return round(min(FOV_LIMITS[1], max(FOV_LIMITS[0], wanted)), 1)


def metres_per_pixel(camera: GeoPoint, house: GeoPoint, *, fov_deg: float, width_px: int) -> float:
    """How much of the house one pixel of a street picture covers."""
    return 2 * max(NEAREST_M, distance_m(camera, house)) * math.tan(math.radians(fov_deg) / 2) / width_px


def _offset_m(origin: GeoPoint, point: GeoPoint) -> tuple[float, float]:
    shrink = math.cos(math.radians(origin.lat))
    return (point.lng - origin.lng) * METRES_PER_DEGREE * shrink, (point.lat - origin.lat) * METRES_PER_DEGREE


def _moved(origin: GeoPoint, east_m: float, north_m: float) -> GeoPoint:
    shrink = math.cos(math.radians(origin.lat))
    return GeoPoint(
        lat=origin.lat + north_m / METRES_PER_DEGREE, lng=origin.lng + east_m / METRES_PER_DEGREE / shrink
    )
