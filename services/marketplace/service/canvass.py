"""The way from door to door of a buyer's unfinished leads."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Row

from services.marketplace.domain.canvass import (
    FINISHED,
    MOST_STOPS,
    Canvass,
    Point,
    Stop,
    badge,
    length_miles,
    route,
    street_of,
)
from services.marketplace.domain.contact_terms import channels
from services.marketplace.domain.lead_triggers import storms_together
from services.marketplace.domain.sold_lead import SoldLead
from services.marketplace.repository.canvass import CanvassRepository
from services.marketplace.service.leads import reveal_all
from services.marketplace.service.sessions import own_company, signed_in
from shared.runtime import Resources
from shared.schemas.enums import TriggerType
from shared.security.policy import Action, Actor


async def plan(resources: Resources, actor: Actor, start: Point | None) -> Canvass:
    """The company's unfinished leads in an order to go them, from `start` or else from the best of them.

    Seeing them here is a reveal as on their own pages: each passes can_sell again and stands in the audit trail.
    """
    contractor_id = own_company(actor, Action.SALE_REPORT)
    place = (start.lat, start.lng) if start else None
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        repository = CanvassRepository(uow.session)
        sold = await repository.unfinished(contractor_id, place, FINISHED, MOST_STOPS)
    shown = await reveal_all(resources, actor, contractor_id, sold) if sold else []
    stops = [_stop(lead, sale) for lead, sale in zip(shown, sold, strict=True) if isinstance(lead, SoldLead)]
    way = route(stops, start)
    return Canvass(
        stops=way,
        miles=length_miles(way, start),
        withheld=len(sold) - len(stops),
        further=sold[0].unfinished - len(sold) if sold else 0,
    )


def _stop(lead: SoldLead, sale: Row[Any]) -> Stop:
    return Stop(
        sale_id=lead.sale_id,
        address=f"{lead.address} {lead.unit}" if lead.unit else lead.address,
        street=street_of(lead.address),
        city=lead.city,
        state=lead.state,
        zip=lead.zip,
        grade=lead.grade,
        score=lead.quality_score,
        lat=sale.lat,
        lng=sale.lng,
        storm_at=_last_storm(lead),
        may=[badge(channel) for channel in channels(lead)],
        last=sale.last,
        earliest=sale.earliest,
    )


def _last_storm(lead: SoldLead) -> datetime | None:
    storms = [each.date for each in storms_together(lead.triggers) if each.type is TriggerType.WEATHER_EVENT]
    return max(filter(None, storms), default=None)
