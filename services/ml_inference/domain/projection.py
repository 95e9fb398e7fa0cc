"""Where a lot lies in a picture taken straight from above, north up, the house's point in its middle."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from shapely import Polygon as Area
from shapely import box as rectangle
from shapely import make_valid

from shared.schemas.geo import GeoPoint

METRES_PER_DEGREE: Final = 111_195.0
SMALLEST_SHARE: Final = 0.002
"""Of the picture: less of the lot in sight tells nothing of the house."""
DIGITS: Final = 5

Ring = Sequence[Sequence[float]]


def outline_in_picture(
    ring: Ring, centre: GeoPoint, *, gsd_m: float, width_px: int, height_px: int
) -> list[tuple[float, float]] | None:
    """The ring (longitude, latitude) as shares of the picture, cut at its edges; None where it is not in sight."""
    shrink = math.cos(math.radians(centre.lat))
    corners = [
        (
            0.5 + (lng - centre.lng) * METRES_PER_DEGREE * shrink / (gsd_m * width_px),
            0.5 - (lat - centre.lat) * METRES_PER_DEGREE / (gsd_m * height_px),
        )
        for lng, lat, *_ in ring
    ]
    if len(corners) < 4:
        return None
    seen = make_valid(Area(corners)).intersection(rectangle(0, 0, 1, 1))
    parts = [part for part in getattr(seen, "geoms", [seen]) if isinstance(part, Area)]
    largest = max(parts, key=lambda part: part.area, default=None)
    if largest is None or largest.area < SMALLEST_SHARE:
        return None
    return [(round(x, DIGITS), round(y, DIGITS)) for x, y in largest.exterior.coords[:-1]]
