"""Rows of any length into the database: parsed ahead in a thread, copied and upserted in chunks, counted."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.scraper.domain.rows import ParcelRow, PermitRow, Rejected, Remark, StatusChange, StormRow
from services.scraper.repository import (
    CountyOfRows,
    ParcelRepository,
    PermitRepository,
    StormRepository,
    Upserted,
)
from services.scraper.repository.permits import permit_line
from services.scraper.repository.storms import storm_line
from shared.security.fields import KeyRing

# Rows copied and upserted at a time. Of two rows with one key in a chunk the last wins and the other is a duplicate;
# further apart they are an update each. Larger chunks take no less time a row and leave the database more to do at the end.
CHUNK_ROWS = 5_000
CHUNKS_AHEAD = 1
Row = TypeVar("Row", PermitRow, StormRow)


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What became of every row that was read; `read = stored + updated + duplicate + rejected`.

    `notes` tell the operator in words why a file was refused, `remarks` what to know of one that was not; neither is part
    of the JSON line.
    """

    read: int = 0
    stored: int = 0
    updated: int = 0
    duplicate: int = 0
    rejected: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    def __add__(self, other: IngestReport) -> IngestReport:
        return IngestReport(
            self.read + other.read,
            self.stored + other.stored,
            self.updated + other.updated,
            self.duplicate + other.duplicate,
            self.rejected + other.rejected,
            dict(sorted((Counter(self.reasons) + Counter(other.reasons)).items())),
            (*self.notes, *other.notes),
            (*self.remarks, *other.remarks),
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
    remarks: list[str] = field(default_factory=list)


class _Load(Protocol):
    async def begin_load(self) -> None: ...

    async def stage(self, lines: Sequence[str]) -> None: ...

    async def finish_load(self) -> Upserted: ...


async def ingest_permits(
    session: AsyncSession,
    rows: Iterable[PermitRow | Rejected | StatusChange],
    *,
    raw_record_id: int | None = None,
    county: CountyOfRows | None = None,
    read_method: str | None = None,
) -> IngestReport:
    """Store permits inside the caller's transaction; an iterator is read in a thread while earlier rows are copied.

    Status changes come last, as they may be of permits among the rows; those of permits that nobody knows are rejected.
    """
    permits = PermitRepository(session, raw_record_id=raw_record_id, county=county, read_method=read_method)
    changes: list[StatusChange] = []
    report = await _ingest(permits, _setting_aside(rows, changes), permit_line)
    if not changes:
        return report
    updated, known = await permits.apply(changes)
    unknown = len(changes) - known
    reasons = {"status_change_only": unknown} if unknown else {}
    return report + IngestReport(len(changes), 0, updated, known - updated, unknown, reasons)


def _setting_aside(
    rows: Iterable[PermitRow | Rejected | StatusChange], changes: list[StatusChange]
) -> Iterator[PermitRow | Rejected]:
    for row in rows:
        if isinstance(row, StatusChange):
            changes.append(row)
        else:
            yield row


async def ingest_storms(session: AsyncSession, rows: Iterable[StormRow | Rejected | Remark]) -> IngestReport:
    """Store storms inside the caller's transaction; an iterator is read in a thread while earlier rows are copied."""
    return await _ingest(StormRepository(session), rows, storm_line)


async def ingest_parcels(
    session: AsyncSession,
    batches: AsyncIterator[Sequence[ParcelRow | Rejected]],
    city_id: UUID,
    keys: KeyRing,
) -> IngestReport:
    """Store a file's parcels inside the caller's transaction; of several rows on one lot the first counts."""
    load, report = ParcelRepository(session), IngestReport()
    await load.begin_file()
    async for batch in batches:
        reasons = Counter(row.reason for row in batch if isinstance(row, Rejected))
        rows = [row for row in batch if isinstance(row, ParcelRow)]
        fresh = await load.not_loaded(rows)
        done = await load.upsert(city_id, fresh, keys)
        duplicate = done.duplicate + len(rows) - len(fresh)
        report += IngestReport(
            len(batch), done.stored, done.updated, duplicate, reasons.total(), dict(sorted(reasons.items()))
        )
    return report


async def _ingest(
    load: _Load, rows: Iterable[Row | Rejected | Remark], line_of: Callable[[int, Row], str]
) -> IngestReport:
    chunks: asyncio.Queue[_Chunk | None] = asyncio.Queue(CHUNKS_AHEAD)
    reader = asyncio.create_task(_read_ahead(iter(rows), line_of, chunks))
    try:
        report = await _store_chunks(load, chunks)
        await reader
        return report
    finally:
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)


async def _read_ahead(
    rows: Iterator[Row | Rejected | Remark],
    line_of: Callable[[int, Row], str],
    chunks: asyncio.Queue[_Chunk | None],
) -> None:
    """Parse in a thread while the database works on earlier chunks; None marks the end, also after an error."""
    read = 0
    try:
        while (chunk := await asyncio.to_thread(_next_chunk, rows, line_of, read)).read or chunk.remarks:
            read += chunk.read
            await chunks.put(chunk)
    finally:
        await chunks.put(None)


async def _store_chunks(load: _Load, chunks: asyncio.Queue[_Chunk | None]) -> IngestReport:
    report = IngestReport()
    while (chunk := await chunks.get()) is not None:
        report += IngestReport(
            chunk.read,
            rejected=chunk.reasons.total(),
            reasons=dict(sorted(chunk.reasons.items())),
            remarks=tuple(chunk.remarks),
        )
        if chunk.lines:
            await load.begin_load()
            await load.stage(chunk.lines)
            done = await load.finish_load()
            report += IngestReport(0, done.stored, done.updated, done.duplicate)
    return report


def _next_chunk(
    rows: Iterator[Row | Rejected | Remark], line_of: Callable[[int, Row], str], ordinal: int
) -> _Chunk:
    """Up to CHUNK_ROWS more rows, already in COPY's form."""
    chunk = _Chunk()
    for row in islice(rows, CHUNK_ROWS):
        if isinstance(row, Remark):
            chunk.remarks.append(row.text)
            continue
        chunk.read += 1
        if isinstance(row, Rejected):
            chunk.reasons[row.reason] += 1
        else:
            chunk.lines.append(line_of(ordinal + chunk.read, row))
    return chunk
