"""Rows of any length into the database: parsed ahead in a thread, copied in chunks, upserted once, counted."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from services.scraper.domain.rows import PermitRow, Rejected, StormRow
from services.scraper.repository import PermitRepository, StormRepository, Upserted
from services.scraper.repository.permits import permit_line
from services.scraper.repository.storms import storm_line

CHUNK_ROWS = 10_000
Row = TypeVar("Row", PermitRow, StormRow)


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What became of every row that was read; `read = stored + updated + duplicate + rejected`.

    `notes` tell the operator in words why a file was refused; they are not part of the JSON line.
    """

    read: int = 0
    stored: int = 0
    updated: int = 0
    duplicate: int = 0
    rejected: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __add__(self, other: IngestReport) -> IngestReport:
        return IngestReport(
            self.read + other.read,
            self.stored + other.stored,
            self.updated + other.updated,
            self.duplicate + other.duplicate,
            self.rejected + other.rejected,
            dict(sorted((Counter(self.reasons) + Counter(other.reasons)).items())),
            (*self.notes, *other.notes),
        )

    @classmethod
    def refused(cls, reason: str, note: str) -> IngestReport:
        """The report of a file that was refused as a whole; its rows cannot be counted, so it counts as one."""
        return cls(read=1, rejected=1, reasons={reason: 1}, notes=(note,))

    def adds_up(self) -> bool:
        """True when no row is unaccounted for."""
        parts = self.stored + self.updated + self.duplicate + self.rejected
        return self.read == parts and self.rejected == sum(self.reasons.values())

    def as_json(self) -> dict[str, Any]:
        """The importers' JSON line (ARCHITECTURE 7)."""
        return {
            "read": self.read,
            "stored": self.stored,
            "updated": self.updated,
            "duplicate": self.duplicate,
            "rejected": self.rejected,
            "reasons": self.reasons,
        }


@dataclass(slots=True)
class _Chunk:
    lines: list[str] = field(default_factory=list)
    read: int = 0
    reasons: Counter[str] = field(default_factory=Counter)


class _Load(Protocol):
    async def begin_load(self) -> None: ...

    async def stage(self, lines: Sequence[str]) -> None: ...

    async def finish_load(self, raw_record_id: int | None) -> Upserted: ...


async def ingest_permits(
    session: AsyncSession, rows: Iterable[PermitRow | Rejected], *, raw_record_id: int | None = None
) -> IngestReport:
    """Store permits inside the caller's transaction; an iterator is read in a thread while earlier rows are copied."""
    return await _ingest(PermitRepository(session), rows, permit_line, raw_record_id)


async def ingest_storms(
    session: AsyncSession, rows: Iterable[StormRow | Rejected], *, raw_record_id: int | None = None
) -> IngestReport:
    """Store storms inside the caller's transaction; an iterator is read in a thread while earlier rows are copied."""
    return await _ingest(StormRepository(session), rows, storm_line, raw_record_id)


async def _ingest(
    load: _Load, rows: Iterable[Row | Rejected], line_of: Callable[[int, Row], str], raw_record_id: int | None
) -> IngestReport:
    read, reasons = 0, Counter[str]()
    source = iter(rows)
    await load.begin_load()
    parsing = asyncio.create_task(asyncio.to_thread(_next_chunk, source, line_of, read))
    try:
        while (chunk := await parsing).read:
            read += chunk.read
            reasons += chunk.reasons
            parsing = asyncio.create_task(asyncio.to_thread(_next_chunk, source, line_of, read))
            await load.stage(chunk.lines)
    finally:
        # The thread cannot be interrupted; leaving it behind would have two readers on one file.
        await asyncio.gather(parsing, return_exceptions=True)
    done = await load.finish_load(raw_record_id)
    return IngestReport(
        read, done.stored, done.updated, done.duplicate, reasons.total(), dict(sorted(reasons.items()))
    )


def _next_chunk(rows: Iterator[Row | Rejected], line_of: Callable[[int, Row], str], ordinal: int) -> _Chunk:
    """Up to CHUNK_ROWS more rows, already in COPY's form."""
    chunk = _Chunk()
    for row in islice(rows, CHUNK_ROWS):
        chunk.read += 1
        if isinstance(row, Rejected):
            chunk.reasons[row.reason] += 1
        else:
            chunk.lines.append(line_of(ordinal + chunk.read, row))
    return chunk
