"""Reactions of the lead generator to events."""

from __future__ import annotations

from services.lead_generator.repository.prospects import ProspectRepository
from shared.db.unit_of_work import UnitOfWork
from shared.events.leads import LeadCreated
from shared.events.storms import StormReported
from shared.runtime import Resources
from shared.workflow import start


async def take_up_lead(event: LeadCreated, uow: UnitOfWork, _: Resources) -> None:
    """Start the property workflow of a lead that no running activation will take up."""
    if not await ProspectRepository(uow.session).activation_runs(event.city_id):
        await start(
            uow.session, "property", subject_id=event.base_lead_id, input={"city_id": str(event.city_id)}
        )


async def look_after_storm(event: StormReported, uow: UnitOfWork, _: Resources) -> None:
    """Score the known leads of a city again that a storm has reached; prospect it, unless its activation does so anyway."""
    city = {"city_id": str(event.city_id)}
    await start(uow.session, "rescore_leads", subject_id=event.city_id, input=city)
    if not await ProspectRepository(uow.session).activation_runs(event.city_id):
        await start(uow.session, "prospect_active_cities", subject_id=event.city_id, input=city)
