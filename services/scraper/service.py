"""The verbs of the scraper: check a city's sources, keep permits, parcels and storms, know an assessor."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from pydantic import ValidationError
from sqlalchemy import Row

from services.scraper import metrics
from services.scraper.domain.roof_covers import roof_material_of
from services.scraper.domain.rows import ParcelRow, PermitRow, Rejected
from services.scraper.domain.source_check import Expectation, Verdict, judge_sample
from services.scraper.formats.field_map import PermitSource, permit_of
from services.scraper.formats.parcel_map import ParcelSource, parcel_of
from services.scraper.imports import import_storms
from services.scraper.ingest import IngestReport, ingest_permits
from services.scraper.repository import (
    CityRepository,
    ParcelRepository,
    RawRecordRepository,
    RoofDating,
    Upserted,
)
from shared.errors import (
    NotFound,
    PermanentError,
    ProviderBadAnswer,
    ProviderError,
    ProviderRejected,
    Skip,
)
from shared.http.client import FetchDenied, FetchSource
from shared.providers.assessor import AssessorRecord
from shared.providers.assessor.recipe import Recipe
from shared.providers.context import calling_for
from shared.providers.permit_source import RowPage, SourceConfig
from shared.providers.storm_feed import StormFeed, StormFileRef
from shared.runtime import Resources

SAMPLE_ROWS = 50
STORM_DOWNLOADS = 6


@dataclass(frozen=True, slots=True)
class CitySources:
    """A city with the sources to read now: its own, or those a replay names."""

    city: Row[Any]
    config: Mapping[str, Any]

    @property
    def permits(self) -> list[Mapping[str, Any]]:
        """Configured permit feeds."""
        return list(self.config.get("permit_sources") or ())

    @property
    def parcels(self) -> list[Mapping[str, Any]]:
        """Configured parcel layers; none where parcels are derived from permit addresses."""
        return list(self.config.get("parcel_sources") or ())

    @property
    def recorded(self) -> bool:
        """True for a replay of recorded rows, which may be old."""
        return bool(self.config.get("recorded"))

    def permit_map(self, entry: Mapping[str, Any]) -> PermitSource:
        """How rows of a feed are read."""
        city = self.city
        return PermitSource.from_config(
            entry["key"], entry, city=city.city, state=city.state, time_zone=city.time_zone
        )

    def parcel_map(self, entry: Mapping[str, Any]) -> ParcelSource:
        """How rows of a parcel layer are read."""
        city = self.city
        return ParcelSource.from_config(
            entry["key"],
            entry,
            city=city.city,
            state=city.state,
            county=city.county or "",
            time_zone=city.time_zone,
        )


async def load_sources(
    resources: Resources, city_id: UUID, override: Mapping[str, Any] | None
) -> CitySources:
    """A city's sources; PermanentError where there is no city or no permit feed."""
    async with resources.unit_of_work() as uow:
        city = await CityRepository(uow.session).city(city_id)
    if city is None:
        raise PermanentError(f"there is no city {city_id}")
    sources = CitySources(city, override or city.sources or {})
    if not sources.permits:
        raise PermanentError(f"{city.city}, {city.state} has no permit source")
    return sources


async def check_city(resources: Resources, city: str, state: str) -> list[Verdict]:
    """The verdicts on a city's feeds as they are now; NotFound for a city we do not know."""
    async with resources.unit_of_work() as uow:
        row = await CityRepository(uow.session).by_name(city, state)
    if row is None:
        raise NotFound(f"{city}, {state} is not a target city")
    return await check_sources(resources, await load_sources(resources, row.id, None), None)


async def check_sources(
    resources: Resources, sources: CitySources, workflow_id: UUID | None
) -> list[Verdict]:
    """The verdict on every permit feed of a city: law, columns, place, freshness."""
    with calling_for("city", sources.city.id, workflow_id=workflow_id):
        return [await _check_source(resources, sources, entry) for entry in sources.permits]


async def _check_source(resources: Resources, sources: CitySources, entry: Mapping[str, Any]) -> Verdict:
    """The verdict, counted; a feed that may answer later raises its ProviderError."""
    key = entry["key"]
    try:
        verdict = await _sample_source(resources, sources, entry)
        word = "usable" if verdict.usable else "refused"
    except FetchDenied as denied:
        reasons = tuple(f"not allowed: {reason}" for reason in denied.decision.reasons)
        word, verdict = "denied", Verdict(key, reasons)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        word, verdict = "refused", Verdict(key, (f"its configuration is wrong: {faults}",))
    except ProviderError as error:
        metrics.SOURCE_CHECKS.labels("unanswered" if error.retryable else "refused").inc()
        if error.retryable:
            raise
        return Verdict(key, (f"the source answers wrongly: {error.detail}",))
    metrics.SOURCE_CHECKS.labels(word).inc()
    return verdict


async def _sample_source(resources: Resources, sources: CitySources, entry: Mapping[str, Any]) -> Verdict:
    key = entry["key"]
    reader = resources.providers.permit_source(SourceConfig.model_validate(entry))
    columns = {column.name for column in await reader.columns()}
    sample = await reader.sample(SAMPLE_ROWS)
    mapped = sources.permit_map(entry)
    today = datetime.now(UTC).date()
    rows = [permit_of(row.columns, mapped, today) for row in sample]
    center = (sources.city.lat, sources.city.lng) if sources.city.lat is not None else None
    settings = resources.settings
    wanted = Expectation(
        center, settings.city_radius_miles, None if sources.recorded else settings.freshness_days, today
    )
    verdict = judge_sample(key, mapped.missing_columns(columns), rows, wanted)
    if "newest_row_age_days" in verdict.facts:
        metrics.NEWEST_ROW_AGE.labels(key).set(verdict.facts["newest_row_age_days"])
    return verdict


def parse_page(page: RowPage, mapped: PermitSource, today: date) -> list[PermitRow | Rejected]:
    """The permits of a page, or the reason each row cannot be kept."""
    return [permit_of(row.columns, mapped, today) for row in page.rows]


async def store_permit_page(session: Any, page: RowPage, mapped: PermitSource, key: str) -> IngestReport:
    """Store a page's rows and its raw form in the caller's transaction."""
    today = datetime.now(UTC).date()
    rows = await asyncio.to_thread(parse_page, page, mapped, today)
    raw = await asyncio.to_thread(_raw_page, page)
    record = await RawRecordRepository(session).keep(key, "permits", row_count=len(page.rows), **raw)
    report = await ingest_permits(session, rows, raw_record_id=record)
    count_rows(key, report)
    return report


def _raw_page(page: RowPage) -> dict[str, Any]:
    body = orjson.dumps([{"id": row.row_id, "columns": dict(row.columns)} for row in page.rows], default=str)
    return {
        "name": page.source_url[:500],
        "gzipped": gzip.compress(body, 1, mtime=0),
        "size_bytes": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
    }


def count_rows(source: str, report: IngestReport) -> None:
    """Count what became of rows in the metrics."""
    for outcome in ("stored", "updated", "duplicate", "rejected"):
        metrics.ROWS.labels(source, outcome).inc(getattr(report, outcome))


async def store_parcel_page(
    session: Any, page: RowPage, mapped: ParcelSource, city_id: UUID, resources: Resources
) -> tuple[Upserted, int]:
    """Store a page's parcels with their owners sealed; what was stored, and how many rows were refused."""
    today = datetime.now(UTC).date()
    parsed = await asyncio.to_thread(
        lambda: [parcel_of(row.columns, mapped, today, geometry=row.geometry) for row in page.rows]
    )
    rows = [row for row in parsed if isinstance(row, ParcelRow)]
    upserted = await ParcelRepository(session).upsert(city_id, rows, resources.keys)
    return upserted, len(parsed) - len(rows)


async def date_roofs(session: Any, city_id: UUID) -> RoofDating:
    """Let re-roof permits date and suppress the parcels of a city."""
    return await ParcelRepository(session).date_roofs(city_id)


@dataclass(slots=True)
class StormReading:
    """What became of the rows of all storm feeds, and which feeds may not be read or failed."""

    report: IngestReport = field(default_factory=IngestReport)
    denied: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def facts(self) -> dict[str, Any]:
        """The reading as a step's output."""
        return {**self.report.as_json(), "denied": self.denied, "failed": self.failed}


def near_real_time_feeds(resources: Resources) -> tuple[StormFeed, ...]:
    """The feeds that tell of a storm within the hour."""
    return tuple(feed for feed in resources.providers.storm_feeds if feed.near_real_time)


async def read_storms(resources: Resources, feeds: Sequence[StormFeed], days: int) -> StormReading:
    """Storms of the last days from each of the feeds that may be read; PermanentError where none may."""
    today = datetime.now(UTC).date()
    reading = StormReading()
    with tempfile.TemporaryDirectory(prefix="ridgeline-storms-") as folder:
        for feed in feeds:
            try:
                paths = await _download_feed(feed, Path(folder), today - timedelta(days=days), today)
            except FetchDenied as denied:
                reading.denied.append(denied.detail)
                continue
            except (ProviderBadAnswer, ProviderRejected) as error:
                reading.failed.append(f"{feed.name}: {error.detail}")
                continue
            report = await import_storms(paths, resources.unit_of_work)
            count_rows(feed.name, report)
            reading.report += report
    if reading.denied and len(reading.denied) == len(feeds):
        raise PermanentError(f"no storm feed is left: {'; '.join(reading.denied)}")
    return reading


async def _download_feed(feed: StormFeed, folder: Path, since: date, until: date) -> list[Path]:
    limit = asyncio.Semaphore(STORM_DOWNLOADS)

    async def one(ref: StormFileRef) -> Path | None:
        async with limit:
            file = await feed.download(ref)
        if file is None or not file.body.strip():
            return None
        path = folder / Path(ref.name).name
        await asyncio.to_thread(path.write_bytes, file.body)
        return path

    refs = await feed.available(since, until)
    found = await asyncio.gather(*(one(ref) for ref in refs))
    return [path for path in found if path is not None]


def add_reports(one: Mapping[str, Any], report: IngestReport) -> dict[str, Any]:
    """A step's counts with another page's added."""
    read, stored, updated, duplicate, rejected = (
        int(one.get(name, 0)) for name in ("read", "stored", "updated", "duplicate", "rejected")
    )
    reasons = {str(k): int(v) for k, v in dict(one.get("reasons") or {}).items()}
    return (IngestReport(read, stored, updated, duplicate, rejected, reasons) + report).as_json()


def refused_words(verdicts: Sequence[Verdict]) -> str:
    """The refused feeds with their reasons, in one sentence."""
    return "; ".join(f"{v.source}: {', '.join(v.reasons)}" for v in verdicts if not v.usable)


async def assessor_of(resources: Resources, lead_id: UUID) -> tuple[Row[Any], Recipe, FetchSource]:
    """A lead's parcel, how its assessor's site is read, and its registry row; Skip where there is none."""
    async with resources.unit_of_work() as uow:
        repository = CityRepository(uow.session)
        known = await repository.property(lead_id)
        if known is None:
            raise PermanentError(f"there is no lead {lead_id}")
        if known.parcel_id is None or not known.assessor_config:
            raise Skip("no assessor is configured for this city")
        config = known.assessor_config
        key = config.get("source_key") or f"{known.city}_{known.state}_assessor".lower()
        row = (await repository.registry([key])).get(key)
    recipe = Recipe.model_validate(config["recipe"])
    if row is None:
        return known, recipe, FetchSource(key)
    rate, slots = float(row.requests_per_second), int(row.concurrency)
    return known, recipe, FetchSource(key, row.tos, row.enabled, requests_per_second=rate, concurrency=slots)


def assessor_facts(record: AssessorRecord) -> dict[str, Any]:
    """What a page says of a parcel, by column."""
    return {
        "year_built": record.year_built,
        "sqft": record.living_area_sqft,
        "stories": record.stories,
        "beds": record.bedrooms,
        "baths": record.bathrooms,
        "market_value": record.market_value_usd,
        "assessed_value": record.assessed_value_usd,
        "tax_amount": record.tax_amount_usd,
        "last_sale_on": record.last_sale_on,
        "last_sale_price": record.last_sale_price_usd,
        "roof_material": roof_material_of(record.roof_material),
    }
