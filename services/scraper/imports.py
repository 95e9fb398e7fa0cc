"""Files of public data into the database, for `ridgeline import storms|permits`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.scraper.chunks import Chunk, LineOf, begin_reading, chunk_after
from services.scraper.domain.lines import permit_line, storm_line
from services.scraper.domain.person_fields import laws_at_entry
from services.scraper.formats import accela
from services.scraper.formats.field_map import PermitSource
from services.scraper.formats.files import PublicFile, inspect
from services.scraper.formats.permits import lawful_permits, read_json
from services.scraper.formats.storms import parse_storms
from services.scraper.ingest import IngestReport, NextChunk, ingest_permits, ingest_storms
from services.scraper.repository import CityRepository, Packed, RawRecordRepository
from shared.db.unit_of_work import UnitOfWorkFactory
from shared.errors import InvalidInput
from shared.files import FileRefused
from shared.processes import WorkProcesses

RAW_SOURCE = "file"
# A file of this size is worth a process that parses it while this one and the database store what was parsed.
READ_APART_BYTES = 8 << 20

Addresses = Mapping[str, Sequence[Mapping[str, Any]]]


class UnknownPermitSource(InvalidInput):
    """The city has no configured permit source of that key."""

    code, title = "unknown-permit-source", "Unknown permit source"


async def import_storms(
    paths: Sequence[Path], unit_of_work: UnitOfWorkFactory, *, report_day: date | None = None
) -> IngestReport:
    """Store the storms of files of the weather services, known by their content.

    One transaction a file, so a broken one leaves nothing behind.

    `report_day` dates the SPC files whose name carries no date.
    """
    total, parse = IngestReport(), partial(parse_storms, report_day=report_day, today=today())
    for path in paths:
        file = await asyncio.to_thread(_inspected, Path(path))
        total += await _import_file(file, STORMS, unit_of_work, parse)
    return total


async def import_permits(
    paths: Sequence[Path],
    unit_of_work: UnitOfWorkFactory,
    *,
    city: str | None = None,
    source: str | None = None,
    jurisdiction: str | None = None,
) -> IngestReport:
    """Store the permits of files recognised by their content, or read by a city's configured source.

    `city` is "Chicago, IL" and `source` the key of one of its permit sources; `jurisdiction`, "Southlake, TX", made
    the exports of a software that many cities use. Accela answers of one call belong
    together: an addresses answer completes the records beside it.
    """
    found = await _permit_source(unit_of_work, city, source)
    place = city_and_state(jurisdiction) if jurisdiction else None
    files = [await asyncio.to_thread(_inspected, Path(path)) for path in paths]
    addresses = await asyncio.to_thread(_accela_addresses, files)
    async with unit_of_work() as uow:
        rules = await CityRepository(uow.session).person_rules(laws_at_entry())
    parse = partial(
        lawful_permits,
        rules=rules,
        today=today(),
        source=found,
        jurisdiction=place,
        addresses=addresses,
    )
    total = IngestReport()
    for file in files:
        total += await _import_file(file, PERMITS, unit_of_work, parse)
    return total


async def _ingest_storms(session: AsyncSession, rows: Any, raw_id: int) -> IngestReport:  # noqa: ARG001
    return await ingest_storms(session, rows)


async def _ingest_permits(session: AsyncSession, rows: Any, raw_id: int) -> IngestReport:
    return await ingest_permits(session, rows, raw_record_id=raw_id)


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a file holds, the line of a row of it, and how its rows are stored."""

    name: str
    line_of: LineOf
    ingest: Callable[[AsyncSession, Any, int], Awaitable[IngestReport]]


STORMS = _Kind("storms", storm_line, _ingest_storms)
PERMITS = _Kind("permits", permit_line, _ingest_permits)


async def _permit_source(
    unit_of_work: UnitOfWorkFactory, city: str | None, source: str | None
) -> PermitSource | None:
    if source is None:
        return None
    name, state = city_and_state(city or "")
    async with unit_of_work() as uow:
        found = await CityRepository(uow.session).permit_source(name, state, source)
    if found is None:
        raise UnknownPermitSource(
            f"{city or 'no city'} has no permit source {source}", city=city, source=source
        )
    return found


def city_and_state(place: str) -> tuple[str, str]:
    """Name and state of "Austin, TX"."""
    name, _, state = place.rpartition(",")
    return name.strip(), state.strip().upper()


def _inspected(path: Path) -> PublicFile | IngestReport:
    """The file, or the report of one that cannot be read at all."""
    try:
        return inspect(path)
    except FileRefused as refusal:
        return _refused(path.name, refusal)


def _refused(name: str, refusal: FileRefused) -> IngestReport:
    return IngestReport.refused(refusal.reason, f"{name}: {refusal.detail}")


async def _import_file(
    file: PublicFile | IngestReport,
    kind: _Kind,
    unit_of_work: UnitOfWorkFactory,
    parse: Callable[[PublicFile], Iterator[Any]],
) -> IngestReport:
    """The report of one file: all of its rows or, with the reason, none of them."""
    if isinstance(file, IngestReport):
        return file
    try:
        if file.size_bytes < READ_APART_BYTES:
            rows = await asyncio.to_thread(parse, file)
            return await _store(file, kind, unit_of_work, rows)
        with WorkProcesses(1, prepare=begin_reading, given=(partial(parse, file), kind.line_of)) as reader:
            return await _store(file, kind, unit_of_work, _started(reader))
    except FileRefused as refusal:
        return _refused(file.name, refusal)


def _started(reader: WorkProcesses) -> NextChunk:
    """What the process reads; it begins at once, while the file itself is being kept."""
    first = asyncio.ensure_future(reader.run(chunk_after, 0))

    async def next_chunk(taken: int) -> Chunk:
        return await (reader.run(chunk_after, taken) if taken else first)

    return next_chunk


async def _store(file: PublicFile, kind: _Kind, unit_of_work: UnitOfWorkFactory, rows: Any) -> IngestReport:
    async with unit_of_work() as uow:
        raw_id = await _keep_raw(RawRecordRepository(uow.session), file, kind.name)
        return await kind.ingest(uow.session, rows, raw_id)


async def _keep_raw(raw: RawRecordRepository, file: PublicFile, kind: str) -> int:
    """Id of the record of a file's bytes, stored in parts unless it already is."""
    known = await raw.find(RAW_SOURCE, file.sha256)
    if known is not None:
        return known
    with file.path.open("rb") as stream:
        parts = Packed.parts_as_they_are(stream) if file.compressed else Packed.parts(stream)
        first = await asyncio.to_thread(next, parts)
        record = await raw.keep(
            RAW_SOURCE, kind, name=file.name, packed=first, size_bytes=file.size_bytes, sha256=file.sha256
        )
        number = 0
        while (part := await asyncio.to_thread(next, parts, None)) is not None:
            number += 1
            await raw.keep_further(record, number, part.payload)
    return record


def _accela_addresses(files: Sequence[PublicFile | IngestReport]) -> Addresses:
    """Record id -> addresses out of every Accela answer among the files."""
    documents = []
    for file in files:
        if isinstance(file, IngestReport):
            continue
        try:
            if file.head.lstrip().startswith("{") and '"streetName"' in file.head:
                documents.append(read_json(file))
        except FileRefused:
            continue  # reported when its turn comes
    return accela.addresses_by_record([document for document in documents if accela.is_answer(document)])


def today() -> date:
    """The day by which a row's dates are judged."""
    return datetime.now(UTC).date()
