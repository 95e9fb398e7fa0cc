"""Steps of the lead generator: prospecting a city; triggers, score, cluster and publication of a property."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any, get_args
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.lead_generator import metrics
from services.lead_generator.domain.publishing import LeadFacts, Review, Way, publication_of
from services.lead_generator.repository.clusters import ClusterRepository
from services.lead_generator.repository.hvac import HvacRepository
from services.lead_generator.repository.leads import LeadRepository
from services.lead_generator.repository.parcel_storms import ParcelStormRepository
from services.lead_generator.repository.parcel_triggers import ParcelTriggerRepository
from services.lead_generator.repository.prospects import ProspectRepository
from services.lead_generator.service import clusters
from services.lead_generator.service.leads import find_triggers, rescore, scores
from shared.compliance.loader import address_value, decide_offer
from shared.compliance.policy import policy_at
from shared.db.unit_of_work import UnitOfWork
from shared.errors import PermanentError, Skip
from shared.events.leads import LeadCreated, LeadPublished, LeadScored, SoldLeadStruck
from shared.runtime import Resources, StepContext
from shared.runtime.limits import prospect_cap
from shared.schemas.enums import LeadStatus, TriggerType
from shared.schemas.workflow_inputs import (
    CityInput,
    ClustersInput,
    HvacInput,
    JobInput,
    PropertyInput,
    ProspectInput,
)
from shared.workflow.catalogue import PUBLISH_LEAD
from shared.workflow.start import start_many

LEADS_AT_ONCE = 500


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
    renewed = await ParcelTriggerRepository(tx.session).derive(city_id, as_of=as_of)
    judged = await repository.judge(city_id, opted_out=opted_out, sales_on=sales_on, as_of=as_of)
    limit = cap if cap is not None else await prospect_cap(resources, city.daily_prospect_cap)
    inserted = await repository.insert(max(0, limit - await repository.started_today(city_id)))
    prohibited = [state for state, law in sale_rules["public_record_states"].items() if law == "prohibited"]
    stripped = await repository.strip_person_fields(inserted, prohibited)
    tx.publish(LeadCreated(base_lead_id=lead_id, city_id=city_id) for lead_id in inserted)
    for verdict, number in judged.items():
        metrics.PROSPECTS.labels(verdict).inc(number)
    done = {"inserted": len(inserted), "person_fields_stripped": stripped, "struck_by_storms": struck}
    done["triggers_changed"] = renewed
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
        leads = await repository.many([input.subject_id])
        if not leads:
            raise PermanentError(f"there is no lead {input.subject_id}")
        await repository.follow_records(input.subject_id)
        found = await find_triggers(repository, leads)
        tx.output = {"triggers": sorted(t.trigger_type.value for _, t in found)}


async def score(ctx: StepContext, input: PropertyInput) -> None:
    """Score, grade and price the lead, with the explanation stored beside them."""
    async with ctx.commit() as tx:
        repository = LeadRepository(tx.session)
        leads = await repository.many([input.subject_id])
        if not leads:
            raise PermanentError(f"there is no lead {input.subject_id}")
        (scored,) = await scores(repository, leads)
        await repository.store_scores([scored])
        total, grade, price = scored["score"], scored["grade"], scored["price"]
        tx.publish(LeadScored(base_lead_id=input.subject_id, score=total, grade=grade))
        tx.output = {"score": total, "grade": grade, "price": str(price) if price else None}
    metrics.SCORES.observe(total)


async def rescore_leads(ctx: StepContext, input: ProspectInput) -> None:
    """Look again at the known leads of a city that a storm has reached: triggers, score, grade, price (G-16).

    Addresses whose offer ran out within the storm watch come back first, and ask the gate again; of sold ones their
    buyers are told (G-53).
    """
    async with ctx.resources.unit_of_work() as uow:
        cities = await ProspectRepository(uow.session).active_cities(input.city_id)
        await LeadRepository(uow.session).follow_records()
    totals = dict.fromkeys(("leads", "changed", "saleable", "revived"), 0)
    for city_id in cities:
        totals["revived"] += await _revive(ctx.resources, city_id)
        await _tell_of_sold(ctx.resources, city_id)
        last: UUID | None = None
        while True:
            async with ctx.resources.unit_of_work() as uow:
                ids = await LeadRepository(uow.session).known(city_id, after=last, limit=LEADS_AT_ONCE)
                changed = await rescore(uow, ids)
            totals["leads"] += len(ids)
            totals["changed"] += len(changed)
            totals["saleable"] += sum(row.saleable for row in changed)
            if len(ids) < LEADS_AT_ONCE:
                break
            last = ids[-1]
    async with ctx.commit(totals):
        pass


async def _revive(resources: Resources, city_id: UUID) -> int:
    async with resources.unit_of_work() as uow:
        back = await LeadRepository(uow.session).revive(city_id)
        await rescore(uow, back)
        await start_many(uow.session, PUBLISH_LEAD, [(lead_id, {}) for lead_id in back])
    return len(back)


async def _tell_of_sold(resources: Resources, city_id: UUID) -> None:
    async with resources.unit_of_work() as uow:
        struck = await LeadRepository(uow.session).strike_sold(city_id)
        uow.publish(SoldLeadStruck(**row._asdict()) for row in struck)


async def refresh_roofs(ctx: StepContext, input: ProspectInput) -> None:
    """Roofs a year older or laid anew since: ages, then triggers, scores and prices of the leads that this changed."""
    async with ctx.resources.unit_of_work() as uow:
        cities = await ProspectRepository(uow.session).cities_with_leads(input.city_id)
    totals = dict.fromkeys(("aged", "withdrawn", "rescored", "saleable"), 0)
    for city_id in cities:
        last: UUID | None = None
        while True:
            # On New Year's Day nearly every lead changes: a page is a transaction, so that buyers wait for none.
            async with ctx.resources.unit_of_work() as uow:
                repository = LeadRepository(uow.session)
                ids = await repository.known(city_id, after=last, limit=LEADS_AT_ONCE)
                changed = await repository.refresh_roofs(ids)
                left = [row.id for row in changed if not row.withdrawn]
                scored = await rescore(uow, left)
            totals["aged"] += len(left)
            totals["withdrawn"] += len(changed) - len(left)
            totals["rescored"] += len(scored)
            totals["saleable"] += sum(row.saleable for row in scored)
            if len(ids) < LEADS_AT_ONCE:
                break
            last = ids[-1]
    async with ctx.commit(totals):
        pass


async def cluster(ctx: StepContext, input: PropertyInput) -> None:
    """Put the lead into the nearest cluster within two miles, or begin one."""
    async with ctx.resources.unit_of_work() as uow:
        lead = await LeadRepository(uow.session).one(input.subject_id)
    if lead is None or not lead.located:
        raise Skip("the lead has no point on the map")
    async with ctx.commit() as tx:
        cluster_id = await clusters.assign(tx, lead, clusters.rules_of(ctx.resources.settings))
        tx.output = {"cluster_id": str(cluster_id)}


async def optimize_clusters(ctx: StepContext, input: ClustersInput) -> None:
    """Draw the clusters of every city with leads anew, or of the one named; a city is done or as it was."""
    async with ctx.resources.unit_of_work() as uow:
        cities = await ClusterRepository(uow.session).cities(input.city_id)
    rules = clusters.rules_of(ctx.resources.settings)
    totals: Counter[str] = Counter(cities=len(cities))
    for city_id in cities:
        async with ctx.resources.unit_of_work() as uow:
            totals.update(await clusters.draw_anew(uow, city_id, rules))
    async with ctx.commit(dict(totals)):
        pass


async def publish(ctx: StepContext, input: PropertyInput) -> None:
    """Ask the law, then the gate; the lead goes on sale, to review, or stays out with the reason stored."""
    said = ctx.results.get("validate")
    await _publish(ctx, input.subject_id, said.output if said is not None and said.done else {})


async def publish_lead(ctx: StepContext, input: PropertyInput) -> None:
    """The same for a lead that was known before, by what validation said of its current analysis."""
    async with ctx.resources.unit_of_work() as uow:
        said = await LeadRepository(uow.session).validation(input.subject_id)
    await _publish(ctx, input.subject_id, said)


async def _publish(ctx: StepContext, lead_id: UUID, validation: Mapping[str, Any]) -> None:
    resources = ctx.resources
    async with resources.unit_of_work() as uow:
        lead = await LeadRepository(uow.session).one(lead_id)
    if lead is None:
        raise PermanentError(f"there is no lead {lead_id}")
    address_hash = resources.keys.blind_index(address_value(lead.state, lead.address_key), "address")
    async with ctx.commit() as tx:
        decision = await decide_offer(tx.session, lead_id, address_hash=address_hash)
        facts = LeadFacts(
            offer_reasons=tuple(decision.reasons),
            score=lead.quality_score,
            price=lead.price,
            confidence=lead.calibrated_confidence,
            review=_known_word(validation.get("review"), get_args(Review)),
            has_storm_trigger=await _has_storm(tx.session, lead_id),
            way=_known_word(validation.get("gate"), get_args(Way)),
        )
        said = publication_of(facts, lead.now)
        moved = await LeadRepository(tx.session).publish(
            lead_id,
            {
                "status": said.status,
                "reason": said.reason,
                "label": said.label,
                "band": said.band,
                "until": said.available_until,
            },
        )
        if moved and said.status is LeadStatus.AVAILABLE:
            tx.publish(LeadPublished(base_lead_id=lead_id, city_id=lead.city_id, label=said.label))
        tx.output = {"status": said.status, "reason": said.reason, "label": said.label}
    metrics.PUBLISHED.labels(said.status, said.reason if len(said.reason) < 40 else "law").inc()


def _known_word(said: Any, known: Collection[str]) -> Any:
    """What validation said, in one of the known words; "none" where it did not."""
    return said if said in known else "none"


async def _has_storm(session: AsyncSession, lead_id: UUID) -> bool:
    rows = await LeadRepository(session).active_triggers([lead_id])
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
