"""What is refused before a pixel is decoded, and what goes on without its metadata."""

from __future__ import annotations

import io
import time
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from services.image_processor.domain.headers import inspect
from services.image_processor.domain.pictures import decode
from services.image_processor.domain.quality import PictureRefused
from tests.factories.hostile_pictures import hostile_pictures, jpeg_with, photo, png_of, png_part, saved, tiff

HOSTILE = hostile_pictures()
SECONDS = 0.2


@pytest.mark.fault(19)
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_by_its_header_with_a_reason(name: str) -> None:
    body, media_type, reason = HOSTILE[name]
    began = time.process_time()

    with pytest.raises(PictureRefused) as refused:
        inspect(body, media_type)

    assert refused.value.reason == reason
    assert time.process_time() - began < SECONDS


@pytest.mark.parametrize("how", [{}, {"progressive": True}, {"restart_marker_blocks": 4}, {"subsampling": 2}])
def test_a_jpeg_of_any_coding_goes_on_with_the_same_pixels(how: dict[str, Any]) -> None:
    body = photo(97, **how)
    header = inspect(body, "image/jpeg")

    assert (header.extension, header.width, header.height) == ("jpg", 97, 97)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(body))), decode(body)[..., ::-1])
    assert inspect(header.body).body == header.body


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "1"])
def test_a_png_of_any_colours_goes_on_with_the_same_pixels(mode: str) -> None:
    picture = Image.open(io.BytesIO(photo(50))).convert(mode)
    body = saved(picture, "PNG")

    assert inspect(body, "image/png").extension == "png"
    assert np.array_equal(np.asarray(picture.convert("RGB")), decode(body)[..., ::-1])


def test_nothing_of_camera_place_comment_or_profile_goes_on() -> None:
    camera = b"Exif\0\0" + tiff((0x8825, 4, 1, 26), (0x0112, 3, 1, 1)) + b"GPS 44.49 N"
    jpeg = jpeg_with((0xE1, camera), (0xE2, b"ICC_PROFILE\0" + b"p" * 999), (0xFE, b"<?php ?>"))
    png = png_of(64, png_part(b"tEXt", b"Comment\0GPS 44.49 N"), png_part(b"iCCP", b"p\0\0zz"))

    for body in (jpeg, png):
        kept = inspect(body).body
        assert not any(word in kept for word in (b"GPS", b"Exif", b"ICC", b"iCCP", b"php"))
    assert decode(jpeg).shape == (64, 64, 3)


def test_zeros_behind_the_end_are_padding() -> None:
    body = photo(64)
    assert inspect(body + b"\0" * 700).body == inspect(body).body


@settings(deadline=None)
@given(
    st.binary(max_size=300), st.sampled_from([b"", b"\xff\xd8", b"\xff\xd8\xff\xe1", b"\x89PNG\r\n\x1a\n"])
)
def test_any_bytes_are_read_or_refused(body: bytes, start: bytes) -> None:
    with suppress(PictureRefused):
        inspect(start + body)


@settings(deadline=None)
@given(st.integers(0, 4000), st.integers(0, 255))
def test_a_good_file_with_one_wrong_byte_is_read_or_refused(at: int, byte: int) -> None:
    body = bytearray(photo(64))
    body[at % len(body)] = byte
    with suppress(PictureRefused):
        decode(bytes(body))
