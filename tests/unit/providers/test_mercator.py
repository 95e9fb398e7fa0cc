"""Tiles of Web Mercator: known places, known scales."""

from __future__ import annotations

import math

import pytest

from shared.providers.imagery import SPANS_M
from shared.providers.imagery.mercator import TILE_PX, box, cover, metres_per_pixel, zoom_of
from shared.providers.imagery.tiles import zoom_for
from shared.schemas.enums import ImageLevel
from shared.schemas.geo import GeoPoint

AUSTIN = GeoPoint(lat=30.2672, lng=-97.7431)


def test_ground_of_a_pixel_is_what_the_vendors_print() -> None:
    assert metres_per_pixel(0, 0) == pytest.approx(156543.03392, rel=1e-8)
    assert metres_per_pixel(0, 0, tile_px=512) == pytest.approx(78271.517, rel=1e-8)
    assert zoom_of(30, metres_per_pixel(30, 17.5)) == pytest.approx(17.5)


@pytest.mark.parametrize(
    ("zoom", "column", "row"),
    # the pyramid's published formula: x = 2^z (lng + 180) / 360, y = 2^z (1 - asinh(tan lat) / pi) / 2
    [(0, 0, 0), (10, 233, 421), (20, 239590, 431716)],
)
def test_the_tile_of_a_place(zoom: int, column: int, row: int) -> None:
    place = cover(AUSTIN, 0.001, zoom)
    assert (place.columns[0], place.rows[0]) == (column, row)


def test_a_square_of_ground_is_a_square_of_tiles_with_the_house_in_its_middle() -> None:
    place = cover(AUSTIN, 48.0, 20)
    assert place.side * metres_per_pixel(AUSTIN.lat, 20) == pytest.approx(48.0, rel=0.01)
    across = 2**20 * TILE_PX * (AUSTIN.lng + 180) / 360
    middle = place.columns.start * TILE_PX + place.left + place.side / 2
    assert abs(middle - across) <= 1.5
    assert place.left + place.side <= len(place.columns) * TILE_PX
    assert place.top + place.side <= len(place.rows) * TILE_PX


def test_a_box_is_as_wide_as_the_ground_it_shows() -> None:
    west, south, east, north = box(AUSTIN, 100.0)
    assert (east - west) * math.cos(math.radians(AUSTIN.lat)) == pytest.approx(100.0)
    assert north - south == pytest.approx(east - west)


@pytest.mark.parametrize("native_m", [0.02, 0.05, 0.075, 0.1, 0.15, 0.3, 0.6])
@pytest.mark.parametrize("level", list(ImageLevel))
def test_a_zoom_invents_nothing_and_keeps_the_tiles_few(native_m: float, level: ImageLevel) -> None:
    zoom = zoom_for(AUSTIN, native_m, level, finest=23)
    assert metres_per_pixel(AUSTIN.lat, zoom) > 0.8 * native_m
    place = cover(AUSTIN, SPANS_M[level], zoom)
    assert max(len(place.columns), len(place.rows)) <= 4
