"""Files of strangers: their bytes unpacked as a stream, their encoding, or the named reason why they are not read."""

from __future__ import annotations

import codecs
import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, BinaryIO, Final, cast

BLOCK_BYTES: Final = 1 << 20
ZIP_MAGIC: Final = b"PK\x03\x04"
GZIP_MAGIC: Final = b"\x1f\x8b"
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class FileRefused(Exception):
    """The whole file cannot be read; `reason` is stable, `detail` tells the operator why."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


class FittingEncoding:
    """The encoding that fits every block fed so far: UTF-8, else Windows-1252, else Latin-1; UTF-16 by its mark."""

    def __init__(self) -> None:
        self._decoders = {name: codecs.getincrementaldecoder(name)() for name in ("utf-8-sig", "cp1252")}
        self._utf16: bool | None = None

    def feed(self, block: bytes) -> None:
        """Look at the next block."""
        if self._utf16 is None:
            self._utf16 = block.startswith(_UTF16)
        if not self._utf16:
            for name in [name for name, decoder in self._decoders.items() if not _decodes(decoder, block)]:
                del self._decoders[name]

    @property
    def name(self) -> str:
        """The encoding, once all blocks were fed; every byte is a character in Latin-1, so no row is lost."""
        if self._utf16:
            return "utf-16"
        whole = (name for name, decoder in self._decoders.items() if not decoder.getstate()[0])
        return next(whole, "latin-1")


def _decodes(decoder: codecs.IncrementalDecoder, block: bytes) -> bool:
    try:
        decoder.decode(block)
    except UnicodeDecodeError:
        return False
    return True


def archive_of(content: BinaryIO) -> zipfile.ZipFile:
    """The archive in a file; refused where it is cut or asks for a password."""
    content.seek(0)
    try:
        archive = zipfile.ZipFile(content)
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise FileRefused("truncated_zip", f"the archive is cut or damaged: {error}") from error
    if any(info.flag_bits & 1 for info in archive.infolist()):
        archive.close()
        raise FileRefused("encrypted_zip", "the archive asks for a password")
    return archive


@contextmanager
def unpacking() -> Iterator[None]:
    """Turns what unpacking raises into the refusal of a cut file."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile) as error:
        raise FileRefused("truncated_file", f"the packed file is cut or damaged: {error}") from error
    except NotImplementedError as error:  # Deflate64, which Windows writes for large archives
        raise FileRefused("unsupported_compression", str(error)) from error


def open_unpacked(content: BinaryIO, member: str | None = None) -> IO[bytes]:
    """The bytes of an archive's member, of a gzip or of the file itself from the start; the content stays open."""
    if member is not None:
        return archive_of(content).open(member)
    content.seek(0)
    magic = content.read(2)
    content.seek(0)
    if magic == GZIP_MAGIC:
        return cast("IO[bytes]", gzip.GzipFile(fileobj=content))
    return io.BufferedReader(_Borrowed(content), BLOCK_BYTES)


class _Borrowed(io.RawIOBase):
    """A view of a file that leaves it open."""

    def __init__(self, content: BinaryIO) -> None:
        self._content = content

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer."""
        block = self._content.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)
