"""Steps of the scraper: a city's sources, permits, parcels and storms; a property's assessor page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

from services.scraper import metrics, readings, service
from services.scraper.domain.person_fields import PersonRules
from services.scraper.ingest import IngestReport
from services.scraper.readings import Reading, ReadSource, Shape, SourceFailed, Unwatched, reading_of
from services.scraper.repository import (
    CityRepository,
    ContractorRepository,
    ParcelRepository,
    StormRepository,
)
from shared.compliance.erasure import erase
from shared.errors import PermanentError, PolicyViolation, ProviderError, Retry, Skip
from shared.events.permits import PermitScraped, PropertyScraped
from shared.events.storms import StormReported
from shared.http.client import AuthenticationWall, FetchDenied
from shared.providers.assessor import ParcelQuery
from shared.providers.context import calling_for
from shared.providers.permit_source import SourceConfig
from shared.providers.storm_feed import StormFeed
from shared.runtime import StepContext
from shared.schemas.enums import ReadingKind
from shared.schemas.workflow_inputs import (
    CityInput,
    ContractorsInput,
    ErasureInput,
    JobInput,
    PropertyInput,
    StormsInput,
)
from shared.workflow.catalogue import REFRESH_CITY

NOTHING: dict[str, Any] = {"read": 0, "stored": 0, "updated": 0, "duplicate": 0, "rejected": 0, "reasons": {}}


async def source_check(ctx: StepContext, input: CityInput) -> None:
    """Sample every permit feed; the activation fails with the reasons when none is usable."""
    sources = await service.load_sources(ctx.resources, input.subject_id, input.sources)
    verdicts = await service.check_sources(ctx.resources, sources, ctx.workflow_id)
    if not any(verdict.usable for verdict in verdicts):
        raise PermanentError(f"no source is usable: {service.refused_words(verdicts)}")
    async with ctx.commit(
        {
            "usable": [v.source for v in verdicts if v.usable],
            "refused": {v.source: list(v.reasons) for v in verdicts if not v.usable},
            "facts": {v.source: v.facts for v in verdicts},
        }
    ):
        pass


async def permits(ctx: StepContext, input: CityInput) -> None:
    """Read every usable feed, page by page; a crash resumes at the page where it stopped."""
    sources = await service.load_sources(ctx.resources, input.subject_id, input.sources)
    checked = ctx.results.get("source_check")
    usable = checked.output.get("usable", ()) if checked else ()
    rules = await service.person_rules(ctx.resources)
    laws = set()
    seen = (checked.output.get("facts") or {}) if checked else {}
    for entry in sources.permits:
        if entry["key"] in usable:
            sampled = readings.sampled_since(seen.get(entry["key"]) or {}, entry, input.since)
            await _read_feed(ctx, sources, entry, rules, since=input.since, sampled=sampled)
            laws.add(rules.law_against(sources.city.state, entry["key"]))
    counts = {name: ctx.progress.get(name, default) for name, default in NOTHING.items()}
    if input.since is None and counts["rejected"] and counts["rejected"] == counts["read"]:
        raise PermanentError(f"no row of the feeds can be kept: {', '.join(counts['reasons'])}")
    told = {"misplaced": ctx.progress.get("misplaced", 0), "persons_left_out": _named(laws)}
    async with ctx.commit({**counts, **told}) as tx:
        newest = await CityRepository(tx.session).note_scrape(input.subject_id)
        if counts["stored"] or counts["updated"]:
            tx.publish(
                PermitScraped(
                    city_id=input.subject_id,
                    stored=counts["stored"],
                    updated=counts["updated"],
                    newest_issued_on=newest.isoformat() if newest else None,
                )
            )


async def date_roofs(ctx: StepContext, input: CityInput) -> None:
    """Let the re-roof permits that a refresh brought date the city's roofs."""
    async with ctx.commit() as tx:
        dating = await service.date_roofs(tx.session, input.subject_id)
        tx.output = {"roofs_dated": dating.dated, "suppressed_addresses": dating.suppressed}


def _named(laws: Iterable[str | None]) -> list[str]:
    """The laws by which persons were left out."""
    return sorted(law for law in laws if law)


async def _read_feed(
    ctx: StepContext,
    sources: service.CitySources,
    entry: Mapping[str, Any],
    rules: PersonRules,
    *,
    since: date | None,
    sampled: int,
) -> None:
    key = entry["key"]
    cursors: dict[str, Any] = dict(ctx.progress.get("cursors") or {})
    if key in cursors and cursors[key] is None:
        return
    reader = ctx.resources.providers.permit_source(SourceConfig.model_validate(entry))
    mapped = sources.permit_map(entry)
    async with _reading(ctx, sources, entry, Shape.of_permits(mapped), since=since) as reading:
        async for page in reader.pages(since=since, cursor=cursors.get(key)):
            reading.look(page.rows)
            if page.cursor is None:
                await _refuse_zero(ctx, reading, key, sampled)
            cursors = {**cursors, key: page.cursor}
            async with ctx.resources.unit_of_work() as uow:
                report = await service.store_permit_page(uow.session, page, mapped, rules)
                counts = service.add_reports(ctx.progress, report)
                facts = {**counts, "misplaced": reading.misplaced, "cursors": cursors}
                await ctx.report(facts, uow.session)
                await reading.keep(uow.session, report)
                if page.cursor is None:
                    await reading.end(uow.session)


@asynccontextmanager
async def _reading(
    ctx: StepContext,
    sources: service.CitySources,
    entry: Mapping[str, Any],
    shape: Shape,
    *,
    since: date | None = None,
    kind: ReadingKind = ReadingKind.PERMITS,
) -> AsyncIterator[Reading | Unwatched]:
    """The reading of a city's own source, watched; a replay says nothing of the live source."""
    with calling_for("city", sources.city.id, workflow_id=ctx.workflow_id):
        if not sources.own:
            yield Unwatched()
            return
        today = datetime.now(UTC).date()
        dated = readings.is_dated(entry)
        source = ReadSource(entry["key"], kind, sources.city.id, ctx.workflow_id, since, today, dated=dated)
        async with reading_of(ctx.resources.unit_of_work, source, shape) as reading:
            yield reading


async def _refuse_zero(ctx: StepContext, reading: Reading | Unwatched, key: str, sampled: int = 0) -> None:
    """Fail where rows were to be expected and none came; the next attempt reads the source from its start."""
    try:
        reading.refuse_unexpected_zero(sampled)
    except SourceFailed:
        cursors = {name: at for name, at in (ctx.progress.get("cursors") or {}).items() if name != key}
        await ctx.report({**ctx.progress, "cursors": cursors})
        raise


async def parcels(ctx: StepContext, input: CityInput) -> None:
    """Read the first parcel layer that may be read, or derive parcels from permit addresses; then date the roofs."""
    sources = await service.load_sources(ctx.resources, input.subject_id, input.sources)
    sealing = service.Sealing(await service.person_rules(ctx.resources), ctx.resources.keys)
    denied: list[str] = []
    laws = set()
    for entry in sources.parcels:
        try:
            await _read_layer(ctx, sources, entry, sealing)
        except FetchDenied as refused:
            denied.append(refused.detail)
            continue
        laws.add(sealing.rules.law_against(sources.city.state, entry["key"]))
        break
    if denied and len(denied) == len(sources.parcels):
        raise PermanentError(f"no parcel layer is left: {'; '.join(denied)}")
    progress = dict(ctx.progress)
    async with ctx.commit() as tx:
        derived = 0
        if not sources.parcels:
            derived = (await ParcelRepository(tx.session).derive_from_permits(input.subject_id)).stored
        dating = await service.date_roofs(tx.session, input.subject_id)
        tx.output = {
            "stored": progress.get("stored", 0) + derived,
            "updated": progress.get("updated", 0),
            "rejected": progress.get("rejected", 0),
            "denied": denied,
            "derived": derived,
            "persons_left_out": _named(laws),
            "roofs_dated": dating.dated,
            "suppressed_addresses": dating.suppressed,
        }


async def _read_layer(
    ctx: StepContext, sources: service.CitySources, entry: Mapping[str, Any], sealing: service.Sealing
) -> None:
    key = entry["key"]
    cursors: dict[str, Any] = dict(ctx.progress.get("cursors") or {})
    if key in cursors and cursors[key] is None:
        return
    reader = ctx.resources.providers.parcel_source(SourceConfig.model_validate(entry))
    mapped = sources.parcel_map(entry)
    async with _reading(ctx, sources, entry, Shape.of_parcels(mapped), kind=ReadingKind.PARCELS) as reading:
        async for page in reader.pages(cursor=cursors.get(key)):
            reading.look(page.rows)
            if page.cursor is None:
                await _refuse_zero(ctx, reading, key)
            cursors = {**cursors, key: page.cursor}
            before = ctx.progress
            async with ctx.resources.unit_of_work() as uow:
                stored, refused = await service.store_parcel_page(
                    uow.session, page, mapped, sources.city, sealing
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
                await reading.keep(uow.session, IngestReport(rejected=refused))
                if page.cursor is None:
                    await reading.end(uow.session)


async def storms(ctx: StepContext, input: CityInput) -> None:
    """Read the storm reports of the last months; a replay uses those imported before."""
    sources = await service.load_sources(ctx.resources, input.subject_id, input.sources)
    if sources.config.get("storms") == "imported":
        async with ctx.commit({"read": 0, "note": "storms imported before are used"}):
            return
    feeds = ctx.resources.providers.storm_feeds
    days = ctx.resources.settings.storm_days
    reading = await _read_storms(ctx, feeds, days, retry_seconds=30)
    async with ctx.commit(reading.facts()) as tx:
        await readings.keep_storm_runs(tx.session, reading.feeds, ctx.workflow_id, days)


async def _read_storms(
    ctx: StepContext, feeds: Sequence[StormFeed], days: int, *, retry_seconds: float
) -> service.StormReading:
    reading = service.StormReading()
    try:
        with calling_for("workflow", ctx.workflow_id, workflow_id=ctx.workflow_id):
            await service.read_storms(ctx.resources, feeds, days, reading)
    except (ProviderError, PermanentError):
        await _keep_failed_storms(ctx, reading, days)
        raise
    if reading.failed and reading.report.read == 0:
        await _keep_failed_storms(ctx, reading, days)
        raise Retry(retry_seconds, f"no storm feed answered: {'; '.join(reading.failed)}")
    return reading


async def _keep_failed_storms(ctx: StepContext, reading: service.StormReading, days: int) -> None:
    async with ctx.resources.unit_of_work() as uow:
        await readings.keep_storm_runs(uow.session, reading.feeds, ctx.workflow_id, days)


async def scrape_property(ctx: StepContext, input: PropertyInput) -> None:
    """The assessor's facts about a property, through can_fetch; skipped with a reason where there are none."""
    if "assessor" in input.skip:
        raise Skip(input.skip["assessor"])
    known, assessor, source = await service.assessor_of(ctx.resources, input.subject_id)
    try:
        with calling_for(
            "lead" if known.lead_id else "parcel", input.subject_id, workflow_id=ctx.workflow_id
        ):
            record = await assessor.look_up(ParcelQuery(apn=known.apn, street=known.address.split(",")[0]))
    except (ProviderError, PolicyViolation) as error:
        async with ctx.resources.unit_of_work() as uow:
            await readings.keep_look_up(uow.session, source.key, known.city_id, {}, error)
        _skip_where_not_allowed(error)
        raise
    metrics.PROPERTIES.labels("found" if record else "not_found").inc()
    if record is None:
        async with ctx.resources.unit_of_work() as uow:
            await readings.keep_look_up(uow.session, source.key, known.city_id, {})
        raise Skip("the assessor knows no such property")
    facts = service.assessor_facts(record)
    fields = sorted(name for name, value in facts.items() if value is not None)
    async with ctx.commit({"found": True, "fields": fields, "read": 1, "updated": 1}) as tx:
        repository = CityRepository(tx.session)
        await repository.store_assessor_facts(known.parcel_id, facts)
        await repository.store_provenance(
            known.parcel_id,
            fields,
            {"source": source.key, "fetched_at": record.fetched_at},
        )
        await readings.keep_look_up(tx.session, source.key, known.city_id, facts)
        if known.lead_id is not None:
            tx.publish(PropertyScraped(base_lead_id=known.lead_id, found=True))


def _skip_where_not_allowed(error: Exception) -> None:
    """Skip a property whose assessor may not be read, or asks who we are."""
    if isinstance(error, FetchDenied):
        metrics.PROPERTIES.labels("denied").inc()
        raise Skip(f"the assessor may not be read: {', '.join(error.decision.reasons)}") from error
    if isinstance(error, AuthenticationWall):
        metrics.PROPERTIES.labels("denied").inc()
        raise Skip("the assessor asks for a login") from error


async def refresh_permits(ctx: StepContext, _: JobInput) -> None:
    """Read the last weeks' permits of every active city, each in a workflow of its own: one that fails stops no other."""
    async with ctx.resources.unit_of_work() as uow:
        cities = await CityRepository(uow.session).active_with_permit_feeds()
    since = datetime.now(UTC).date() - timedelta(days=ctx.resources.settings.refresh_days)
    await ctx.spawn_children(REFRESH_CITY.kind, [(city_id, {"since": since}) for city_id in cities])
    await ctx.wait_for_children()


async def refresh_storms(ctx: StepContext, input: StormsInput) -> None:
    """Read the last days' storm reports and announce the new ones near active cities."""
    resources = ctx.resources
    async with resources.unit_of_work() as uow:
        began_at = await uow.database_now()
    feeds, days = resources.providers.storm_feeds, resources.settings.refresh_storm_days
    if input.near_real_time:
        feeds, days = service.near_real_time_feeds(resources), resources.settings.report_days
    days = input.days or days
    reading = await _read_storms(ctx, feeds, days, retry_seconds=300)
    async with ctx.commit() as tx:
        repository, radius = StormRepository(tx.session), resources.settings.city_radius_miles
        reached = await repository.reached_cities(
            began_at, days=resources.settings.storm_days, radius_miles=radius
        )
        await readings.keep_storm_runs(tx.session, reading.feeds, ctx.workflow_id, days)
        tx.publish(StormReported(city_id=row.city_id, reports=row.reports) for row in reached)
        tx.output = {**reading.facts(), "cities_reached": len(reached)}
        if input.subject_id is not None:
            near = await repository.count_near_city(input.subject_id, days=days, radius_miles=radius)
            tx.output = {**tx.output, "near_city": near}


async def scrape_contractors(ctx: StepContext, input: ContractorsInput) -> None:
    """The roofers of a city, most jobs first, as the step's output: who acquires contractors reads the job's results."""
    async with ctx.commit() as tx:
        found = await ContractorRepository(tx.session).of_city(input.subject_id, input.max_results)
        tx.output = {"read": len(found), "stored": len(found), "contractors": found}


async def erase_records(ctx: StepContext, input: ErasureInput) -> None:
    """Clear what this service holds of the people whose keys a privacy request destroyed."""
    async with ctx.commit() as tx:
        tx.output = await erase(tx.session, "scraper", input.subject_id)
