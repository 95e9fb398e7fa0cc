"""Where the camera must look so that it sees the house (S4-3.1.3-f2)."""

from __future__ import annotations

import math
from typing import Final

from shared.schemas.enums import ViewAngle
from shared.schemas.geo import GeoPoint

# The front is what faces the street; the other sides are seen by turning the same camera past the house's corners.
TURNS: Final = {ViewAngle.FRONT: 0.0, ViewAngle.LEFT: -28.0, ViewAngle.RIGHT: 28.0, ViewAngle.REAR: 180.0}


def bearing(of: GeoPoint, to: GeoPoint) -> float:
    """Compass bearing in degrees, 0 to 360, from one point to another."""
    lat1, lat2 = math.radians(of.lat), math.radians(to.lat)
    turn = math.radians(to.lng - of.lng)
    east = math.sin(turn) * math.cos(lat2)
    north = math.cos(lat1) * math.sin(lat2) - math.sin(lat1) * math.cos(lat2) * math.cos(turn)
    return math.degrees(math.atan2(east, north)) % 360


def heading_for(angle: ViewAngle, camera: GeoPoint, house: GeoPoint) -> float:
    """The camera's heading for a side of the house."""
    return (bearing(camera, house) + TURNS[angle]) % 360
