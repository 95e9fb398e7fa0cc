"""Opening a public file: what it is by its content, its text as a stream, or the named reason it cannot be read."""

from __future__ import annotations

import codecs
import gzip
import hashlib
import io
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from shared.files import FileRefused

GZIP_MAGIC = b"\x1f\x8b"
ZIP_MAGIC = b"PK\x03\x04"
BLOCK_BYTES = 1 << 20
HEAD_CHARACTERS = 65_536
LARGEST_FILE_BYTES = 4 << 30


@dataclass(frozen=True, slots=True)
class PublicFile:
    """A file that was read once from end to end: complete, decodable, with its fingerprint."""

    path: Path
    encoding: str
    compressed: bool
    sha256: str
    size_bytes: int
    head: str
    zipped: bool = False

    @property
    def name(self) -> str:
        """The file's own name, which for SPC carries the date."""
        return self.path.name

    def open(self) -> TextIO:
        """The decoded text from the start, read as it is needed."""
        return io.TextIOWrapper(self.unpacked(), encoding=self.encoding, newline="")

    def unpacked(self) -> BinaryIO:
        """The bytes of the text from the start."""
        if self.zipped:
            return _open_member(self.path)
        return _open_bytes(self.path, compressed=self.compressed)


def inspect(path: Path) -> PublicFile:
    """Read a file through once in blocks, so that a cut one is refused before a row of it is stored."""
    if not path.is_file():
        raise FileRefused("file_not_found", f"{path.name} is not a file")
    with path.open("rb") as stream:
        magic = stream.read(4)
    if not magic:
        raise FileRefused("empty_file", f"{path.name} is empty")
    zipped, compressed = magic == ZIP_MAGIC, magic[:2] == GZIP_MAGIC
    source = _open_member(path) if zipped else _open_bytes(path, compressed=compressed)
    digest, size, encoding, head = _read_through(path, source)
    if not head.strip():
        raise FileRefused("empty_file", f"{path.name} holds no text")
    return PublicFile(path, encoding, compressed, digest, size, head, zipped)


def _open_member(path: Path) -> BinaryIO:
    """The one file of a ZIP archive; an archive of several is refused, as none of them is the file that was named."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [member.filename for member in archive.infolist() if not member.is_dir()]
            if len(names) != 1:
                raise FileRefused(
                    "unsupported_format_zip", f"{path.name} holds {len(names)} files; unpack it first"
                )
            return cast("BinaryIO", archive.open(names[0]))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise FileRefused("broken_zip", f"{path.name} is damaged or locked: {error}") from error


def _open_bytes(path: Path, *, compressed: bool) -> BinaryIO:
    return io.BufferedReader(gzip.GzipFile(path), BLOCK_BYTES) if compressed else path.open("rb")


def _read_through(path: Path, source: BinaryIO) -> tuple[str, int, str, str]:
    """SHA-256 and number of the unpacked bytes, the encoding that fits all of them, and the first characters."""
    digest = hashlib.sha256()
    decoder = codecs.getincrementaldecoder("utf-8")()
    first, size, encoding = b"", 0, "utf-8-sig"
    try:
        with source as stream:
            while block := stream.read(BLOCK_BYTES):
                size += len(block)
                if size > LARGEST_FILE_BYTES:
                    raise FileRefused(
                        "file_too_large", f"{path.name} unpacks to more than {LARGEST_FILE_BYTES} bytes"
                    )
                digest.update(block)
                first = first or block
                encoding = _still_utf8(decoder, block, encoding)
    except zipfile.BadZipFile as error:
        raise FileRefused("broken_zip", f"{path.name} is damaged: {error}") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise FileRefused("truncated_gzip", f"{path.name} is cut or damaged: {error}") from error
    if encoding != "latin-1" and decoder.getstate()[0]:
        encoding = "latin-1"
    return digest.hexdigest(), size, encoding, first.decode(encoding, errors="replace")[:HEAD_CHARACTERS]


def _still_utf8(decoder: codecs.IncrementalDecoder, block: bytes, encoding: str) -> str:
    if encoding == "latin-1":
        return encoding
    try:
        decoder.decode(block)
    except UnicodeDecodeError:
        # NCEI narratives hold stray single bytes; every byte is a character in Latin-1, so no row is lost.
        return "latin-1"
    return encoding
