"""Counties' parcel files into the database, for `ridgeline import parcels`.

Apart from the other imports: what reads shapefiles and layers takes as much memory as a whole permit import.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from services.scraper.domain.person_fields import PersonRules, laws_at_entry, stripped_fields
from services.scraper.domain.rows import ParcelRow
from services.scraper.domain.source_check import far_away
from services.scraper.formats.parcel_map import ParcelSource
from services.scraper.formats.parcels import Parsed, reader_of
from services.scraper.imports import RAW_SOURCE, city_and_state, today
from services.scraper.ingest import IngestReport, ingest_parcels
from services.scraper.repository import CityRepository, Packed, RawRecordRepository
from shared.db.unit_of_work import UnitOfWorkFactory
from shared.errors import InvalidInput
from shared.files import FileRefused
from shared.providers.parcel_source.layers import open_layer_at
from shared.security.fields import KeyRing

PARCEL_ROWS = 5_000
"""Rows read, sealed and stored together."""


class UnknownCity(InvalidInput):
    """Parcels belong to a target city, and this is none."""

    code, title = "unknown-city", "Unknown city"


class UnknownParcelSource(InvalidInput):
    """The city has no configured parcel source of that key."""

    code, title = "unknown-parcel-source", "Unknown parcel source"


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
                    rows = reader.read(layer, today())
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
    found = await cities.by_name(*city_and_state(place))
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
