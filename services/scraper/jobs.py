"""Steps of the scraper: a city's sources, permits, parcels and storms; a property's assessor page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import Row

from services.scraper import city_service, metrics
from services.scraper.domain.roof_covers import roof_material_of
from services.scraper.repository import CityRepository, ParcelRepository
from shared.errors import PermanentError, Retry, Skip
from shared.events.permits import PermitScraped, PropertyScraped
from shared.http.client import AuthenticationWall, FetchDenied, FetchSource
from shared.providers.assessor import AssessorRecord, ParcelQuery
from shared.providers.assessor.recipe import Recipe
from shared.providers.context import calling_for
from shared.providers.permit_source import SourceConfig
from shared.runtime import StepContext

NOTHING: dict[str, Any] = {"read": 0, "stored": 0, "updated": 0, "duplicate": 0, "rejected": 0, "reasons": {}}


class CityInput(BaseModel):
    """What every city step is started with; `sources` replaces the city's own (a replay)."""

    subject_id: UUID
    city: str = ""
    state: str = ""
    sources: dict[str, Any] | None = None


class PropertyInput(BaseModel):
    """What every property step is started with."""

    subject_id: UUID
    skip: dict[str, str] = {}


class JobInput(BaseModel):
    """What a scheduled job is started with."""

    job: str = ""
    slot: str = ""


async def source_check(ctx: StepContext, input: CityInput) -> None:
    """Sample every permit feed; the activation fails with the reasons when none is usable."""
    sources = await city_service.load_sources(ctx.resources, input.subject_id, input.sources)
    verdicts = await city_service.check_sources(ctx.resources, sources, ctx.workflow_id)
    if not any(verdict.usable for verdict in verdicts):
        raise PermanentError(f"no source is usable: {city_service.refused_words(verdicts)}")
    async with ctx.commit(
        {
            "usable": [v.source for v in verdicts if v.usable],
            "refused": {v.source: list(v.reasons) for v in verdicts if not v.usable},
            "facts": {v.source: v.facts for v in verdicts},
        }
    ):
        pass


async def permits(ctx: StepContext, input: CityInput) -> None:
    """Read the whole history of every usable feed, page by page; a crash resumes at the page where it stopped."""
    sources = await city_service.load_sources(ctx.resources, input.subject_id, input.sources)
    checked = ctx.results.get("source_check")
    usable = set(checked.output.get("usable", ())) if checked and checked.done else None
    for entry in sources.permits:
        if usable is None or entry["key"] in usable:
            await _read_feed(ctx, sources, entry)
    counts = {name: ctx.progress.get(name, default) for name, default in NOTHING.items()}
    async with ctx.commit(counts) as tx:
        await CityRepository(tx.session).note_scrape(input.subject_id)
        tx.publish(
            PermitScraped(city_id=input.subject_id, stored=counts["stored"], updated=counts["updated"])
        )


async def _read_feed(
    ctx: StepContext, sources: city_service.CitySources, entry: Mapping[str, Any], *, since: Any = None
) -> None:
    key = entry["key"]
    cursors: dict[str, Any] = dict(ctx.progress.get("cursors") or {})
    if key in cursors and cursors[key] is None:
        return
    reader = ctx.resources.providers.permit_source(SourceConfig.model_validate(entry))
    mapped = sources.permit_map(entry)
    with calling_for("city", sources.city.id):
        async for page in reader.pages(since=since, cursor=cursors.get(key)):
            cursors = {**cursors, key: page.cursor}
            async with ctx.resources.unit_of_work() as uow:
                report = await city_service.store_permit_page(uow.session, page, mapped, key)
                counts = city_service.add_reports(ctx.progress, report)
                await ctx.report({**counts, "cursors": cursors}, uow.session)


async def parcels(ctx: StepContext, input: CityInput) -> None:
    """Read every parcel layer, or derive parcels from permit addresses; then let re-roof permits date the roofs."""
    sources = await city_service.load_sources(ctx.resources, input.subject_id, input.sources)
    for entry in sources.parcels:
        await _read_layer(ctx, sources, entry)
    progress = dict(ctx.progress)
    async with ctx.commit() as tx:
        derived = 0
        if not sources.parcels:
            derived = (await ParcelRepository(tx.session).derive_from_permits(input.subject_id)).stored
        dating = await city_service.date_roofs(tx.session, input.subject_id)
        tx.output = {
            "stored": progress.get("stored", 0) + derived,
            "updated": progress.get("updated", 0),
            "rejected": progress.get("rejected", 0),
            "derived": derived,
            "roofs_dated": dating.dated,
            "suppressed_addresses": dating.suppressed,
        }


async def _read_layer(ctx: StepContext, sources: city_service.CitySources, entry: Mapping[str, Any]) -> None:
    key = entry["key"]
    cursors: dict[str, Any] = dict(ctx.progress.get("cursors") or {})
    if key in cursors and cursors[key] is None:
        return
    reader = ctx.resources.providers.parcel_source(SourceConfig.model_validate(entry))
    mapped = sources.parcel_map(entry)
    with calling_for("city", sources.city.id):
        async for page in reader.pages(cursor=cursors.get(key)):
            cursors = {**cursors, key: page.cursor}
            before = ctx.progress
            async with ctx.resources.unit_of_work() as uow:
                stored, refused = await city_service.store_parcel_page(
                    uow.session, page, mapped, sources.city.id, ctx.resources
                )
                await ctx.report(
                    {
                        "stored": before.get("stored", 0) + stored.stored,
                        "updated": before.get("updated", 0) + stored.updated,
                        "rejected": before.get("rejected", 0) + refused,
                        "cursors": cursors,
                    },
                    uow.session,
                )


async def storms(ctx: StepContext, input: CityInput) -> None:
    """Read the storm reports of the last months; a replay uses those imported before."""
    sources = await city_service.load_sources(ctx.resources, input.subject_id, input.sources)
    if sources.config.get("storms") == "imported":
        async with ctx.commit({"read": 0, "note": "storms imported before are used"}):
            return
    report, failed = await city_service.read_storms(ctx.resources, ctx.resources.settings.storm_days)
    if failed and report.read == 0:
        raise Retry(30, f"no storm feed answered: {'; '.join(failed)}")
    async with ctx.commit(city_service.report_facts(report, failed=failed)):
        pass


async def scrape_property(ctx: StepContext, input: PropertyInput) -> None:
    """The assessor's facts about a property, through can_fetch; skipped with a reason where there are none."""
    if "assessor" in input.skip:
        raise Skip(input.skip["assessor"])
    known, recipe, source = await _assessor_of(ctx, input.subject_id)
    reader = ctx.resources.providers.assessor(recipe, source, base_url=known.assessor_url or None)
    try:
        with calling_for("lead", input.subject_id):
            record = await reader.look_up(ParcelQuery(apn=known.apn, street=known.address.split(",")[0]))
    except FetchDenied as denied:
        metrics.PROPERTIES.labels("denied").inc()
        raise Skip(f"the assessor may not be read: {', '.join(denied.decision.reasons)}") from denied
    except AuthenticationWall as wall:
        metrics.PROPERTIES.labels("denied").inc()
        raise Skip("the assessor asks for a login") from wall
    metrics.PROPERTIES.labels("found" if record else "not_found").inc()
    if record is None:
        raise Skip("the assessor knows no such property")
    facts = _facts(record)
    async with ctx.commit(
        {"found": True, "fields": sorted(k for k, v in facts.items() if v is not None)}
    ) as tx:
        repository = CityRepository(tx.session)
        await repository.store_assessor_facts(known.parcel_id, facts)
        await repository.store_provenance(
            known.parcel_id,
            [name for name, value in facts.items() if value is not None],
            {"source": source.key, "licence_id": None, "fetched_at": record.fetched_at},
        )
        tx.publish(PropertyScraped(base_lead_id=input.subject_id, found=True))


async def _assessor_of(ctx: StepContext, lead_id: UUID) -> tuple[Row[Any], Recipe, FetchSource]:
    async with ctx.resources.unit_of_work() as uow:
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


def _facts(record: AssessorRecord) -> dict[str, Any]:
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


async def refresh_permits(ctx: StepContext, _: JobInput) -> None:
    """Read the last weeks' permits of every active city and let them date roofs."""
    async with ctx.resources.unit_of_work() as uow:
        cities = await CityRepository(uow.session).active()
    since = datetime.now(UTC).date() - timedelta(days=ctx.resources.settings.refresh_days)
    for city_id in cities:
        sources = await city_service.load_sources(ctx.resources, city_id, None)
        for entry in sources.permits:
            await _read_feed(ctx, sources, entry, since=since)
        async with ctx.resources.unit_of_work() as uow:
            await city_service.date_roofs(uow.session, city_id)
            await CityRepository(uow.session).note_scrape(city_id)
            uow.publish(PermitScraped(city_id=city_id, stored=0, updated=0))
    counts = {name: ctx.progress.get(name, default) for name, default in NOTHING.items()}
    async with ctx.commit({**counts, "cities": len(cities)}):
        pass


async def refresh_storms(ctx: StepContext, _: JobInput) -> None:
    """Read the last days' storm reports."""
    report, failed = await city_service.read_storms(ctx.resources, ctx.resources.settings.refresh_storm_days)
    if failed and report.read == 0:
        raise Retry(300, f"no storm feed answered: {'; '.join(failed)}")
    async with ctx.commit(city_service.report_facts(report, failed=failed)):
        pass
