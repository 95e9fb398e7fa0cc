"""Steps of the lead generator: prospecting a city; triggers, score, cluster and publication of a property."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, get_args
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.lead_generator import metrics
from services.lead_generator.domain.publishing import LeadFacts, Review, Way, publication_of
from services.lead_generator.repository.hvac import HvacRepository
from services.lead_generator.repository.leads import LeadRepository
from services.lead_generator.repository.parcel_storms import ParcelStormRepository
from services.lead_generator.repository.prospects import ProspectRepository
from services.lead_generator.service import lead_triggers, score_lead, storm_ids
from shared.compliance.loader import address_value, decide_offer
from shared.compliance.policy import policy_at
from shared.db.unit_of_work import UnitOfWork
from shared.errors import PermanentError, Skip
from shared.events.leads import LeadCreated, LeadPublished, LeadScored
from shared.runtime import Resources, StepContext
from shared.runtime.limits import prospect_cap
from shared.schemas.enums import LeadStatus, TriggerType
from shared.schemas.workflow_inputs import CityInput, HvacInput, JobInput, PropertyInput, ProspectInput


async def prospecting(ctx: StepContext, input: CityInput) -> None:
    """Judge every parcel of the city and make leads of the best new candidates."""
    async with ctx.commit() as tx:
        tx.output = await _prospect_city(
            ctx.resources, tx, input.subject_id, cap=input.prospect_cap, recorded=input.recorded
        )


async def prospect_active_cities(ctx: StepContext, input: ProspectInput) -> None:
    """The same for every active city once a day, or for one that a storm has reached; new leads get their own workflows."""
    async with ctx.resources.unit_of_work() as uow:
        cities = await ProspectRepository(uow.session).active_cities(input.city_id)
    totals: dict[str, int] = {"cities": len(cities), "inserted": 0}
    for city_id in cities:
        async with ctx.resources.unit_of_work() as uow:
            counts = await _prospect_city(ctx.resources, uow, city_id, cap=None)
        totals["inserted"] += counts["inserted"]
    async with ctx.commit(totals):
        pass


async def _prospect_city(
    resources: Resources, tx: UnitOfWork, city_id: UUID, *, cap: int | None, recorded: bool = False
) -> dict[str, int]:
    repository = ProspectRepository(tx.session)
    city = await repository.city(city_id)
    if city is None:
        raise PermanentError(f"there is no city {city_id}")
    await repository.lock_city(city_id)
    now = await tx.database_now()
    sale_rules = policy_at(now).sale
    sales_on = (
        city.sale_enabled
        if city.sale_enabled is not None
        else city.state not in sale_rules["states_off_by_default"]
    )
    opted_out = await _opted_out(resources, repository, city_id)
    as_of = await repository.recording_day(city_id) if recorded else None
    struck = await ParcelStormRepository(tx.session).match(city_id, as_of=as_of)
    judged = await repository.judge(city_id, opted_out=opted_out, sales_on=sales_on, as_of=as_of)
    limit = cap if cap is not None else await prospect_cap(resources, city.daily_prospect_cap)
    inserted = await repository.insert(max(0, limit - await repository.started_today(city_id)))
    prohibited = [state for state, law in sale_rules["public_record_states"].items() if law == "prohibited"]
    stripped = await repository.strip_person_fields(inserted, prohibited)
    tx.publish(LeadCreated(base_lead_id=lead_id, city_id=city_id) for lead_id in inserted)
    for verdict, number in judged.items():
        metrics.PROSPECTS.labels(verdict).inc(number)
    done = {"inserted": len(inserted), "person_fields_stripped": stripped, "struck_by_storms": struck}
    return {**judged, **done, "cap": limit}


async def _opted_out(resources: Resources, repository: ProspectRepository, city_id: UUID) -> list[UUID]:
    suppressed = await repository.suppressed_addresses()
    if not suppressed:
        return []
    keys = resources.keys
    return [
        parcel.id
        for parcel in await repository.parcel_keys(city_id)
        if keys.blind_index(address_value(parcel.state, parcel.address_key), "address") in suppressed
    ]


async def triggers(ctx: StepContext, input: PropertyInput) -> None:
    """Store every reason to visit this house now."""
    async with ctx.commit() as tx:
        repository = LeadRepository(tx.session)
        await repository.refresh_from_parcel(input.subject_id)
        lead = await repository.one(input.subject_id)
        if lead is None:
            raise PermanentError(f"there is no lead {input.subject_id}")
        await repository.follow_records(input.subject_id)
        storms = await repository.storms_near(input.subject_id)
        found = lead_triggers(lead, storms)
        await repository.upsert_triggers(input.subject_id, found, storm_ids(storms))
        await repository.note_storm_flags(input.subject_id)
        tx.output = {"triggers": sorted(t.trigger_type.value for t in found)}


async def score(ctx: StepContext, input: PropertyInput) -> None:
    """Score, grade and price the lead, with the explanation stored beside them."""
    async with ctx.commit() as tx:
        repository = LeadRepository(tx.session)
        lead = await repository.one(input.subject_id)
        if lead is None:
            raise PermanentError(f"there is no lead {input.subject_id}")
        result, price = score_lead(lead, await repository.active_triggers(input.subject_id))
        await repository.store_score(
            input.subject_id,
            {
                "score": result.total,
                "grade": result.grade,
                "price": price,
                "breakdown": result.breakdown(),
                "confidence": lead.calibrated_confidence,
            },
        )
        tx.publish(LeadScored(base_lead_id=input.subject_id, score=result.total, grade=result.grade))
        tx.output = {"score": result.total, "grade": result.grade, "price": str(price) if price else None}
    metrics.SCORES.observe(result.total)


async def cluster(ctx: StepContext, input: PropertyInput) -> None:
    """Put the lead into the nearest cluster within two miles, or begin one."""
    settings = ctx.resources.settings
    async with ctx.resources.unit_of_work() as uow:
        lead = await LeadRepository(uow.session).one(input.subject_id)
    if lead is None or not lead.located:
        raise Skip("the lead has no point on the map")
    async with ctx.commit() as tx:
        repository = LeadRepository(tx.session)
        await repository.lock_clusters(lead.city_id)
        cluster_id = await repository.nearest_cluster(
            input.subject_id, radius_miles=settings.cluster_radius_miles, max_leads=settings.cluster_max_leads
        ) or await repository.new_cluster(input.subject_id, settings.cluster_radius_miles)
        await repository.join_cluster(input.subject_id, cluster_id)
        tx.output = {"cluster_id": str(cluster_id)}


async def publish(ctx: StepContext, input: PropertyInput) -> None:
    """Ask the law, then the gate; the lead goes on sale, to review, or stays out with the reason stored."""
    resources = ctx.resources
    async with resources.unit_of_work() as uow:
        lead = await LeadRepository(uow.session).one(input.subject_id)
    if lead is None:
        raise PermanentError(f"there is no lead {input.subject_id}")
    address_hash = resources.keys.blind_index(address_value(lead.state, lead.address_key), "address")
    async with ctx.commit() as tx:
        decision = await decide_offer(tx.session, input.subject_id, address_hash=address_hash)
        facts = LeadFacts(
            offer_reasons=tuple(decision.reasons),
            score=lead.quality_score,
            price=lead.price,
            confidence=lead.calibrated_confidence,
            review=_validated(ctx, "review", get_args(Review)),
            has_storm_trigger=await _has_storm(tx.session, input.subject_id),
            way=_validated(ctx, "gate", get_args(Way)),
        )
        said = publication_of(facts, lead.now)
        await LeadRepository(tx.session).publish(
            input.subject_id,
            {
                "status": said.status,
                "reason": said.reason,
                "label": said.label,
                "band": said.band,
                "until": said.available_until,
            },
        )
        if said.status is LeadStatus.AVAILABLE:
            tx.publish(LeadPublished(base_lead_id=input.subject_id, city_id=lead.city_id, label=said.label))
        tx.output = {"status": said.status, "reason": said.reason, "label": said.label}
    metrics.PUBLISHED.labels(said.status, said.reason if len(said.reason) < 40 else "law").inc()


def _validated(ctx: StepContext, what: str, known: Collection[str]) -> Any:
    """What the validate step of this workflow said, in one of the known words; "none" where it did not."""
    said = ctx.results.get("validate")
    word = said.output.get(what) if said is not None and said.done else None
    return word if word in known else "none"


async def _has_storm(session: AsyncSession, lead_id: UUID) -> bool:
    rows = await LeadRepository(session).active_triggers(lead_id)
    return any(row.trigger_type == TriggerType.WEATHER_EVENT for row in rows)


async def hvac_properties(ctx: StepContext, input: HvacInput) -> None:
    """Houses, tiers and leads of the HVAC vertical as their permits say today."""
    async with ctx.commit() as tx:
        tx.output = await HvacRepository(tx.session).aggregate(input.county_id)


async def expire_leads(ctx: StepContext, _: JobInput) -> None:
    """Let triggers follow their storm's official record; end triggers and offers past their date."""
    async with ctx.commit() as tx:
        repository = LeadRepository(tx.session)
        followed = await repository.follow_records()
        counts = await repository.expire()
        tx.output = {**counts, "triggers_followed_the_record": followed}
    for what, number in counts.items():
        metrics.EXPIRED.labels(what).inc(number)
