"""Files that are no pictures, or that want more than to be looked at."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def photo(side: int = 320, seed: int = 1, **how: Any) -> bytes:
    """A JPEG of noise."""
    pixels = np.random.default_rng(seed).integers(0, 255, (side, side, 3), dtype=np.uint8)
    return saved(Image.fromarray(pixels), "JPEG", **how)


def saved(picture: Image.Image, kind: str, **how: Any) -> bytes:
    """A picture's file."""
    file = io.BytesIO()
    picture.save(file, kind, **how)
    return file.getvalue()


def png_part(name: bytes, body: bytes) -> bytes:
    """One part of a PNG with its checksum."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_of(side: int, *extra: bytes, depth: int = 8) -> bytes:
    """A PNG whose header promises side x side pixels, whatever it holds."""
    header = png_part(b"IHDR", struct.pack(">IIBBBBB", side, side, depth, 2, 0, 0, 0))
    data = png_part(b"IDAT", zlib.compress(b"\0" * 1000))
    return b"".join((PNG_SIGNATURE, header, *extra, data, png_part(b"IEND", b"")))


def jpeg_with(*parts: tuple[int, bytes]) -> bytes:
    """A good JPEG with parts of ours in front."""
    made = b"".join(struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body for marker, body in parts)
    return b"\xff\xd8" + made + photo(64)[2:]


def tiff(*tags: tuple[int, int, int, int], next_at: int = 0) -> bytes:
    """Camera data with these tags: number, type, count, value."""
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + struct.pack("<I", next_at)


def archive() -> bytes:
    """A small ZIP file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr("run.sh", "echo")
    return file.getvalue()


def endless_scans() -> bytes:
    """A progressive JPEG that is drawn over and over."""
    whole = photo(64, progressive=True)
    scan = whole.rindex(b"\xff\xda")
    return whole[:-2] + whole[scan:-2] * 500 + b"\xff\xd9"


Files = Mapping[str, tuple[bytes, str | None, str]]
"""By name: the file, the media type it came with, and the reason for which it is refused."""


def hostile_pictures() -> Files:
    """All of them."""
    return {**disguised(), **cut_and_too_large(), **overloaded()}


def disguised() -> Files:
    """Other things under a picture's name."""
    return {
        "nothing": (b"", "image/jpeg", "empty"),
        "zero bytes": (b"\0" * 4096, "image/jpeg", "not_a_picture"),
        "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/png", "svg"),
        "svg with prologue": (b"\xef\xbb\xbf<?xml version='1.0'?><svg/>", "image/png", "svg"),
        "page": (b"<!DOCTYPE html><title>no</title>", "image/jpeg", "text"),
        "text": (b"Quota exceeded, try again tomorrow.\n" * 9, "image/jpeg", "text"),
        "gif": (b"GIF89a" + b"\0" * 40, None, "not_a_picture"),
        "executable": (b"\x7fELF" + b"\0" * 400, "image/png", "not_a_picture"),
        "jpeg called png": (photo(), "image/png", "wrong_extension"),
        "png called jpeg": (png_of(64), "image/jpeg; charset=x", "wrong_extension"),
    }


def cut_and_too_large() -> Files:
    """Pictures that end too early, are too large, or go on as something else."""
    good = photo()
    return {
        "cut jpeg": (good[: len(good) // 2], "image/jpeg", "truncated"),
        "cut jpeg header": (good[:30], "image/jpeg", "truncated"),
        "cut png": (png_of(64)[:60], "image/png", "truncated"),
        "400 megapixels": (png_of(20_000), "image/png", "too_many_pixels"),
        "400 megapixels of jpeg": (
            good.replace(struct.pack(">HH", 320, 320), struct.pack(">HH", 20_000, 20_000), 1),
            "image/jpeg",
            "too_many_pixels",
        ),
        "26 megapixels": (png_of(5_100), "image/png", "too_many_pixels"),
        "no width": (png_of(0), "image/png", "no_pixels"),
        "16 bits": (png_of(64, depth=16), "image/png", "unsupported_depth"),
        "wrong checksum": (png_of(64)[:-20] + b"\0" * 20, "image/png", "damaged"),
        "archive behind": (good + archive(), "image/jpeg", "polyglot"),
        "script behind": (png_of(64) + b"<script>alert(1)</script>", "image/png", "polyglot"),
        "two pictures": (good + good, "image/jpeg", "polyglot"),
    }


def overloaded() -> Files:
    """Pictures whose scans, parts or camera data are a trap."""
    exif = b"Exif\0\0"
    many = png_part(b"tEXt", b"a\0b") * 5_000
    return {
        "500 scans": (endless_scans(), "image/jpeg", "too_many_scans"),
        "5,000 parts": (png_of(64, many), "image/png", "too_many_parts"),
        "two megabytes of camera data": (
            jpeg_with(*[(0xE1, exif + tiff() + b"\0" * 60_000)] * 34),
            "image/jpeg",
            "too_much_metadata",
        ),
        "packed text": (
            png_of(64, png_part(b"zTXt", b"k\0\0" + b"x" * 1_200_000)),
            "image/png",
            "too_much_metadata",
        ),
        "camera data out of bounds": (
            jpeg_with((0xE1, exif + tiff((0x010E, 2, 1 << 30, 1 << 20)))),
            "image/jpeg",
            "hostile_metadata",
        ),
        "camera data in circles": (
            jpeg_with((0xE1, exif + tiff(next_at=8))),
            "image/jpeg",
            "hostile_metadata",
        ),
        "camera data of 65,535 tags": (
            jpeg_with((0xE1, exif + b"II*\0" + struct.pack("<IH", 8, 65_535))),
            "image/jpeg",
            "hostile_metadata",
        ),
        "camera data of no order": (
            jpeg_with((0xE1, exif + b"XX*\0" + b"\0" * 40)),
            None,
            "hostile_metadata",
        ),
        "turned by its camera": (
            jpeg_with((0xE1, exif + tiff((0x0112, 3, 1, 6)))),
            "image/jpeg",
            "turned_by_metadata",
        ),
    }
