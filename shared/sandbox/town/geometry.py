"""Metres and degrees on a town small enough to be flat."""

import math
from dataclasses import dataclass

EARTH_RADIUS_M = 6_371_008.8
METRES_PER_DEGREE = math.pi * EARTH_RADIUS_M / 180.0

MetrePoint = tuple[float, float]
"""(east, north) in metres from a stated origin."""


@dataclass(frozen=True, slots=True)
class Projection:
    """Equirectangular map around one origin: east/north metres to and from WGS84 degrees."""

    latitude: float
    longitude: float

    @property
    def metres_per_degree_longitude(self) -> float:
        """Length of one degree of longitude at the origin."""
        return METRES_PER_DEGREE * math.cos(math.radians(self.latitude))

    def to_metres(self, latitude: float, longitude: float) -> MetrePoint:
        """(east, north) of a WGS84 point."""
        east = (longitude - self.longitude) * self.metres_per_degree_longitude
        return east, (latitude - self.latitude) * METRES_PER_DEGREE

    def to_degrees(self, east_m: float, north_m: float) -> tuple[float, float]:
        """(latitude, longitude) of a point given in metres."""
        latitude = self.latitude + north_m / METRES_PER_DEGREE
        return latitude, self.longitude + east_m / self.metres_per_degree_longitude


def polygon_area_m2(ring: tuple[MetrePoint, ...]) -> float:
    """Area in square metres of a ring given without its closing point."""
    pairs = zip(ring, ring[1:] + ring[:1], strict=True)
    return abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairs)) / 2.0


def bearing_deg(from_point: MetrePoint, to_point: MetrePoint) -> float:
    """Compass bearing (0 north, 90 east) from one point to another."""
    return math.degrees(math.atan2(to_point[0] - from_point[0], to_point[1] - from_point[1])) % 360.0
