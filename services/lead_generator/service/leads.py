"""Known leads looked at again: triggers, score, grade and price, for their own workflow, a storm or an operator."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from services.lead_generator.domain.triggers import Trigger
from services.lead_generator.repository.leads import LeadRepository
from services.lead_generator.repository.parcel_triggers import ParcelTriggerRepository
from services.lead_generator.repository.prospects import ProspectRepository
from services.lead_generator.service.scoring import by_lead, by_parcel, lead_triggers, scored_lead, storm_ids
from shared.db.unit_of_work import UnitOfWork
from shared.errors import Conflict, NotFound
from shared.events.leads import LeadScored
from shared.runtime import Resources
from shared.security import audit
from shared.security.policy import Actor
from shared.workflow.catalogue import PROPERTY, PROSPECT_ACTIVE_CITIES, PUBLISH_LEAD
from shared.workflow.ordering import start_ordered
from shared.workflow.start import Started, live_workflow, start_many

SERVICE = "lead_generator"
NOT_YET_SOLD = ("processing", "review")


class LeadUnderWay(Conflict):
    """The lead's own workflow has not ended: it publishes the lead, or waits for a reviewer."""

    code = "lead-under-way"


class NotToPublish(Conflict):
    """A lead that is on sale, sold or off the market."""

    code = "lead-not-to-publish"


class CityNotActive(Conflict):
    """A city whose sources nobody has activated."""

    code = "city-not-active"


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look at some leads found, by the ids they were asked for by."""

    leads: dict[UUID, UUID]
    """Lead of each property that is one."""
    found: dict[UUID, dict[str, Any]]
    """By lead."""
    parcels: dict[UUID, list[Row[Any]]] = field(default_factory=dict)
    """Stored reasons of the properties that are parcels and no leads."""

    def unknown(self, property_ids: Iterable[UUID]) -> list[UUID]:
        """The properties that are no lead."""
        return [each for each in property_ids if each not in self.leads]


async def find_triggers(repository: LeadRepository, leads: Sequence[Row[Any]]) -> list[tuple[UUID, Trigger]]:
    """Every reason to visit these houses now, stored with the storm flags that rest on them."""
    ids = [lead.id for lead in leads]
    storms = await repository.storms_near(ids)
    near = by_lead(storms)
    found = [(lead.id, trigger) for lead in leads for trigger in lead_triggers(lead, near[lead.id])]
    await repository.upsert_triggers(found, storm_ids(storms))
    await repository.note_storm_flags(ids)
    return found


async def scores(repository: LeadRepository, leads: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    """What the rules say of leads by their stored triggers; nothing is stored."""
    active = by_lead(await repository.active_triggers([lead.id for lead in leads]))
    return [scored_lead(lead, active[lead.id]) for lead in leads]


async def store(tx: UnitOfWork, scored: Sequence[dict[str, Any]]) -> Sequence[Row[Any]]:
    """Store scores and tell of them. The leads that changed."""
    return await _tell(tx, await LeadRepository(tx.session).store_scores(scored))


async def _tell(tx: UnitOfWork, changed: Sequence[Row[Any]]) -> Sequence[Row[Any]]:
    """Tell of leads that have another score; those that were below sixty until now go to the gate."""
    saleable: list[tuple[UUID, dict[str, Any]]] = [(row.id, {}) for row in changed if row.saleable]
    if saleable:
        await start_many(tx.session, PUBLISH_LEAD, saleable)
    tx.publish(LeadScored(base_lead_id=r.id, score=r.quality_score, grade=r.grade) for r in changed)
    return changed


async def rescore(tx: UnitOfWork, lead_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """Triggers, then scores of leads that have one; the leads that changed."""
    repository = LeadRepository(tx.session)
    leads = await repository.many(lead_ids)
    await find_triggers(repository, leads)
    # A lead without a score is on its way through its own workflow, which scores it with what is stored here.
    changed = await _tell(tx, await repository.rescore(lead_ids))
    await repository.prolong_storm_offers(lead_ids)
    return changed


async def score_properties(resources: Resources, actor: Actor, property_ids: Sequence[UUID]) -> Looked:
    """Scores of leads by today's facts, stored where nobody has reserved or bought the lead (G-18)."""
    async with resources.unit_of_work() as uow:
        repository = LeadRepository(uow.session)
        leads = await repository.leads_of(property_ids)
        scored = await scores(repository, await repository.many(list(leads.values())))
        changed = {row.id for row in await store(uow, scored)}
        await _note(uow, actor, "lead.score", leads.values())
    found = {
        row["lead_id"]: {
            "score": row["score"],
            "grade": row["grade"],
            "price_usd": row["price"],
            "breakdown": row["breakdown"],
            "changed": row["lead_id"] in changed,
        }
        for row in scored
    }
    return Looked(leads, found)


async def detect_triggers(resources: Resources, actor: Actor, property_ids: Sequence[UUID]) -> Looked:
    """Reasons to visit leads now, stored, and what prospecting stored of parcels; scores follow when somebody scores."""
    async with resources.unit_of_work() as uow:
        repository = LeadRepository(uow.session)
        leads = await repository.leads_of(property_ids)
        rows = await repository.many(list(leads.values()))
        found: dict[UUID, dict[str, Any]] = {row.id: {"triggers": []} for row in rows}
        for lead_id, trigger in await find_triggers(repository, rows):
            found[lead_id]["triggers"].append(
                {
                    "type": trigger.trigger_type,
                    "strength": trigger.strength,
                    "occurred_at": trigger.occurred_at,
                    "expires_at": trigger.expires_at,
                    "details": trigger.details,
                }
            )
        await _note(uow, actor, "lead.triggers", leads.values())
        others = [each for each in property_ids if each not in leads]
        parcels = by_parcel(await ParcelTriggerRepository(uow.session).of_parcels(others)) if others else {}
    return Looked(leads, found, parcels)


async def order_generation(resources: Resources, actor: Actor, city_id: UUID) -> Started:
    """Start the job that makes leads of an active city's best parcels; the one that runs already is it."""
    async with resources.unit_of_work() as uow:
        repository = ProspectRepository(uow.session)
        if await repository.city(city_id) is None:
            raise NotFound(f"there is no city {city_id}", city_id=str(city_id))
        if not await repository.active_cities(city_id):
            raise CityNotActive("the city is not active: activate it first", city_id=str(city_id))
        return await start_ordered(
            uow.session,
            actor,
            PROSPECT_ACTIVE_CITIES.kind,
            service=SERVICE,
            subject_id=city_id,
            input={"city_id": str(city_id)},
        )


async def order_publication(resources: Resources, actor: Actor, lead_id: UUID) -> Started:
    """Start the job that asks law and gate again; neither is passed by asking."""
    async with resources.unit_of_work() as uow:
        repository = LeadRepository(uow.session)
        lead = await repository.one(lead_id)
        if lead is None:
            raise NotFound(f"there is no lead {lead_id}", lead_id=str(lead_id))
        if lead.status not in NOT_YET_SOLD:
            raise NotToPublish(f"the lead is {lead.status}", lead_id=str(lead_id), status=lead.status)
        if await live_workflow(uow.session, PROPERTY.kind, lead_id):
            raise LeadUnderWay("the lead's own workflow has not ended", lead_id=str(lead_id))
        return await start_ordered(uow.session, actor, PUBLISH_LEAD.kind, service=SERVICE, subject_id=lead_id)


async def _note(uow: UnitOfWork, actor: Actor, action: str, lead_ids: Iterable[UUID]) -> None:
    ids = sorted(map(str, lead_ids))
    await audit.record(
        uow.session,
        actor,
        action,
        service=SERVICE,
        object_type="base_lead",
        object_id=ids[0] if len(ids) == 1 else None,
        details={} if len(ids) == 1 else {"lead_ids": ids},
    )
