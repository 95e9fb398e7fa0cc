"""Opening a public file: what it is by its content, its text as a stream, or the named reason it cannot be read."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TextIO

from shared.files import (
    GZIP_MAGIC,
    ZIP_MAGIC,
    FileRefused,
    FirstReading,
    only_member,
    open_file,
    unpacking,
)

HEAD_CHARACTERS = 65_536
LARGEST_FILE_BYTES = 4 << 30
ONE_LINE_FORMS = ("{", "[", "<")
"""How documents begin that may stand in one line of any length."""


@dataclass(frozen=True, slots=True)
class PublicFile:
    """A file that was read once from end to end: complete, decodable, with its fingerprint."""

    path: Path
    encoding: str
    compressed: bool
    sha256: str
    size_bytes: int
    head: str
    member: str | None = None

    @property
    def name(self) -> str:
        """The file's own name, which for SPC carries the date."""
        return self.path.name

    def open(self) -> TextIO:
        """The decoded text from the start, read as it is needed."""
        return io.TextIOWrapper(self.unpacked(), encoding=self.encoding, newline="")

    def unpacked(self) -> BinaryIO:
        """The bytes of the text from the start."""
        return open_file(self.path, self.member)


def inspect(path: Path) -> PublicFile:
    """Read a file through once in blocks, so that a cut one is refused before a row of it is stored."""
    if not path.is_file():
        raise FileRefused("file_not_found", "it is not a file")
    with path.open("rb") as stream:
        magic = stream.read(4)
    if not magic:
        raise FileRefused("empty_file", "it is empty")
    member = only_member(path) if magic == ZIP_MAGIC else None
    digest, reading = hashlib.sha256(), FirstReading(LARGEST_FILE_BYTES)
    with unpacking(), open_file(path, member) as stream:
        for block in reading.blocks(stream):
            digest.update(block)
    head = reading.first.decode(reading.encoding, errors="replace")[:HEAD_CHARACTERS]
    if not head.strip():
        raise FileRefused("empty_file", "it holds no text")
    if not head.lstrip("\ufeff \t\r\n").startswith(ONE_LINE_FORMS):
        reading.refuse_long_lines()
    packed = magic[:2] == GZIP_MAGIC
    return PublicFile(path, reading.encoding, packed, digest.hexdigest(), reading.size, head, member)
