"""Leads for buyers: the offer, the preview, and the reveal of what they own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace import metrics
from services.marketplace.domain.market_map import Cell, MarketMap, Town, gathered, side_of_mark
from services.marketplace.domain.preview import LeadPreview, preview
from services.marketplace.domain.sold_lead import PERSON_FIELDS, OwnedLead, SoldLead
from services.marketplace.repository.leads import LeadFilter, LeadRepository
from services.marketplace.repository.sales import SaleRepository
from services.marketplace.service.desk import analysis_or_why_not, roofs_for
from services.marketplace.service.sales import SaleRefused
from services.marketplace.service.sessions import signed_in
from services.marketplace.service.terms import buying_terms
from shared.compliance.decision import Decision
from shared.compliance.loader import address_value, decide_sale
from shared.db.geo import CELL_DEGREES
from shared.errors import NotAllowed, NotFound
from shared.runtime import Resources
from shared.schemas.roof_analysis import RoofAnalysisView
from shared.security import audit
from shared.security.policy import Actor
from shared.security.subject_keys import SubjectErased, SubjectKeys

MOST_ON_MAP: Final = 5000
SEALED = {*PERSON_FIELDS, "subject_id", "address_key"}
"""Columns of a lead that no answer repeats as they are stored."""


async def offered_leads(resources: Resources, actor: Actor, wanted: LeadFilter) -> list[LeadPreview]:
    """Previews of the available leads in the buyer's service areas; none when a cap of its own is reached."""
    contractor_id = _contractor(actor)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        terms = await buying_terms(uow.session, contractor_id)
        if terms.cap_reached:
            return []
        timed = replace(wanted, wait_minutes=terms.wait_minutes)
        rows = await LeadRepository(uow.session).offered(contractor_id, timed)
    return [preview(row._asdict()) for row in rows]


async def map_of_leads(resources: Resources, actor: Actor, wanted: LeadFilter) -> MarketMap:
    """The wanted leads as marks on a map, the best MOST_ON_MAP of them."""
    contractor_id = _contractor(actor)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        repository, terms = LeadRepository(uow.session), await buying_terms(uow.session, contractor_id)
        best = replace(
            wanted, after_id=None, after_value=None, limit=MOST_ON_MAP, wait_minutes=terms.wait_minutes
        )
        found_cells = [] if terms.cap_reached else await repository.cells(contractor_id, best)
        cells = [Cell(**row._asdict()) for row in found_cells]
        towns = [Town.model_validate(row._asdict()) for row in await repository.towns(contractor_id)]
    found = sum(cell.leads for cell in cells)
    side = side_of_mark(cells, wanted.box, cell_degrees=CELL_DEGREES)
    return MarketMap(
        features=gathered(cells, side), degrees=side, leads=found, more=found == MOST_ON_MAP, towns=towns
    )


async def owned_leads(resources: Resources, actor: Actor, limit: int) -> list[OwnedLead]:
    """What the buyer has bought."""
    contractor_id = _contractor(actor)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        rows = await LeadRepository(uow.session).owned(contractor_id, limit)
    return [OwnedLead.model_validate(row._asdict()) for row in rows]


async def show_lead(resources: Resources, actor: Actor, lead_id: UUID) -> LeadPreview | SoldLead:
    """The full lead for its buyer, the preview for anyone it is offered to, NotFound for everybody else."""
    contractor_id = _contractor(actor)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        sale = await SaleRepository(uow.session).sale_of_lead(lead_id, contractor_id)
        if sale is None:
            terms = await buying_terms(uow.session, contractor_id)
            row = await LeadRepository(uow.session).one_offered(contractor_id, lead_id, terms.wait_minutes)
            if row is None:
                raise NotFound("There is no such lead.")
            await LeadRepository(uow.session).note_view(lead_id, contractor_id, actor.user_id)
            return preview(row._asdict())
    return await reveal(resources, actor, lead_id, contractor_id, sale)


async def reveal(
    resources: Resources, actor: Actor, lead_id: UUID, contractor_id: UUID, sale: Row[Any]
) -> SoldLead:
    """Everything about a sold lead, after can_sell has allowed it once more; audited field by field."""
    async with resources.unit_of_work() as uow:
        lead = await LeadRepository(uow.session).full(lead_id)
        decision = await may_show(resources, uow.session, lead_id, contractor_id, lead)
        person: Mapping[str, str | None] = {}
        if decision.allow:
            masked = set(decision.masked_fields) | set(sale.masked_fields)
            person = await _person(resources, uow.session, lead, masked)
            await SaleRepository(uow.session).reveal(sale.id)
            await audit.record(
                uow.session,
                actor,
                "lead.reveal",
                service="marketplace",
                object_type="lead",
                object_id=lead_id,
                fields=[name for name, value in person.items() if value],
                reason=f"sale {sale.id}",
            )
    metrics.REVEALS.labels("shown" if decision.allow else "refused").inc()
    refuse_unless_allowed(decision)
    return SoldLead(
        **{name: value for name, value in lead._asdict().items() if name not in SEALED},
        **person,
        masked={name: list(why) for name, why in decision.masked_fields.items()},
        sale_id=sale.id,
        price_paid=sale.price,
        charged_at=sale.charged_at,
    )


async def may_show(
    resources: Resources, session: AsyncSession, lead_id: UUID, contractor_id: UUID, house: Row[Any]
) -> Decision:
    """Whether this buyer may still see what it bought; stored."""
    address_hash = resources.keys.blind_index(address_value(house.state, house.address_key), "address")
    return await decide_sale(session, lead_id, contractor_id, address_hash=address_hash)


def refuse_unless_allowed(decision: Decision) -> None:
    """Return where a bought lead may be shown; SaleRefused with the reasons where not."""
    if not decision.allow:
        raise SaleRefused("This lead may not be shown any more.", reasons=list(decision.reasons))


async def bought_analysis(resources: Resources, actor: Actor, lead_id: UUID) -> RoofAnalysisView:
    """What the models saw on the roof of a lead that this buyer owns and may still see; NotFound otherwise."""
    contractor_id = _contractor(actor)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        sale = await SaleRepository(uow.session).sale_of_lead(lead_id, contractor_id)
        if sale is None:
            raise NotFound("There is no such lead.")
        house = await LeadRepository(uow.session).full(lead_id)
        decision = await may_show(resources, uow.session, lead_id, contractor_id, house)
    refuse_unless_allowed(decision)
    return await roofs_for(resources, actor).analysis(lead_id)


async def bought_analysis_if_any(
    resources: Resources, actor: Actor, lead_id: UUID
) -> tuple[RoofAnalysisView | None, str | None]:
    """The same, or why there is nothing to show: a lead without it is still a lead."""
    return await analysis_or_why_not(bought_analysis(resources, actor, lead_id))


async def _person(
    resources: Resources, session: Any, lead: Row[Any], masked: set[str]
) -> Mapping[str, str | None]:
    hidden: dict[str, str | None] = dict.fromkeys(PERSON_FIELDS)
    if lead.subject_id is None:
        return hidden
    try:
        cipher = await SubjectKeys(session, resources.keys).load(lead.subject_id)
    except SubjectErased:
        return hidden
    return {
        name: None if name in masked else cipher.decrypt_optional(name, getattr(lead, name))
        for name in PERSON_FIELDS
    }


def _contractor(actor: Actor) -> UUID:
    if actor.contractor_id is None:
        raise NotAllowed("Only a contractor sees the market.")
    return actor.contractor_id
