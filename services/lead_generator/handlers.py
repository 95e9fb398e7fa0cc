"""Reactions of the lead generator to events."""

from __future__ import annotations

from services.lead_generator.repository.hvac import HvacRepository
from shared.db.unit_of_work import UnitOfWork
from shared.events.leads import LeadCreated, TerritoryChanged
from shared.events.permits import PermitScraped
from shared.events.storms import StormReported
from shared.runtime import Resources
from shared.schemas.enums import TradeVertical
from shared.workflow import start
from shared.workflow.catalogue import CITY
from shared.workflow.start import live_workflow


async def take_up_lead(event: LeadCreated, uow: UnitOfWork, _: Resources) -> None:
    """Start the property workflow of a lead that no running activation will take up."""
    if await live_workflow(uow.session, CITY.kind, event.city_id) is None:
        await start(
            uow.session, "property", subject_id=event.base_lead_id, input={"city_id": str(event.city_id)}
        )


async def look_after_storm(event: StormReported, uow: UnitOfWork, _: Resources) -> None:
    """Score the known leads of a city again that a storm has reached; prospect it, unless its activation does so anyway."""
    city = {"city_id": str(event.city_id)}
    await start(uow.session, "rescore_leads", subject_id=event.city_id, input=city)
    if await live_workflow(uow.session, CITY.kind, event.city_id) is None:
        await start(uow.session, "prospect_active_cities", subject_id=event.city_id, input=city)


async def price_territory(event: TerritoryChanged, uow: UnitOfWork, _: Resources) -> None:
    """Price the leads of a city again where one buyer began or ceased to hold them alone.

    A run of its own: one that is under way may have passed the leads in question.
    """
    await start(uow.session, "rescore_leads", input={"city_id": str(event.city_id)})


async def look_at_permits(event: PermitScraped, uow: UnitOfWork, _: Resources) -> None:
    """Look at the houses of a county whose HVAC permits were stored.

    A run that has begun may have read the permits before these came; one that waits will read them.
    """
    if event.vertical != TradeVertical.HVAC or event.county_id is None:
        return
    if not await HvacRepository(uow.session).run_waits(event.county_id):
        await start(uow.session, "hvac_properties", input={"county_id": str(event.county_id)})
