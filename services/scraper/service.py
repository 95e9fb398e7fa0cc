"""The verbs of the scraper: check a city's sources, keep permits, parcels and storms, know an assessor."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from pydantic import ValidationError
from sqlalchemy import Row

from services.scraper import metrics
from services.scraper.domain.person_fields import PersonRules, laws_at_entry, stripped_fields, without
from services.scraper.domain.roof_covers import roof_material_of
from services.scraper.domain.rows import ParcelRow, PermitRow, Rejected
from services.scraper.domain.source_check import Expectation, Verdict, far_away, judge_sample
from services.scraper.domain.values import point_of
from services.scraper.formats.field_map import PermitSource, permit_of
from services.scraper.formats.parcel_map import ParcelSource, parcel_of
from services.scraper.imports import import_storms
from services.scraper.ingest import IngestReport, ingest_permits
from services.scraper.readings import (
    Before,
    Shape,
    columns_changed,
    failure_code,
    keep_refusal,
    keep_verdict,
)
from services.scraper.repository import (
    CityRepository,
    CountyOfRows,
    Packed,
    ParcelRepository,
    RawRecordRepository,
    RoofDating,
    SourceRunRepository,
    Upserted,
)
from shared.errors import (
    InvalidInput,
    NotFound,
    PermanentError,
    ProviderBadAnswer,
    ProviderError,
    ProviderRejected,
    Skip,
)
from shared.http.client import FetchDenied, FetchSource
from shared.http.ssrf import AddressRefused
from shared.providers.assessor import Assessor, AssessorRecord
from shared.providers.assessor.cached import CachedAssessor
from shared.providers.assessor.recipe import Recipe
from shared.providers.context import calling_for
from shared.providers.permit_source import RawRow, RowPage, SourceConfig
from shared.providers.source_choice import PARCEL_KINDS, PERMIT_KINDS, refusal
from shared.providers.storm_feed import StormFeed, StormFileRef
from shared.runtime import Resources
from shared.schemas.enums import SourceLight
from shared.security.fields import KeyRing

SAMPLE_ROWS = 200
ROBOTS = {"accela_portal": "obeyed: robots.txt is asked before the first page"}
ROBOTS_OF_INTERFACES = "not asked: a documented interface is read by its terms"
STORM_DOWNLOADS = 6


@dataclass(frozen=True, slots=True)
class CitySources:
    """A city with the sources to read now: its `own`, or those a replay names."""

    city: Row[Any]
    config: Mapping[str, Any]
    own: bool = True

    @property
    def permits(self) -> list[Mapping[str, Any]]:
        """Configured permit sources in the order in which they are tried, also those that are not asked."""
        return list(self.config.get("permit_sources") or ())

    @property
    def parcels(self) -> list[Mapping[str, Any]]:
        """Parcel layers to try in their order; none where parcels are derived from permit addresses."""
        layers = self.config.get("parcel_sources") or ()
        return [layer for layer in layers if refusal(layer, PARCEL_KINDS) is None]

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
    sources = CitySources(city, override or city.sources or {}, own=not override)
    if not sources.permits:
        raise PermanentError(f"{city.city}, {city.state} has no permit source")
    return sources


async def check_city(resources: Resources, city: str, state: str) -> list[Verdict]:
    """The verdicts on a city's feeds as they are now, silent ones too; NotFound for a city we do not know."""
    async with resources.unit_of_work() as uow:
        row = await CityRepository(uow.session).by_name(city, state)
    if row is None:
        raise NotFound(f"{city}, {state} is not a target city")
    verdicts, _ = await _judge_in_order(resources, await load_sources(resources, row.id, None), None)
    return verdicts


async def check_sources(
    resources: Resources, sources: CitySources, workflow_id: UUID | None
) -> list[Verdict]:
    """The verdicts on a city's permit sources in their order, up to the first that may be read.

    One that does not answer now is passed over; where none is left to take its place, its error is raised.
    """
    verdicts, unanswered = await _judge_in_order(resources, sources, workflow_id)
    if unanswered is not None:
        raise unanswered
    return verdicts


async def _judge_in_order(
    resources: Resources, sources: CitySources, workflow_id: UUID | None
) -> tuple[list[Verdict], ProviderError | None]:
    """The verdicts up to the first source that may be read, and the first silence where none may be."""
    verdicts: list[Verdict] = []
    unanswered: ProviderError | None = None
    with calling_for("city", sources.city.id, workflow_id=workflow_id):
        for entry in sources.permits:
            try:
                verdict = await _judge_source(resources, sources, entry, workflow_id)
            except ProviderError as error:
                unanswered = unanswered or error
                verdict = Verdict(entry["key"], (f"no answer: {error.detail}",))
            verdicts.append(verdict)
            if verdict.usable:
                return verdicts, None
    return verdicts, unanswered


async def _judge_source(
    resources: Resources, sources: CitySources, entry: Mapping[str, Any], workflow_id: UUID | None
) -> Verdict:
    """The verdict on one source; that on a city's own source is kept with its licence row."""
    reason = refusal(entry, PERMIT_KINDS)
    if reason is not None:
        return Verdict(entry["key"], (reason,))
    try:
        verdict = await _check_source(resources, sources, entry)
    except ProviderError as error:
        if sources.own:
            async with resources.unit_of_work() as uow:
                code = failure_code(error)
                unanswered = Verdict(entry["key"], (f"no answer: {error.detail}",), failure=code)
                await keep_verdict(uow.session, sources.city, unanswered)
                await keep_refusal(uow.session, sources.city, unanswered, workflow_id, SourceLight.AMBER)
        raise
    async with resources.unit_of_work() as uow:
        repository = CityRepository(uow.session)
        licence = (await repository.registry([verdict.source])).get(verdict.source)
        if licence is not None:
            basis = f"{licence.tos}: {licence.tos_basis}" if licence.tos_basis else licence.tos
            robots = ROBOTS.get(entry["kind"], ROBOTS_OF_INTERFACES)
            verdict = replace(verdict, facts={**verdict.facts, "terms": basis, "robots": robots})
        if sources.own:
            await keep_verdict(uow.session, sources.city, verdict)
            await keep_refusal(uow.session, sources.city, verdict, workflow_id, SourceLight.RED)
    return verdict


async def _check_source(resources: Resources, sources: CitySources, entry: Mapping[str, Any]) -> Verdict:
    """The verdict, counted; a feed that may answer later raises its ProviderError."""
    key = entry["key"]
    try:
        verdict = await _sample_source(resources, sources, entry)
        word = "usable" if verdict.usable else "refused"
    except FetchDenied as denied:
        reasons = tuple(f"not allowed: {reason}" for reason in denied.decision.reasons)
        word, verdict = "denied", Verdict(key, reasons, failure="not_allowed")
    except AddressRefused as refused:
        word, verdict = "denied", Verdict(key, (f"not allowed: {refused.detail}",), failure=refused.code)
    except InvalidInput as error:
        reason = f"its address cannot be asked: {error.detail}"
        word, verdict = "refused", Verdict(key, (reason,), failure=error.code)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        word, verdict = "refused", Verdict(key, (f"its configuration is wrong: {faults}",))
    except ProviderError as error:
        metrics.SOURCE_CHECKS.labels("unanswered" if error.retryable else "refused").inc()
        if error.retryable:
            raise
        reason = f"the source answers wrongly: {error.detail}"
        return Verdict(key, (reason,), failure=failure_code(error))
    metrics.SOURCE_CHECKS.labels(word).inc()
    return verdict


async def _sample_source(resources: Resources, sources: CitySources, entry: Mapping[str, Any]) -> Verdict:
    key = entry["key"]
    reader = resources.providers.permit_source(SourceConfig.model_validate(entry))
    columns = {column.name for column in await reader.columns()}
    sample = await reader.sample(SAMPLE_ROWS)
    mapped = sources.permit_map(entry)
    today = datetime.now(UTC).date()
    rows = parse_rows(sample, mapped, today)
    center = (sources.city.lat, sources.city.lng) if sources.city.lat is not None else None
    settings = resources.settings
    allowed = None if sources.recorded else entry.get("freshness_days", settings.freshness_days)
    may_be_empty = bool(entry.get("may_be_empty"))
    wanted = Expectation(center, settings.city_radius_miles, allowed, today, may_be_empty=may_be_empty)
    async with resources.unit_of_work() as uow:
        runs = SourceRunRepository(uow.session)
        before = Before.of(await runs.history(key, ""), {}) if sources.own else Before([], {}, 0)
        if not before.columns and sources.own:
            before = Before.of([], await runs.last_check(key))
    lost, new, page = columns_changed(Shape.of_permits(mapped), before, columns, sample)
    missing = [*mapped.missing_columns(columns), *lost]
    verdict = replace(judge_sample(key, missing, rows, wanted, new_columns=new), columns=page)
    if missing:
        verdict = replace(verdict, facts={**verdict.facts, "columns": sorted(columns)})
    if "newest_row_age_days" in verdict.facts:
        metrics.NEWEST_ROW_AGE.labels(key).set(verdict.facts["newest_row_age_days"])
    return verdict


def parse_rows(rows: Sequence[RawRow], mapped: PermitSource, today: date) -> list[PermitRow | Rejected]:
    """The permits of raw rows, or the reason each cannot be kept; a row's geometry places a permit without columns."""
    return [_placed(permit_of(row.columns, mapped, today), row.geometry) for row in rows]


def _placed(permit: PermitRow | Rejected, geometry: Mapping[str, Any] | None) -> PermitRow | Rejected:
    if isinstance(permit, Rejected) or permit.lat is not None or (geometry or {}).get("type") != "Point":
        return permit
    lng, lat, *_ = (geometry or {})["coordinates"]
    point = point_of(lat, lng)
    return permit if point is None else replace(permit, lat=point[0], lng=point[1])


async def store_permit_page(
    session: Any,
    page: RowPage,
    mapped: PermitSource,
    rules: PersonRules,
    *,
    county: CountyOfRows | None = None,
) -> IngestReport:
    """Store a page's rows and its raw form in the caller's transaction, without persons where a law is against it."""
    today, key = datetime.now(UTC).date(), mapped.key
    parsed = await asyncio.to_thread(parse_rows, page.rows, mapped, today)
    law, fields = rules.law_against(mapped.state, key), stripped_fields("permits")
    rows = [without(row, fields) for row in parsed] if law else parsed
    kept = _impersonal_columns(mapped) if law else None
    raw = await asyncio.to_thread(_raw_page, page, kept)
    record = await RawRecordRepository(session).keep(key, "permits", row_count=len(page.rows), **raw)
    report = await ingest_permits(session, rows, raw_record_id=record, county=county, read_method=page.method)
    count_rows(key, report)
    return report


async def person_rules(resources: Resources) -> PersonRules:
    """The states' rules on person fields as they stand today."""
    async with resources.unit_of_work() as uow:
        return await CityRepository(uow.session).person_rules(laws_at_entry())


def _impersonal_columns(mapped: PermitSource) -> set[str]:
    """The columns that the map reads, less those of persons: what else a publisher shows may name somebody."""
    persons = {column for name in stripped_fields("permits") for column in mapped.fields.get(name, ())}
    return mapped.columns() - persons


def _raw_page(page: RowPage, kept: set[str] | None) -> dict[str, Any]:
    body = orjson.dumps([_kept_row(row, kept) for row in page.rows], default=str)
    return {
        "name": page.source_url[:500],
        "packed": Packed.whole(body),
        "size_bytes": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
    }


def _kept_row(row: RawRow, kept: set[str] | None) -> dict[str, Any]:
    columns = {k: v for k, v in row.columns.items() if kept is None or k in kept}
    return {"id": row.row_id, "columns": columns, "geometry": row.geometry}


def count_rows(source: str, report: IngestReport) -> None:
    """Count what became of rows in the metrics."""
    for outcome in ("stored", "updated", "duplicate", "rejected"):
        metrics.ROWS.labels(source, outcome).inc(getattr(report, outcome))


@dataclass(frozen=True, slots=True)
class Sealing:
    """What becomes of persons in a row: the rules that leave them out, and the keys they are sealed with."""

    rules: PersonRules
    keys: KeyRing


async def store_parcel_page(
    session: Any, page: RowPage, mapped: ParcelSource, city: Row[Any], sealing: Sealing
) -> tuple[Upserted, int]:
    """Store a page's parcels, their owners sealed or left out; what was stored, and how many rows were refused.

    PermanentError where they lie in another part of the country.
    """
    today, fields = datetime.now(UTC).date(), stripped_fields("parcels")
    parsed = await asyncio.to_thread(
        lambda: [parcel_of(row.columns, mapped, today, geometry=row.geometry) for row in page.rows]
    )
    rows = [row for row in parsed if isinstance(row, ParcelRow)]
    far = far_away(rows, (city.lat, city.lng) if city.lat is not None else None)
    if far is not None:
        raise PermanentError(f"{mapped.key}: {far}")
    if sealing.rules.law_against(mapped.state, mapped.key):
        rows = [cleared for row in rows if isinstance(cleared := without(row, fields), ParcelRow)]
    upserted = await ParcelRepository(session).upsert(city.id, rows, sealing.keys)
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
    feeds: dict[str, IngestReport | Exception] = field(default_factory=dict)
    """What became of each feed that was asked."""

    def facts(self) -> dict[str, Any]:
        """The reading as a step's output."""
        return {**self.report.as_json(), "denied": self.denied, "failed": self.failed}


def near_real_time_feeds(resources: Resources) -> tuple[StormFeed, ...]:
    """The feeds that tell of a storm within the hour."""
    return tuple(feed for feed in resources.providers.storm_feeds if feed.near_real_time)


async def read_storms(
    resources: Resources, feeds: Sequence[StormFeed], days: int, reading: StormReading
) -> None:
    """Read the storms of the last days from each of the feeds that may be read; PermanentError where none may.

    `reading` is filled feed by feed, also where a feed that may answer later ends it with its ProviderError.
    """
    today = datetime.now(UTC).date()
    with tempfile.TemporaryDirectory(prefix="ridgeline-storms-") as folder:
        for feed in feeds:
            try:
                paths = await _download_feed(feed, Path(folder), today - timedelta(days=days), today)
            except FetchDenied as denied:
                reading.denied.append(denied.detail)
                reading.feeds[feed.name] = denied
                continue
            except ProviderError as error:
                reading.feeds[feed.name] = error
                if not isinstance(error, ProviderBadAnswer | ProviderRejected):
                    raise
                reading.failed.append(f"{feed.name}: {error.detail}")
                continue
            report = await import_storms(paths, resources.unit_of_work)
            count_rows(feed.name, report)
            reading.report += report
            reading.feeds[feed.name] = report
    if reading.denied and len(reading.denied) == len(feeds):
        raise PermanentError(f"no storm feed is left: {'; '.join(reading.denied)}")


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


async def assessor_of(resources: Resources, house_id: UUID) -> tuple[Row[Any], Assessor, FetchSource]:
    """The parcel of that id or of that lead, its assessor and the registry's word on him; Skip where there is none."""
    async with resources.unit_of_work() as uow:
        repository = CityRepository(uow.session)
        known = await repository.property(house_id) or await repository.property_of_parcel(house_id)
        if known is None:
            raise PermanentError(f"there is no lead or parcel {house_id}")
        if known.parcel_id is None or not known.assessor_config:
            raise Skip("no assessor is configured for this city")
        config = known.assessor_config
        key = config.get("source_key") or f"{known.city}_{known.state}_assessor".lower()
        row = (await repository.registry([key])).get(key)
    recipe, source = Recipe.model_validate(config["recipe"]), FetchSource(key)
    if row is not None:
        rate, slots = float(row.requests_per_second), int(row.concurrency)
        source = FetchSource(key, row.tos, row.enabled, requests_per_second=rate, concurrency=slots)
    site = resources.providers.assessor(recipe, source, base_url=known.assessor_url or None)
    return known, CachedAssessor(site, resources.redis, resources.keys, recipe=recipe, source=source), source


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
