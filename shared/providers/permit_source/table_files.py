"""Tables in published files (CSV, packed CSV, XLSX, ZIP): read row by row, or refused with a named reason."""

from __future__ import annotations

import codecs
import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from fnmatch import fnmatch
from itertools import chain
from typing import Any, BinaryIO, Final, cast

from shared.files import (
    BLOCK_BYTES,
    ZIP_MAGIC,
    FileRefused,
    FirstReading,
    archive_of,
    csv_cells,
    open_unpacked,
    unpacking,
)

LARGEST_TABLE_BYTES: Final = 1_000_000_000
"""Of text once unpacked; it is streamed."""
LARGEST_WORKBOOK_BYTES: Final = 64_000_000
"""Of a workbook once unpacked; its reader holds it in memory."""
EXTRA_CELLS: Final = "_extra"
"""Column of cells beyond the header: a comma that nobody quoted shifted this row."""
_DATA_SUFFIXES: Final = (".csv", ".txt", ".tsv", ".xlsx")
_DELIMITERS: Final = (",", "\t", ";", "|")
_NO_TABLES: Final = (
    (b"<", "html"),
    (b"{", "json"),
    (b"[", "json"),
    (b"%PDF", "pdf"),
    (b"\xd0\xcf\x11\xe0", "xls"),
)

Cells = Sequence[Any]


@dataclass(frozen=True, slots=True)
class TableFile:
    """A file that was read once from end to end: whole, unpackable, with its version."""

    content: BinaryIO
    version: str
    member: str | None
    sheet: str | None
    is_workbook: bool
    encoding: str = "utf-8-sig"
    ends_with_newline: bool = True

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows behind the header by column name, blank ones left out."""
        cells = self._cells()
        header = _header(cells)
        names = [(at, name) for at, name in header.items() if name]
        width = max(header) + 1
        last: Cells | None = None
        for row in cells:
            if not any(_filled(cell) for cell in row):
                continue
            last = row
            columns = {name: row[at] if at < len(row) else None for at, name in names}
            extra = [cell for cell in row[width:] if _filled(cell)]
            yield columns | ({EXTRA_CELLS: extra} if extra else {})
        if last is not None and not self.ends_with_newline and 1 < len(last) < width:
            raise FileRefused("cut_off", f"the last line ends after {len(last)} of {width} cells")

    def columns(self) -> tuple[str, ...]:
        """The names in the header, in their order."""
        return tuple(name for name in _header(self._cells()).values() if name)

    def _cells(self) -> Iterator[Cells]:
        if self.is_workbook:
            return _workbook_cells(self.content, self.member, self.sheet)
        return _csv_cells(self.content, self.member, self.encoding)


def inspect(content: BinaryIO, *, member: str | None = None, sheet: str | None = None) -> TableFile:
    """Read a file through once, so that a cut, packed-up or foreign one is refused before a row of it is stored."""
    version = _digest(content)
    content.seek(0)
    magic = content.read(4)
    if not magic:
        raise FileRefused("empty_file", "the file is empty")
    chosen = None
    if magic == ZIP_MAGIC:
        chosen = _member_of(content, member)
        if chosen is None or chosen.lower().endswith(".xlsx"):
            _check_archive(content)
            return TableFile(content, version, chosen, sheet, is_workbook=True)
    encoding, ends = _read_through(content, chosen)
    return TableFile(
        content, version, chosen, sheet, is_workbook=False, encoding=encoding, ends_with_newline=ends
    )


def _digest(content: BinaryIO) -> str:
    content.seek(0)
    digest = hashlib.sha256()
    while block := content.read(BLOCK_BYTES):
        digest.update(block)
    return digest.hexdigest()[:16]


def _member_of(content: BinaryIO, wanted: str | None) -> str | None:
    """The table in an archive; None where the archive itself is a workbook."""
    with archive_of(content) as archive:
        names = archive.namelist()
    if "xl/workbook.xml" in names:
        return None
    pattern = wanted or "*"
    found = [n for n in names if n.lower().endswith(_DATA_SUFFIXES) and fnmatch(n, pattern)]
    if len(found) != 1:
        reason = "several_tables" if found else "no_table"
        raise FileRefused(reason, f"the archive holds {', '.join(names)[:200]}: name one with `member`")
    return found[0]


def _check_archive(content: BinaryIO) -> None:
    """Unpack everything once: sizes in a directory may lie, and a workbook's reader would believe them."""
    with archive_of(content) as archive:
        size = 0
        for info in archive.infolist():
            with unpacking(), archive.open(info) as stream:
                while block := stream.read(BLOCK_BYTES):
                    size += len(block)
                    if size > LARGEST_WORKBOOK_BYTES:
                        raise FileRefused("zip_bomb", f"unpacks to more than {LARGEST_WORKBOOK_BYTES} bytes")


def _read_through(content: BinaryIO, member: str | None) -> tuple[str, bool]:
    """The encoding that fits every byte and whether the last line is ended."""
    reading = FirstReading(LARGEST_TABLE_BYTES)
    with unpacking(), open_unpacked(content, member) as stream:
        for block in reading.blocks(stream):
            if reading.size == len(block):
                _refuse_no_table(block)
    reading.refuse_long_lines()
    return reading.encoding, reading.last in (b"\n", b"\r", b"\x00")


def _refuse_no_table(head: bytes) -> None:
    text = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if not text:
        raise FileRefused("empty_file", "the file holds no text")
    for start, kind in _NO_TABLES:
        if text.startswith(start):
            raise FileRefused(kind, f"a table was promised, {kind.upper()} came")


def _csv_cells(content: BinaryIO, member: str | None, encoding: str) -> Iterator[Cells]:
    with unpacking(), open_unpacked(content, member) as stream:
        text = io.TextIOWrapper(stream, encoding=encoding, newline="")
        head = text.read(4096)
        yield from csv_cells(chain(_lines(head, text), text), _delimiter(head))


def _lines(head: str, text: io.TextIOWrapper) -> Iterator[str]:
    """The lines of what was read ahead, the last one completed."""
    yield from io.StringIO(head + text.readline(), newline="")


def _delimiter(head: str) -> str:
    """The delimiter that cuts the first lines into most cells."""
    lines = head.splitlines()[:20]
    return max(_DELIMITERS, key=lambda sign: max((line.count(sign) for line in lines), default=0))


def _workbook_cells(content: BinaryIO, member: str | None, sheet: str | None) -> Iterator[Cells]:
    import python_calamine

    if member is not None:
        with unpacking(), archive_of(content).open(member) as stream:
            content = cast("BinaryIO", io.BytesIO(stream.read()))
        _check_archive(content)
    content.seek(0)
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(content)
        if sheet is not None and sheet not in book.sheet_names:
            raise FileRefused("no_sheet", f"the workbook has the sheets {', '.join(book.sheet_names)[:200]}")
        found = book.get_sheet_by_name(sheet) if sheet else book.get_sheet_by_index(0)
        for row in found.iter_rows():
            yield [_plain(cell) for cell in row]
    except python_calamine.CalamineError as error:
        raise FileRefused("broken_workbook", str(error)[:200]) from error


def _plain(cell: Any) -> Any:
    """A workbook's cell as JSON can hold it; 78724.0 is the ZIP 78724."""
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return str(cell)
    if isinstance(cell, float) and cell.is_integer():
        return int(cell)
    return cell


def _header(cells: Iterator[Cells]) -> dict[int, str]:
    """Position and name of each column; a title above the header has one filled cell and is passed over.

    Blank cells are spacers; of two columns with one name the first counts.
    """
    for row in cells:
        named = [" ".join(str(cell).split()) if cell is not None else "" for cell in row]
        if sum(1 for name in named if name) > 1:
            first = {name: at for at, name in reversed(list(enumerate(named)))}
            return {at: name if first[name] == at else "" for at, name in enumerate(named)}
    raise FileRefused("no_header", "no line names two columns")


def _filled(cell: Any) -> bool:
    return cell is not None and str(cell).strip() != ""
