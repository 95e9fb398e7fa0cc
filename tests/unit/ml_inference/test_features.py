"""What is read from pictures."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date

import cv2
import numpy as np
import pytest

from services.ml_inference.features import FEATURE_NAMES, features_of
from services.ml_inference.features.outline import roof_from_above
from services.ml_inference.models import Pixels, RoofImage
from shared.sandbox.render import (
    Camera,
    RoofScene,
    camera_for_side,
    capture_on,
    no_imagery,
    render_nadir,
    render_street,
)
from shared.sandbox.render.sample import sample_scene
from shared.schemas.enums import ViewAngle

DAY = date(2026, 6, 1)
WEAR = "above_band1_p50"


def above(scene: RoofScene, seed: int = 1, *, detail: float = 0.15) -> RoofImage:
    pixels, _ = render_nadir(scene, capture_on(DAY, seed), metres_per_pixel=detail)
    return RoofImage(ViewAngle.OVERHEAD, pixels, detail, detail)


def street(scene: RoofScene, side: str = "left") -> RoofImage:
    camera: Camera = camera_for_side(scene, side)
    width = 2 * math.hypot(camera.east_m, camera.north_m) * math.tan(math.radians(camera.fov_deg) / 2)
    pixels = render_street(scene, capture_on(DAY, 2), camera)
    return RoofImage(ViewAngle(side), pixels, width / 640, width / 640)


def pitched(wear: float = 0.5, seed: int = 5) -> RoofScene:
    return replace(sample_scene(seed, wear=wear)[0], pitch_rise=7, damages=())


def value(images: list[RoofImage], name: str) -> float:
    return float(features_of(images).values[FEATURE_NAMES.index(name)])


def test_the_roof_in_the_middle_is_found() -> None:
    overlaps = []
    for seed in range(12):
        scene, _ = sample_scene(seed)
        pixels, frame = render_nadir(scene, capture_on(DAY, seed), size_px=200)
        truth = frame.mask(scene.footprint_m) > 127
        found = roof_from_above(pixels, 0.15)
        overlaps.append((found & truth).sum() / (found | truth).sum())
    assert float(np.median(overlaps)) > 0.8


def test_features_are_the_same_for_the_same_pictures() -> None:
    images = [above(pitched()), street(pitched())]
    first, again = features_of(images), features_of(images)
    assert np.array_equal(first.values, again.values)
    assert np.isfinite(first.values).all()
    assert first.has_above
    assert first.has_street


def test_wear_shows_in_the_texture() -> None:
    read = [value([above(pitched(wear))], WEAR) for wear in (0.05, 0.35, 0.65, 0.95)]
    assert read == sorted(read)


def test_missing_kinds_are_zeros() -> None:
    alone = features_of([above(pitched())])
    assert alone.has_above
    assert not alone.has_street
    assert not alone.values[FEATURE_NAMES.index("street_count") :].any()
    assert not features_of([]).values.any()


def test_two_street_pictures_are_averaged() -> None:
    scene = pitched()
    left, right = street(scene, "left"), street(scene, "right")
    name = "street_light"
    assert value([left, right], name) == pytest.approx(
        (value([left], name) + value([right], name)) / 2, rel=1e-5
    )
    assert value([left, right], "street_count") == 2.0


def test_a_coarse_picture_from_above_says_nothing() -> None:
    assert not features_of([above(pitched(), detail=0.6)]).has_above


def test_a_grey_placeholder_shows_no_roof_from_the_street() -> None:
    grey = RoofImage(ViewAngle.FRONT, no_imagery(640), 0.04, 0.04)
    assert not features_of([grey]).has_street


@pytest.mark.parametrize("side", [640, 1024])
def test_enlarging_a_picture_changes_little(side: int) -> None:
    image = above(pitched())
    wide: Pixels = np.asarray(cv2.resize(image.pixels, (side, side), interpolation=cv2.INTER_CUBIC), np.uint8)
    enlarged = RoofImage(ViewAngle.OVERHEAD, wide, image.metres_per_pixel * 320 / side, image.detail_m)
    assert value([enlarged], WEAR) == pytest.approx(value([image], WEAR), abs=0.25)
    assert value([enlarged], "above_light") == pytest.approx(value([image], "above_light"), abs=0.1)
