"""Decoding under limits, quality, standard form."""

from __future__ import annotations

import io
import struct
import zlib
from datetime import date

import numpy as np
import pytest
from PIL import Image

from services.image_processor.domain.pictures import decode, quality_of, standardise
from services.image_processor.domain.quality import PictureRefused
from shared.sandbox.render import capture_on, clouded, jpeg_bytes, no_imagery, png_bytes, render_nadir
from shared.sandbox.render.sample import sample_scene

DAY = date(2026, 6, 1)


def tile(seed: int = 3) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return render_nadir(sample_scene(seed)[0], capture_on(DAY, seed))[0]


def bomb(side: int) -> bytes:
    """A PNG whose header promises side x side pixels."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    data = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [7_100, 9_700, 20_000])
def test_a_decompression_bomb_is_refused_by_its_header(side: int) -> None:
    with pytest.raises(PictureRefused):
        decode(bomb(side))


@pytest.mark.parametrize(
    "body",
    [b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"GIF89a" + b"\0" * 40, jpeg_bytes(tile())[:2000]],
)
def test_what_is_no_whole_picture_is_refused(body: bytes) -> None:
    with pytest.raises(PictureRefused):
        decode(body)


@pytest.mark.parametrize("size", [128, 320, 640])
def test_placeholders_get_no_points(size: int) -> None:
    assert quality_of(decode(jpeg_bytes(no_imagery(size)))).score < 10


def test_clouds_make_a_picture_useless_and_clear_pictures_pass() -> None:
    assert all("cloud" in quality_of(decode(jpeg_bytes(clouded(tile(s), s)))).faults for s in range(8))
    assert all(quality_of(decode(jpeg_bytes(tile(seed)))).score >= 40 for seed in range(8))


def test_a_dark_picture_loses_points() -> None:
    dark = (tile() * 0.3).astype(np.uint8)
    assert "dark" in quality_of(decode(png_bytes(dark))).faults


def test_the_standard_form_is_a_square_jpeg() -> None:
    wide = np.concatenate((tile(), tile()), axis=1)
    picture = Image.open(io.BytesIO(standardise(decode(png_bytes(wide)), 1024)))
    assert (picture.format, picture.size) == ("JPEG", (1024, 1024))
