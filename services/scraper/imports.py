"""Files of public data into the database, for `ridgeline import storms|permits|parcels`."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, date, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from services.scraper.domain.person_fields import PersonRules, laws_at_entry, stripped_fields
from services.scraper.domain.rows import ParcelRow
from services.scraper.domain.source_check import far_away
from services.scraper.formats import accela
from services.scraper.formats.field_map import PermitSource
from services.scraper.formats.files import PublicFile, inspect
from services.scraper.formats.parcel_map import ParcelSource
from services.scraper.formats.parcels import Parsed, reader_of
from services.scraper.formats.permits import parse_permits, read_json
from services.scraper.formats.storms import parse_storms
from services.scraper.ingest import IngestReport, ingest_parcels, ingest_permits, ingest_storms
from services.scraper.repository import CityRepository, Packed, RawRecordRepository
from shared.db.unit_of_work import UnitOfWorkFactory
from shared.errors import InvalidInput
from shared.files import FileRefused
from shared.providers.parcel_source.layers import open_layer_at
from shared.security.fields import KeyRing

RAW_SOURCE = "file"
PARCEL_ROWS = 5_000
"""Rows read, sealed and stored together."""

Ingest = Callable[[AsyncSession, Iterator[Any], int], Awaitable[IngestReport]]
Addresses = Mapping[str, Sequence[Mapping[str, Any]]]


class UnknownPermitSource(InvalidInput):
    """The city has no configured permit source of that key."""

    code, title = "unknown-permit-source", "Unknown permit source"


class UnknownCity(InvalidInput):
    """Parcels belong to a target city, and this is none."""

    code, title = "unknown-city", "Unknown city"


class UnknownParcelSource(InvalidInput):
    """The city has no configured parcel source of that key."""

    code, title = "unknown-parcel-source", "Unknown parcel source"


async def import_storms(
    paths: Sequence[Path], unit_of_work: UnitOfWorkFactory, *, report_day: date | None = None
) -> IngestReport:
    """Store the storms of files of the weather services, known by their content.

    One transaction a file, so a broken one leaves nothing behind.

    `report_day` dates the SPC files whose name carries no date.
    """
    total, parse = IngestReport(), partial(parse_storms, report_day=report_day, today=_today())
    for path in paths:
        file = await asyncio.to_thread(_inspected, Path(path))
        total += await _import_file(file, "storms", unit_of_work, parse, _ingest_storms)
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
    place = _city_and_state(jurisdiction) if jurisdiction else None
    files = [await asyncio.to_thread(_inspected, Path(path)) for path in paths]
    addresses = await asyncio.to_thread(_accela_addresses, files)
    async with unit_of_work() as uow:
        rules = await CityRepository(uow.session).person_rules(laws_at_entry())

    def parse(file: PublicFile) -> Iterator[Any]:
        rows = parse_permits(file, today=_today(), source=found, jurisdiction=place, addresses=addresses)
        return rules.strip(rows, stripped_fields("permits"))

    total = IngestReport()
    for file in files:
        total += await _import_file(file, "permits", unit_of_work, parse, _ingest_permits)
    return total


async def import_parcels(
    paths: Sequence[Path],
    unit_of_work: UnitOfWorkFactory,
    keys: KeyRing,
    *,
    jurisdiction: str | None = None,
    source: str | None = None,
) -> IngestReport:
    """Store the parcels of files recognised by their content, or read by a city's configured source.

    `jurisdiction` is the target city they belong to, "Oakland, CA"; a publisher of one city needs it only where that
    city is no target. Owners and their addresses are sealed, and left out where a law is against them.
    """
    async with unit_of_work() as uow:
        cities = CityRepository(uow.session)
        city = await _city(cities, jurisdiction) if jurisdiction else None
        rules = await cities.person_rules(laws_at_entry())
    configured = _configured(city, source) if source else None
    total = IngestReport()
    for path in paths:
        try:
            with ExitStack() as held:
                layer = await asyncio.to_thread(held.enter_context, open_layer_at(path))
                reader = reader_of(layer, place=_place_of(city), source=configured)
                async with unit_of_work() as uow:
                    home = city or await _home(CityRepository(uow.session), reader.source)
                    rows = reader.read(layer, _today())
                    kept = _kept_batches(uow.session, rows, f"{path.name} {layer.version}")
                    cleared = (_cleared(batch, home, rules) async for batch in kept)
                    total += await ingest_parcels(uow.session, cleared, home.id, keys)
        except FileRefused as refusal:
            total += IngestReport.refused(refusal.reason, f"{path.name}: {refusal.detail}")
    return total


def _cleared(batch: Sequence[Any], home: Row[Any], rules: PersonRules) -> list[Any]:
    """The batch without the persons that a law keeps out; refused where it lies in another part of the country."""
    center = (home.lat, home.lng) if home.lat is not None else None
    far = far_away([row for row in batch if isinstance(row, ParcelRow)], center)
    if far is not None:
        raise FileRefused("coordinates_elsewhere", far)
    return list(rules.strip(batch, stripped_fields("parcels")))


async def _city(cities: CityRepository, place: str) -> Row[Any]:
    found = await cities.by_name(*_city_and_state(place))
    if found is None:
        raise UnknownCity(f"{place} is not a target city", city=place)
    return found


async def _home(cities: CityRepository, source: ParcelSource) -> Row[Any]:
    """The target city of a publisher that is known by its columns."""
    found = await cities.by_name(source.city, source.state)
    if found is None:
        raise FileRefused(
            "jurisdiction_unknown",
            f"{source.key} is of {source.city}, {source.state}, which is not a target city; name one with --jurisdiction",
        )
    return found


def _place_of(city: Row[Any] | None) -> ParcelSource | None:
    if city is None:
        return None
    return ParcelSource.from_config(
        "", {}, city=city.city, state=city.state, county=city.county or "", time_zone=city.time_zone
    )


def _configured(city: Row[Any] | None, key: str) -> ParcelSource:
    """The city's own field map of that key."""
    entries = ((city.sources or {}).get("parcel_sources") or ()) if city is not None else ()
    entry = next((entry for entry in entries if entry.get("key") == key and entry.get("field_map")), None)
    if city is None or entry is None:
        raise UnknownParcelSource(
            f"{city.city if city else 'no city'} has no parcel source {key}", source=key
        )
    return ParcelSource.from_config(
        key, entry, city=city.city, state=city.state, county=city.county or "", time_zone=city.time_zone
    )


async def _kept_batches(session: AsyncSession, rows: Iterator[Parsed], name: str) -> AsyncIterator[list[Any]]:
    """The parcels, read in a thread by the batch; the rows as published are kept without their persons."""
    raw = RawRecordRepository(session)
    while batch := await asyncio.to_thread(lambda: list(islice(rows, PARCEL_ROWS))):
        body = await asyncio.to_thread(lambda: orjson.dumps([row.raw for row in batch], default=str))
        await raw.keep(
            RAW_SOURCE,
            "parcels",
            name=name,
            packed=await asyncio.to_thread(Packed.whole, body),
            size_bytes=len(body),
            sha256=hashlib.sha256(body).hexdigest(),
            row_count=len(batch),
        )
        yield [row.parcel for row in batch]


async def _ingest_storms(session: AsyncSession, rows: Iterator[Any], raw_id: int) -> IngestReport:  # noqa: ARG001
    return await ingest_storms(session, rows)


async def _ingest_permits(session: AsyncSession, rows: Iterator[Any], raw_id: int) -> IngestReport:
    return await ingest_permits(session, rows, raw_record_id=raw_id)


async def _permit_source(
    unit_of_work: UnitOfWorkFactory, city: str | None, source: str | None
) -> PermitSource | None:
    if source is None:
        return None
    name, state = _city_and_state(city or "")
    async with unit_of_work() as uow:
        found = await CityRepository(uow.session).permit_source(name, state, source)
    if found is None:
        raise UnknownPermitSource(
            f"{city or 'no city'} has no permit source {source}", city=city, source=source
        )
    return found


def _city_and_state(place: str) -> tuple[str, str]:
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
    kind: str,
    unit_of_work: UnitOfWorkFactory,
    parse: Callable[[PublicFile], Iterator[Any]],
    ingest: Ingest,
) -> IngestReport:
    """The report of one file: all of its rows or, with the reason, none of them."""
    if isinstance(file, IngestReport):
        return file
    try:
        rows = await asyncio.to_thread(parse, file)
        async with unit_of_work() as uow:
            raw_id = await _keep_raw(RawRecordRepository(uow.session), file, kind)
            return await ingest(uow.session, rows, raw_id)
    except FileRefused as refusal:
        return _refused(file.name, refusal)


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


def _today() -> date:
    return datetime.now(UTC).date()
