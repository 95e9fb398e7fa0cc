"""What a picture's file says of itself, read without decoding a pixel; files that lie are refused here.

Only JPEG and PNG are read. What a picture carries beside its pixels (camera data, places, comments, profiles, anything
behind its end) is left out of the body that goes on: nothing after this sees it, and nothing of it is stored.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from services.image_processor.domain.quality import PictureRefused

MAX_PIXELS: Final = 25_000_000
"""Ten times what any vendor of ours sends; decoded they take 150 MB for a moment."""
MAX_SIDE: Final = 20_000
MAX_BYTES: Final = 40_000_000
MAX_METADATA_BYTES: Final = 1_000_000
MAX_PARTS: Final = 4_000
MAX_SCANS: Final = 64
"""A progressive JPEG needs about ten; each further one is decoded over the whole picture."""
MEDIA_TYPES: Final = {"image/jpeg": "jpg", "image/jpg": "jpg", "image/png": "png"}

PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
PNG_PIXEL_PARTS: Final = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
PNG_DEPTHS: Final = {0: (1, 2, 4, 8), 2: (8,), 3: (1, 2, 4, 8), 4: (8,), 6: (8,)}
"""Bits a sample by colour type; 16 bits hold no picture that a vendor of ours sends."""

JPEG_START: Final = b"\xff\xd8"
JPEG_END: Final = b"\xff\xd9"
EOI, SOS, APP1, COMMENT = 0xD9, 0xDA, 0xE1, 0xFE
APPLICATIONS: Final = frozenset(range(0xE0, 0xF0))
KEPT_APPLICATIONS: Final = frozenset({0xE0, 0xEE})
"""JFIF and Adobe say how colours are stored; every other application's part is metadata."""
FRAMES: Final = frozenset({0xC0, 0xC1, 0xC2})
OTHER_FRAMES: Final = frozenset(range(0xC3, 0xD0)) - {0xC4, 0xC8, 0xCC}
NEXT_MARKER: Final = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""Among a scan's pixels FF stands only before a zero, a restart or another FF."""

EXIF: Final = b"Exif\0\0"
ORIENTATION: Final = 0x0112
UPRIGHT: Final = (0, 1)
MAX_TAGS: Final = 500
TAG_BYTES: Final = {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
"""Bytes a value by its type, where it is not one."""

DISGUISES: Final = (
    (b"<svg", "svg"),
    (b"<?xml", "svg"),
    (b"<!doctype", "text"),
    (b"<html", "text"),
)


@dataclass(frozen=True, slots=True)
class Header:
    """A file that may be decoded: its kind, its size, and its bytes without metadata."""

    extension: str
    width: int
    height: int
    body: bytes


def inspect(body: bytes, media_type: str | None = None) -> Header:
    """The header of a picture that may be decoded; PictureRefused names why it may not."""
    if not body:
        raise PictureRefused("empty")
    if len(body) > MAX_BYTES:
        raise PictureRefused("too_many_bytes")
    extension = _kind(body)
    declared = MEDIA_TYPES.get((media_type or "").split(";")[0].strip().lower(), extension)
    if declared != extension:
        raise PictureRefused("wrong_extension")
    try:
        header = _jpeg(body) if extension == "jpg" else _png(body)
    except (struct.error, IndexError) as error:
        raise PictureRefused("truncated") from error
    if not (header.width and header.height):
        raise PictureRefused("no_pixels")
    if header.width * header.height > MAX_PIXELS or max(header.width, header.height) > MAX_SIDE:
        raise PictureRefused("too_many_pixels")
    return header


def _kind(body: bytes) -> str:
    if body.startswith(PNG_SIGNATURE):
        return "png"
    if body.startswith(JPEG_START):
        return "jpg"
    start = body[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for mark, reason in DISGUISES:
        if start.startswith(mark):
            raise PictureRefused(reason)
    printable = sum(32 <= byte < 127 or byte in b"\t\r\n" for byte in start)
    raise PictureRefused("text" if printable > 0.9 * len(start) else "not_a_picture")


def _png(body: bytes) -> Header:
    kept, metadata = [PNG_SIGNATURE], 0
    parts = _png_parts(body)
    name, data, whole = next(parts)
    if name != b"IHDR" or len(data) != 13:
        raise PictureRefused("not_a_picture")
    width, height, depth, colours, *_ = struct.unpack(">IIBBBBB", data)
    if depth not in PNG_DEPTHS.get(colours, ()):
        raise PictureRefused("unsupported_depth")
    kept.append(whole)
    for name, data, whole in parts:
        if name in PNG_PIXEL_PARTS:
            kept.append(whole)
            continue
        metadata += len(data)
        _refuse_much(metadata)
        if name == b"eXIf":
            _check_exif(data)
    return Header("png", width, height, b"".join(kept))


def _png_parts(body: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Name, content and whole of every part; the last one must be the file's end."""
    at = len(PNG_SIGNATURE)
    for _ in range(MAX_PARTS):
        length, name = struct.unpack_from(">I4s", body, at)
        end = at + 12 + length
        if end > len(body):
            raise PictureRefused("truncated")
        data, (checksum,) = body[at + 8 : end - 4], struct.unpack_from(">I", body, end - 4)
        if zlib.crc32(name + data) != checksum:
            raise PictureRefused("damaged")
        yield name, data, body[at:end]
        if name == b"IEND":
            return _refuse_more(body[end:])
        at = end
    raise PictureRefused("too_many_parts")


def _jpeg(body: bytes) -> Header:
    kept, metadata, scans, size = [JPEG_START], 0, 0, (0, 0)
    for marker, data, whole in _jpeg_parts(body):
        if marker in OTHER_FRAMES:
            raise PictureRefused("unsupported_coding")
        if marker == COMMENT or (marker in APPLICATIONS and marker not in KEPT_APPLICATIONS):
            metadata += len(data)
            _refuse_much(metadata)
            if marker == APP1 and data.startswith(EXIF):
                _check_exif(data[len(EXIF) :])
            continue
        if marker in FRAMES:
            if any(size):
                raise PictureRefused("two_pictures")
            height, width = struct.unpack_from(">HH", data, 1)
            size = (width, height)
        scans += marker == SOS
        kept.append(whole)
    if scans > MAX_SCANS:
        raise PictureRefused("too_many_scans")
    if not scans:
        raise PictureRefused("truncated")
    return Header("jpg", *size, b"".join((*kept, JPEG_END)))


def _jpeg_parts(body: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Marker, content and whole of every part up to the file's end; a scan's pixels belong to its part."""
    at = len(JPEG_START)
    for _ in range(MAX_PARTS):
        if body[at] != 0xFF:
            raise PictureRefused("damaged")
        marker = body[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker == EOI:
            return _refuse_more(body[at + 2 :])
        end = at + 2 + int(struct.unpack_from(">H", body, at + 2)[0])
        if end < at + 4 or end > len(body):
            raise PictureRefused("truncated")
        data = body[at + 4 : end]
        if marker == SOS:
            pixels_end = NEXT_MARKER.search(body, end)
            if pixels_end is None:
                raise PictureRefused("truncated")
            end = pixels_end.start()
        yield marker, data, body[at:end]
        at = end
    raise PictureRefused("too_many_parts")


def _refuse_much(metadata_bytes: int) -> None:
    if metadata_bytes > MAX_METADATA_BYTES:
        raise PictureRefused("too_much_metadata")


def _refuse_more(behind: bytes) -> None:
    """Some cameras pad with zeros; anything else behind the end is a second file in the first."""
    if behind.strip(b"\0"):
        raise PictureRefused("polyglot")


def _check_exif(data: bytes) -> None:
    """Refuse camera data that points outside itself, runs in circles or wants the picture turned.

    A turned picture would no longer lie under the outlines that its place on the map gives it.
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    if order is None:
        raise PictureRefused("hostile_metadata")
    seen: set[int] = set()
    (at,) = struct.unpack_from(f"{order}I", data, 4)
    while at:
        if at in seen or at + 2 > len(data):
            raise PictureRefused("hostile_metadata")
        seen.add(at)
        (count,) = struct.unpack_from(f"{order}H", data, at)
        end = at + 2 + 12 * count
        if count > MAX_TAGS or end > len(data):
            raise PictureRefused("hostile_metadata")
        for entry in range(at + 2, end, 12):
            _check_tag(data, entry, order)
        at = struct.unpack_from(f"{order}I", data, end)[0] if end + 4 <= len(data) else 0


def _check_tag(data: bytes, at: int, order: str) -> None:
    tag, kind, count = struct.unpack_from(f"{order}HHI", data, at)
    size = count * TAG_BYTES.get(kind, 1)
    if size > 4 and struct.unpack_from(f"{order}I", data, at + 8)[0] + size > len(data):
        raise PictureRefused("hostile_metadata")
    if tag == ORIENTATION and struct.unpack_from(f"{order}H", data, at + 8)[0] not in UPRIGHT:
        raise PictureRefused("turned_by_metadata")
