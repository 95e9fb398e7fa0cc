"""The standard form: size, place, light, noise and sharpness, and what is told of it."""

from __future__ import annotations

import io
from datetime import date
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from services.image_processor.domain.pictures import decode
from services.image_processor.domain.standard import NOISE_LEVELS, letterbox, standardise, tones_of
from shared.sandbox.render import capture_on, render_nadir
from shared.sandbox.render.sample import sample_scene

Pixels = np.ndarray[Any, Any]


def tile(seed: int = 3) -> Pixels:
    """A roof of the town from above, as BGR."""
    return render_nadir(sample_scene(seed)[0], capture_on(date(2026, 6, 1), seed))[0][..., ::-1].copy()


@pytest.mark.parametrize("shape", [(320, 320), (320, 640), (700, 300), (1500, 1200), (40, 43)])
def test_the_standard_form_is_a_square_jpeg_that_keeps_the_aspect(shape: tuple[int, int]) -> None:
    image = cv2.resize(tile(), shape[::-1])
    form = standardise(image, 1024)

    picture = Image.open(io.BytesIO(form.body))
    assert (picture.format, picture.size, (form.width, form.height)) == ("JPEG", (1024, 1024), (1024, 1024))
    told = form.details
    assert max(told["width"], told["height"]) == 1024
    assert told["width"] / told["height"] == pytest.approx(shape[1] / shape[0], rel=0.02)
    assert abs(2 * told["left"] + told["width"] - 1024) <= 1
    assert abs(2 * told["top"] + told["height"] - 1024) <= 1


@settings(deadline=None)
@given(st.integers(1, 20_000), st.integers(1, 20_000), st.sampled_from([256, 1024, 4096]))
def test_a_picture_of_any_shape_lies_inside_the_square(width: int, height: int, pixels: int) -> None:
    box = letterbox(width, height, pixels)
    assert min(box.left, box.top) >= 0
    assert box.left + box.width <= pixels >= box.top + box.height
    assert max(box.width, box.height) == pixels


def test_a_pixel_is_found_again_by_what_is_told() -> None:
    image = np.full((300, 600, 3), 90, np.uint8)
    cv2.circle(image, (450, 75), 6, (250, 250, 250), -1)
    form = standardise(image, 1024)

    bright = np.argwhere(decode(form.body)[..., 1] > 200).mean(axis=0)
    scale, left, top = (form.details[name] for name in ("scale", "left", "top"))
    assert bright[1] == pytest.approx(left + 450 * scale, abs=2)
    assert bright[0] == pytest.approx(top + 75 * scale, abs=2)


def test_a_colour_cast_is_halved_and_never_more_than_six_percent() -> None:
    warm = np.clip(tile().astype(np.float32) * (0.96, 1.0, 1.04), 0, 255).astype(np.uint8)
    gains = tones_of(warm).gains
    assert gains[0] > gains[2]
    assert all(0.94 <= gain <= 1.06 for gain in gains)


@pytest.mark.parametrize("light", [0.4, 1.6])
def test_dark_and_bright_pictures_come_nearer_to_the_middle(light: float) -> None:
    image = np.clip(tile().astype(np.float32) * light, 0, 255).astype(np.uint8)
    before, after = image.mean(), decode(standardise(image, 512).body).mean()
    assert abs(after - 115) < abs(before - 115)


@settings(deadline=None)
@given(st.integers(0, 60), st.integers(70, 255))
def test_tones_never_change_their_order(low: int, high: int) -> None:
    image = np.random.default_rng(low).integers(low, high, (32, 32, 3), dtype=np.uint8)
    table = tones_of(image).table().astype(np.int16)
    assert (np.diff(table, axis=0) >= 0).all()


def test_noise_falls_and_edges_stay() -> None:
    flat = np.full((256, 256, 3), 100, np.uint8)
    flat[:, 128:] = 100 + 4 * NOISE_LEVELS
    noisy = np.clip(flat + np.random.default_rng(1).normal(0, 4, flat.shape), 0, 255).astype(np.uint8)
    made = decode(standardise(noisy, 256).body)

    assert made[20:230, 20:100].std() < 0.7 * noisy[20:230, 20:100].std()
    step = made[20:230, 140:].mean() - made[20:230, :118].mean()
    assert step >= 0.95 * 4 * NOISE_LEVELS


def test_the_picture_is_crisper_than_a_plain_enlargement() -> None:
    plain = cv2.resize(tile(), (1024, 1024), interpolation=cv2.INTER_CUBIC)
    made = decode(standardise(tile(), 1024).body)
    assert cv2.Laplacian(made, cv2.CV_64F).var() > cv2.Laplacian(plain, cv2.CV_64F).var()


def test_the_same_picture_has_the_same_standard_form() -> None:
    assert standardise(tile(), 512) == standardise(tile(), 512)
