"""Rows of a source in chunks of COPY's lines, made in a thread or in a process of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from services.scraper.domain.lines import copy_text
from services.scraper.domain.rows import Rejected, Remark, StatusChange

# Rows copied and upserted at a time. Of two rows with one key in a chunk the last wins and the other is a duplicate;
# further apart they are an update each. Larger chunks take no less time a row and leave the database more to do at the end.
CHUNK_ROWS = 5_000
LineOf = Callable[[int, Any], str]
Read = Callable[[], Iterable[Any]]


@dataclass(slots=True)
class Chunk:
    """What came out of `taken` items of a source; `read` of them were rows to be stored or refused."""

    taken: int = 0
    read: int = 0
    text: bytes = b""
    """Its lines, as COPY takes them."""
    reasons: Counter[str] = field(default_factory=Counter)
    remarks: list[str] = field(default_factory=list)
    changes: list[StatusChange] = field(default_factory=list)


def next_chunk(rows: Iterator[Any], line_of: LineOf, taken: int) -> Chunk:
    """Up to CHUNK_ROWS more rows behind those taken before, already in COPY's form; an empty chunk is the end."""
    chunk, lines = Chunk(), []
    for row in islice(rows, CHUNK_ROWS):
        chunk.taken += 1
        if isinstance(row, Remark):
            chunk.remarks.append(row.text)
        elif isinstance(row, StatusChange):
            chunk.changes.append(row)
        elif isinstance(row, Rejected):
            chunk.reasons[row.reason] += 1
        else:
            lines.append(line_of(taken + chunk.taken, row))
    chunk.read = len(lines) + chunk.reasons.total()
    chunk.text = copy_text(lines)
    return chunk


class _Reading:
    """A source as far as it was read in this process."""

    def __init__(self, read: Read, line_of: LineOf) -> None:
        self._read, self._line_of, self._taken = read, line_of, 0
        self._rows: Iterator[Any] | None = None

    def after(self, taken: int) -> Chunk:
        """The next chunk; a process that stands in for one that died first comes to where that one was."""
        if self._rows is None:
            self._rows = iter(self._read())
        for _ in islice(self._rows, taken - self._taken):
            pass
        chunk = next_chunk(self._rows, self._line_of, taken)
        self._taken = taken + chunk.taken
        return chunk


_readings: list[_Reading] = []


def begin_reading(read: Read, line_of: LineOf) -> None:
    """Make this process the reader of one source."""
    _readings[:] = [_Reading(read, line_of)]


def chunk_after(taken: int) -> Chunk:
    """The next chunk of the source that this process reads."""
    return _readings[0].after(taken)
