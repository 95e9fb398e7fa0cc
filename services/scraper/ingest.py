"""Rows of any length into the database: parsed ahead, copied and upserted in chunks, counted."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.scraper import chunks
from services.scraper.chunks import Chunk, LineOf
from services.scraper.domain.lines import permit_line, storm_line
from services.scraper.domain.rows import ParcelRow, PermitRow, Rejected, Remark, StatusChange, StormRow
from services.scraper.repository import (
    CountyOfRows,
    ParcelRepository,
    PermitRepository,
    StormRepository,
    Upserted,
)
from shared.security.fields import KeyRing

NextChunk = Callable[[int], Awaitable[Chunk]]
"""The rows behind so many that were taken before; a chunk of none is the end."""


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


class _Load(Protocol):
    async def begin_load(self) -> None: ...

    async def stage(self, rows: bytes) -> None: ...

    async def finish_load(self) -> Upserted: ...


async def ingest_permits(
    session: AsyncSession,
    rows: Iterable[PermitRow | Rejected | StatusChange] | NextChunk,
    *,
    raw_record_id: int | None = None,
    county: CountyOfRows | None = None,
    read_method: str | None = None,
) -> IngestReport:
    """Store permits inside the caller's transaction: rows, or what gives their chunks as somebody else reads them.

    Status changes come last, as they may be of permits among the rows; those of permits that nobody knows are rejected.
    """
    permits = PermitRepository(session, raw_record_id=raw_record_id, county=county, read_method=read_method)
    changes: list[StatusChange] = []
    report = await _ingest(permits, _chunks_of(rows, permit_line), changes)
    if not changes:
        return report
    updated, known = await permits.apply(changes)
    unknown = len(changes) - known
    reasons = {"status_change_only": unknown} if unknown else {}
    return report + IngestReport(len(changes), 0, updated, known - updated, unknown, reasons)


async def ingest_storms(
    session: AsyncSession, rows: Iterable[StormRow | Rejected | Remark] | NextChunk
) -> IngestReport:
    """Store storms inside the caller's transaction: rows, or what gives their chunks as somebody else reads them."""
    return await _ingest(StormRepository(session), _chunks_of(rows, storm_line), [])


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


def _chunks_of(rows: Iterable[Any] | NextChunk, line_of: LineOf) -> NextChunk:
    """Rows are parsed in a thread while earlier ones are copied."""
    if callable(rows):
        return rows
    remaining = iter(rows)

    async def next_chunk(taken: int) -> Chunk:
        return await asyncio.to_thread(chunks.next_chunk, remaining, line_of, taken)

    return next_chunk


async def _ingest(load: _Load, next_chunk: NextChunk, changes: list[StatusChange]) -> IngestReport:
    """One chunk is read while the database works on the one before it."""
    report, taken = IngestReport(), 0
    ahead = asyncio.ensure_future(next_chunk(taken))
    try:
        while (chunk := await ahead).taken:
            taken += chunk.taken
            ahead = asyncio.ensure_future(next_chunk(taken))
            changes += chunk.changes
            report += await _store(load, chunk)
        return report
    finally:
        ahead.cancel()
        await asyncio.gather(ahead, return_exceptions=True)


async def _store(load: _Load, chunk: Chunk) -> IngestReport:
    done = Upserted(0, 0, 0)
    if chunk.text:
        await load.begin_load()
        await load.stage(chunk.text)
        done = await load.finish_load()
    return IngestReport(
        chunk.read,
        done.stored,
        done.updated,
        done.duplicate,
        chunk.reasons.total(),
        dict(sorted(chunk.reasons.items())),
        remarks=tuple(chunk.remarks),
    )
