"""Coordinates of a county's own projection as longitude and latitude; feet and metres are told apart by its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from shared.files import FileRefused

if TYPE_CHECKING:
    from pyproj import Transformer

WGS84: Final = 4326
DIGITS: Final = 8


@lru_cache(maxsize=64)
def degrees_from(projection: str) -> Transformer:
    """What turns coordinates of a projection (a .prj file's text or `EPSG:2263`) into longitude and latitude."""
    from pyproj import CRS, Transformer
    from pyproj.exceptions import CRSError

    try:
        found = CRS.from_user_input(projection)
    except CRSError as error:
        raise FileRefused("unreadable_projection", f"no known projection: {projection[:200]}") from error
    if not (found.is_projected or found.is_geographic):
        raise FileRefused("unreadable_projection", f"{found.name} places nothing on a map")
    return Transformer.from_crs(found, WGS84, always_xy=True)


def point_in_degrees(projection: str, x: float, y: float) -> tuple[float, float]:
    """Longitude and latitude of a point; infinite where the projection does not reach it."""
    lng, lat = degrees_from(projection).transform(x, y)
    return round(lng, DIGITS), round(lat, DIGITS)


def in_degrees(projection: str, geometry: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A GeoJSON shape of the projection in WGS 84, without heights."""
    if not geometry or not geometry.get("coordinates"):
        return None
    coordinates = _placed(degrees_from(projection), geometry["coordinates"])
    return {"type": geometry["type"], "coordinates": coordinates}


def _placed(transformer: Transformer, coordinates: Sequence[Any]) -> list[Any]:
    if isinstance(coordinates[0], int | float):
        lng, lat = transformer.transform(coordinates[0], coordinates[1])
        return [round(lng, DIGITS), round(lat, DIGITS)]
    if isinstance(coordinates[0][0], int | float):
        east, north = zip(*((point[0], point[1]) for point in coordinates), strict=True)
        placed = zip(*transformer.transform(east, north), strict=True)
        return [[round(lng, DIGITS), round(lat, DIGITS)] for lng, lat in placed]
    return [_placed(transformer, part) for part in coordinates]


def lies_in_the_states(geometry: Mapping[str, Any]) -> bool:
    """True where a shape's first point can be in the United States."""
    first = geometry["coordinates"]
    while not isinstance(first[0], int | float):
        first = first[0]
    lng, lat = first[0], first[1]
    return -15.0 <= lat <= 72.0 and (-180.0 <= lng <= -60.0 or 143.0 <= lng <= 180.0)
