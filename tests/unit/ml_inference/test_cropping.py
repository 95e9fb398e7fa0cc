"""What a model is shown of a picture, and the way back."""

from __future__ import annotations

import numpy as np
import pytest

from services.ml_inference.models import RoofImage
from services.ml_inference.vision import Segmentation, TargetedImage
from services.ml_inference.vision.cropping import (
    MARGIN,
    MIDDLE_M,
    PADDING,
    WIDEST_M,
    cropped,
    on_roof,
    window_of,
)
from shared.schemas.enums import ViewAngle


def picture(
    *, rows: int = 200, columns: int = 300, metres: float = 0.15, angle: ViewAngle = ViewAngle.OVERHEAD
) -> RoofImage:
    pixels = np.random.default_rng(5).integers(0, 255, (rows, columns, 3)).astype(np.uint8)
    return RoofImage(angle, pixels, metres, metres)


def corners(
    left: float, top: float, right: float, bottom: float
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.array(((left, top), (right, top), (right, bottom), (left, bottom)), np.float32)


def test_the_window_is_a_square_around_the_outline() -> None:
    window = window_of(TargetedImage(picture(), corners(120, 80, 160, 100)))
    assert (window.width, window.height) == (round(40 * MARGIN), round(40 * MARGIN))
    assert (window.left + window.right) / 2 == pytest.approx(140, abs=1)
    assert (window.top + window.bottom) / 2 == pytest.approx(90, abs=1)


@pytest.mark.parametrize("angle", [ViewAngle.OVERHEAD, ViewAngle.FRONT])
def test_without_an_outline_it_lies_around_the_middle(angle: ViewAngle) -> None:
    window = window_of(TargetedImage(picture(rows=600, columns=600, angle=angle), None))
    assert window.width == pytest.approx(MIDDLE_M[angle is ViewAngle.OVERHEAD] / 0.15, abs=1)
    assert window.left + window.right == 600


def test_an_estate_s_parcel_does_not_shrink_the_house_to_nothing() -> None:
    window = window_of(TargetedImage(picture(rows=1000, columns=1000), corners(0, 0, 1000, 1000)))
    assert window.width <= WIDEST_M / 0.15 + 1


def test_an_outline_outside_the_picture_shows_the_whole_picture() -> None:
    window = window_of(TargetedImage(picture(), corners(900, 900, 950, 950)))
    assert (window.width, window.height) == (300, 200)


def test_what_the_picture_does_not_reach_is_padding() -> None:
    square, placed = cropped(TargetedImage(picture(), corners(0, 60, 60, 120)), 128)
    left, top, right, bottom = placed.inner
    assert square.shape == (128, 128, 3)
    assert (right - left, bottom - top) != (128, 128)
    assert (square[:, :left] == PADDING).all()
    assert (square[:, right:] == PADDING).all()


def test_a_point_comes_back_to_where_it_was() -> None:
    _, placed = cropped(TargetedImage(picture(), corners(100, 50, 170, 110)), 192)
    points = np.array(((101.0, 51.0), (160.0, 100.0)))
    assert placed.to_picture(placed.to_net(points)) == pytest.approx(points)
    assert placed.to_net(points).min() >= 0


def test_the_roof_that_was_found_becomes_the_next_target() -> None:
    target = TargetedImage(picture(), None)
    roof = np.zeros((50, 50), bool)
    roof[10:20, 25:40] = True
    aimed = on_roof(target, Segmentation((0.0, 0.0, 0.5, 1.0), roof, np.zeros_like(roof), 0.9))
    assert aimed.outline is not None
    assert aimed.outline.min(axis=0) == pytest.approx((75.0, 40.0))
    assert aimed.outline.max(axis=0) == pytest.approx((120.0, 80.0))


def test_no_roof_leaves_the_target_as_it_was() -> None:
    target = TargetedImage(picture(), None)
    nothing = np.zeros((50, 50), bool)
    assert on_roof(target, Segmentation((0.0, 0.0, 1.0, 1.0), nothing, nothing, 0.0)) is target
