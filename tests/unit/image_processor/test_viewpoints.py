"""Cameras around a house."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.image_processor.domain.viewpoints import (
    FOV_LIMITS,
    distance_m,
    field_of_view,
    heading_to,
    metres_per_pixel,
    viewpoints,
)
from shared.schemas.enums import ViewAngle
from shared.schemas.geo import GeoPoint

HOUSE = GeoPoint(lat=32.4, lng=-98.9)
NORTH = GeoPoint(lat=32.4 + 20 / 111_195, lng=-98.9)


def turn(first: float, second: float) -> float:
    return (first - second + 180) % 360 - 180


def test_distance_and_heading() -> None:
    assert distance_m(HOUSE, NORTH) == pytest.approx(20.0, abs=0.01)
    assert heading_to(HOUSE, NORTH) == pytest.approx(0.0, abs=0.01)
    assert heading_to(NORTH, HOUSE) == pytest.approx(180.0, abs=0.01)


def test_the_left_of_a_viewer_in_the_north_lies_in_the_east() -> None:
    points = viewpoints(NORTH, HOUSE)
    assert points[ViewAngle.LEFT].lng > HOUSE.lng
    assert points[ViewAngle.RIGHT].lng < HOUSE.lng
    assert points[ViewAngle.LEFT].lat == pytest.approx(NORTH.lat, abs=1e-6)
    assert points[ViewAngle.REAR].lat < HOUSE.lat


@settings(deadline=None)
@given(st.floats(25, 48), st.floats(-124, -67), st.floats(0, 359.9), st.floats(12, 45))
def test_every_side_looks_at_the_house_from_its_own_direction(
    lat: float, lng: float, bearing: float, reach: float
) -> None:
    house = GeoPoint(lat=lat, lng=lng)
    east, north = reach * math.sin(math.radians(bearing)), reach * math.cos(math.radians(bearing))
    front = GeoPoint(lat=lat + north / 111_195, lng=lng + east / 111_195 / math.cos(math.radians(lat)))
    points = viewpoints(front, house)
    assert set(points) == {ViewAngle.LEFT, ViewAngle.RIGHT, ViewAngle.REAR}
    for angle, wanted in ((ViewAngle.LEFT, 38), (ViewAngle.RIGHT, -38), (ViewAngle.REAR, 180)):
        assert abs(turn(turn(heading_to(house, points[angle]), bearing), wanted)) < 0.2
        assert abs(turn(heading_to(points[angle], house), heading_to(house, points[angle]) + 180)) < 0.2


def test_the_picture_spans_the_house_and_its_pixels_are_known() -> None:
    fov = field_of_view(NORTH, HOUSE)
    assert fov == pytest.approx(2 * math.degrees(math.atan(12 / 20)), abs=0.1)
    assert metres_per_pixel(NORTH, HOUSE, fov_deg=fov, width_px=640) == pytest.approx(24 / 640, rel=0.01)


def test_the_opening_angle_stays_within_what_vendors_serve() -> None:
    near, far = GeoPoint(lat=32.40001, lng=-98.9), GeoPoint(lat=32.41, lng=-98.9)
    assert (field_of_view(near, HOUSE), field_of_view(far, HOUSE)) == (FOV_LIMITS[1], FOV_LIMITS[0])


def test_a_camera_on_the_houses_own_point_still_has_a_resolution() -> None:
    assert metres_per_pixel(HOUSE, HOUSE, fov_deg=90, width_px=640) == pytest.approx(2 / 640)
