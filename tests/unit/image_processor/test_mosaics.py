"""Tiles put together, and tiles that are none."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from services.image_processor.domain.levels import at_level, further_levels
from services.image_processor.domain.mosaics import stitched
from services.image_processor.domain.quality import PictureRefused
from shared.schemas.enums import ImageLevel


def tile(colour: tuple[int, int, int], side: int = 256) -> bytes:
    """One colour as a JPEG."""
    body = io.BytesIO()
    Image.new("RGB", (side, side), colour).save(body, "JPEG", quality=95)
    return body.getvalue()


RED, GREEN, BLUE, WHITE = (200, 30, 30), (30, 200, 30), (30, 30, 200), (240, 240, 240)


def test_tiles_lie_as_they_were_given_and_the_square_is_cut_from_them() -> None:
    rows = [[tile(RED), tile(GREEN)], [tile(BLUE), tile(WHITE)]]
    picture = np.asarray(Image.open(io.BytesIO(stitched(rows, 156, 206, 200))).convert("RGB"), int)

    assert picture.shape == (200, 200, 3)
    corners = [picture[5, 5], picture[5, -5], picture[-5, 5], picture[-5, -5]]
    for seen, colour in zip(corners, (RED, GREEN, BLUE, WHITE), strict=True):
        assert np.abs(seen - np.array(colour)).max() < 12
    assert np.abs(picture[20, 95] - np.array(RED)).max() < 12
    assert np.abs(picture[20, 105] - np.array(GREEN)).max() < 12


@pytest.mark.parametrize(
    ("rows", "side"),
    [
        ([[tile(RED), tile(GREEN, 128)]], 100),
        ([[tile(RED)]], 300),
        ([[b"<html>"]], 100),
        ([[tile(RED, 2000)]], 100),
    ],
)
def test_what_does_not_fit_is_refused(rows: list[list[bytes]], side: int) -> None:
    with pytest.raises(PictureRefused):
        stitched(rows, 0, 0, side)


def test_tiles_that_would_fill_the_memory_are_refused_before_one_is_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    decoded: list[bytes] = []
    monkeypatch.setattr("services.image_processor.domain.pictures.decode", decoded.append)

    with pytest.raises(PictureRefused, match="tiles_do_not_fit"):
        stitched([[tile(RED, 2000)] * 3] * 3, 0, 0, 100)
    assert decoded == []


def test_a_level_is_in_the_key_but_for_the_roofs() -> None:
    key = "images/1/original/satellite_overhead.jpg"
    assert at_level(key, ImageLevel.ROOF) == key
    assert at_level(key, ImageLevel.LOT) == "images/1/original/satellite_overhead_lot.jpg"
    assert list(further_levels(set(ImageLevel), [ImageLevel.ROOF])) == []
    assert list(further_levels({ImageLevel.LOT, ImageLevel.ROOF}, tuple(ImageLevel))) == [ImageLevel.LOT]
