"""Files of strangers: their bytes unpacked as a stream, their encoding, or the named reason why they are not read."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import IO, Any, BinaryIO, Final, cast

BLOCK_BYTES: Final = 1 << 20
ZIP_MAGIC: Final = b"PK\x03\x04"
GZIP_MAGIC: Final = b"\x1f\x8b"
LONGEST_LINE_BYTES: Final = 1_000_000
"""The widest real row has 20,000; a longer one is a file without line ends, or made to fill memory."""
MOST_COLUMNS: Final = 4_096
_END: Final = ["\x1eend of file\x1e"]
"""A line put behind the last one: where it is no row of its own, a quote was never closed."""
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class FileRefused(Exception):
    """The whole file cannot be read; `reason` is stable, `detail` tells the operator why."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)  # both, so that it crosses to another process
        self.reason, self.detail = reason, detail

    def __str__(self) -> str:
        return self.detail


class FittingEncoding:
    """The encoding that fits every block fed so far: UTF-8, else Windows-1252, else Latin-1; UTF-16 by its mark."""

    def __init__(self) -> None:
        self._decoders = {name: codecs.getincrementaldecoder(name)() for name in ("utf-8-sig", "cp1252")}
        self._utf16: bool | None = None
        self._decode_utf16 = codecs.getincrementaldecoder("utf-16")()

    def feed(self, block: bytes) -> None:
        """Look at the next block."""
        if self._utf16 is None:
            self._utf16 = block.startswith(_UTF16)
        if self._utf16:
            try:
                self._decode_utf16.decode(block)
            except UnicodeDecodeError as error:
                raise FileRefused(
                    "broken_text", f"it is marked as UTF-16 and is not: {error.reason}"
                ) from error
        unfinished = any(decoder.getstate()[0] for decoder in self._decoders.values())
        if not self._utf16 and (unfinished or not block.isascii()):
            for name in [name for name, decoder in self._decoders.items() if not _decodes(decoder, block)]:
                del self._decoders[name]

    @property
    def name(self) -> str:
        """The encoding, once all blocks were fed; every byte is a character in Latin-1, so no row is lost."""
        if self._utf16:
            if self._decode_utf16.getstate()[0]:
                raise FileRefused("truncated_file", "the text ends inside a character")
            return "utf-16"
        whole = (name for name, decoder in self._decoders.items() if not decoder.getstate()[0])
        return next(whole, "latin-1")


def _decodes(decoder: codecs.IncrementalDecoder, block: bytes) -> bool:
    try:
        decoder.decode(block)
    except UnicodeDecodeError:
        return False
    return True


@dataclass(slots=True)
class FirstReading:
    """What one pass over a file's unpacked bytes tells before a row of it is stored."""

    most_bytes: int
    size: int = 0
    first: bytes = b""
    last: bytes = b""
    longest_line: int = 0
    _encoding: FittingEncoding = field(default_factory=FittingEncoding)
    _line: int = 0

    def blocks(self, stream: IO[bytes]) -> Iterator[bytes]:
        """Every block once it was looked at; refused at the cap, as sizes in a header may lie."""
        while block := stream.read(BLOCK_BYTES):
            self.size += len(block)
            if self.size > self.most_bytes:
                raise FileRefused("file_too_large", f"it unpacks to more than {self.most_bytes} bytes")
            self.first, self.last = self.first or block, block[-1:]
            self._encoding.feed(block)
            self._measure(block)
            yield block

    def _measure(self, block: bytes) -> None:
        """The longest line, without looking at each: a block of many lines has none that matters."""
        end = block.find(b"\n")
        self._line += len(block) if end < 0 else end
        self.longest_line = max(self.longest_line, self._line)
        if end >= 0:
            self._line = len(block) - block.rfind(b"\n") - 1

    @property
    def encoding(self) -> str:
        """The encoding that fits every byte."""
        return self._encoding.name

    def refuse_long_lines(self) -> None:
        """Refuse what is no table: one line that would have to be held in memory as a whole."""
        if max(self.longest_line, self._line) > LONGEST_LINE_BYTES:
            raise FileRefused("line_too_long", f"a line has more than {LONGEST_LINE_BYTES} bytes")


def csv_cells(lines: Iterable[str], delimiter: str = ",") -> Iterator[list[str]]:
    """The cells of each line; refused on a broken quote, one that is never closed, or too many columns."""
    reader = csv.reader(chain(lines, _END), delimiter=delimiter)
    try:
        for number, row in enumerate(reader):
            if row == _END:
                return
            if number == 0 and len(row) > MOST_COLUMNS:
                raise FileRefused("too_many_columns", f"{len(row)} columns, {MOST_COLUMNS} are read")
            yield row
    except csv.Error as error:
        raise FileRefused("broken_csv", f"line {reader.line_num}: {error}") from error
    raise FileRefused("open_quote", "a quote is opened and never closed")


def archive_of(content: BinaryIO | Path) -> zipfile.ZipFile:
    """The archive in a file; refused where it is cut or asks for a password."""
    if not isinstance(content, Path):
        content.seek(0)
    try:
        archive = zipfile.ZipFile(content)
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise FileRefused("truncated_zip", f"the archive is cut or damaged: {error}") from error
    if any(info.flag_bits & 1 for info in archive.infolist()):
        archive.close()
        raise FileRefused("encrypted_zip", "the archive asks for a password")
    return archive


def only_member(path: Path) -> str:
    """The one file of a ZIP archive; an archive of several is refused, as none of them is the file that was named."""
    with archive_of(path) as archive:
        names = [member.filename for member in archive.infolist() if not member.is_dir()]
    if len(names) != 1:
        raise FileRefused("unsupported_format_zip", f"{path.name} holds {len(names)} files; unpack it first")
    return names[0]


@contextmanager
def unpacking() -> Iterator[None]:
    """Turns what unpacking raises into the refusal of a cut file."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile) as error:
        raise FileRefused("truncated_file", f"the packed file is cut or damaged: {error}") from error
    except NotImplementedError as error:  # Deflate64, which Windows writes for large archives
        raise FileRefused("unsupported_compression", str(error)) from error


def open_file(path: Path, member: str | None = None) -> BinaryIO:
    """The unpacked bytes of a file or of its archive's member; closing them closes the file."""
    if member is not None:
        with archive_of(path) as archive:
            return cast("BinaryIO", archive.open(member))
    stream = path.open("rb")
    packed = stream.read(2) == GZIP_MAGIC
    stream.seek(0)
    if not packed:
        return stream
    stream.close()
    return cast("BinaryIO", io.BufferedReader(gzip.GzipFile(path), BLOCK_BYTES))


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
