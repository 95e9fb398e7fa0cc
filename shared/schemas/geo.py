"""Points on the ground, with their axes named so that they are never swapped."""

from __future__ import annotations

from math import asin, cos, radians, sin, sqrt
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

EARTH_RADIUS_MILES: Final = 3958.7613


def miles_between(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Great-circle distance of two (latitude, longitude) points in miles."""
    lat1, lng1, lat2, lng2 = map(radians, (*one, *other))
    chord = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lng2 - lng1) / 2) ** 2
    return 2 * EARTH_RADIUS_MILES * asin(sqrt(chord))


class GeoPoint(BaseModel):
    """WGS 84 position inside the United States and its territories in the western hemisphere.

    The bounds refuse swapped axes and the (0, 0) that feeds write for "unknown".
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    lat: float = Field(ge=17.5, le=72.0)
    lng: float = Field(ge=-180.0, le=-64.0)

    def miles_to(self, other: GeoPoint) -> float:
        """Great-circle distance in miles."""
        return miles_between((self.lat, self.lng), (other.lat, other.lng))

    def ewkt(self) -> str:
        """The point as PostGIS reads it: longitude first."""
        return f"SRID=4326;POINT({self.lng} {self.lat})"
