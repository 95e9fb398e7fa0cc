"""Each transform brings out its own kind of damage."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from services.image_processor.domain.keys import DamageView
from services.image_processor.domain.pictures import decode
from services.image_processor.domain.pixels import damage_views
from services.image_processor.domain.transforms import TRANSFORMS
from tests.factories.hostile_pictures import photo

GREY, GREEN, RUST, BLUE = (110, 110, 110), (50, 120, 60), (40, 70, 150), (170, 90, 40)
SPOT = np.s_[90:110, 90:110]
Pixels = np.ndarray[Any, Any]


def roof(spot: tuple[int, int, int], ground: tuple[int, int, int] = GREY) -> Pixels:
    """Plain ground with a square of another colour in the middle, as BGR."""
    image = np.full((200, 200, 3), ground, np.uint8)
    image[80:120, 80:120] = spot
    return image


def saturation(image: Pixels) -> float:
    return float(cv2.cvtColor(image, cv2.COLOR_BGR2HSV)[..., 1].mean())


def test_every_damage_has_its_view() -> None:
    assert set(TRANSFORMS) == set(DamageView)


def test_edges_are_bright_and_plains_are_black() -> None:
    shown = TRANSFORMS[DamageView.MISSING_SHINGLES](roof((60, 60, 60)))
    assert shown[80, 90:110].mean() > 200
    assert shown[SPOT].mean() < 5


def test_green_alone_keeps_its_colour() -> None:
    moss = TRANSFORMS[DamageView.MOSS]
    assert np.array_equal(moss(roof(GREEN))[SPOT], roof(GREEN)[SPOT])
    for other in (RUST, BLUE, GREY):
        assert saturation(moss(roof(other))[SPOT]) == 0


def test_rust_gets_more_colour_and_the_rest_none() -> None:
    rust = TRANSFORMS[DamageView.RUST]
    assert saturation(rust(roof(RUST))[SPOT]) > 1.2 * saturation(roof(RUST)[SPOT])
    assert saturation(rust(roof((60, 40, 160)))[SPOT]) > 0
    for other in (GREEN, BLUE, GREY):
        assert saturation(rust(roof(other))[SPOT]) == 0


def test_a_thin_shadow_stands_out_and_slow_light_does_not() -> None:
    slope = np.repeat(np.linspace(80, 140, 200, dtype=np.uint8)[None, :, None], 200, axis=0).repeat(3, axis=2)
    slope[100:102] -= 20
    shown = TRANSFORMS[DamageView.CURLING](slope).astype(int)
    assert shown[100:102].mean() < 90
    assert abs(shown[50, 20:180].mean() - 128) < 6


def test_dull_spots_have_more_contrast() -> None:
    rng = np.random.default_rng(1)
    image = rng.normal(110, 2, (200, 200, 1)).repeat(3, axis=2)
    image[SPOT] -= 6
    image = image.astype(np.uint8)
    before = image[60:140, 60:80].mean() - image[SPOT].mean()
    shown = TRANSFORMS[DamageView.HAIL](image)
    assert shown[60:140, 60:80].mean() - shown[SPOT].mean() > 2 * before


def test_views_of_a_file_are_jpegs_of_its_size() -> None:
    made = damage_views(photo(120), [DamageView.RUST, DamageView.HAIL])
    assert list(made) == [DamageView.RUST, DamageView.HAIL]
    for body in made.values():
        assert decode(body).shape == (120, 120, 3)


@pytest.mark.parametrize("view", DamageView)
def test_a_view_leaves_its_picture_as_it_was(view: DamageView) -> None:
    image = roof(RUST)
    TRANSFORMS[view](image)
    assert np.array_equal(image, roof(RUST))
