"""Leads for buyers: the offer, the preview, and the reveal of what they own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace import metrics
from services.marketplace.domain.market_map import Cell, MarketMap, Town, gathered, side_of_mark
from services.marketplace.domain.preview import LeadPreview, preview
from services.marketplace.domain.sold_lead import PERSON_FIELDS, OwnedLead, SoldLead
from services.marketplace.domain.speed import speed
from services.marketplace.repository.leads import LeadFilter, LeadRepository, offered_in_session
from services.marketplace.repository.sales import SaleRepository
from services.marketplace.service.desk import analysis_or_why_not, roofs_for
from services.marketplace.service.sales import SaleRefused
from services.marketplace.service.sessions import session_over, signed_in
from services.marketplace.service.terms import reached_cap
from shared.compliance.decision import Decision
from shared.compliance.loader import address_value, decide_reveals, decide_sale
from shared.db.geo import CELL_DEGREES
from shared.errors import NotAllowed, NotFound
from shared.runtime import Resources
from shared.schemas.enums import SaleStatus
from shared.schemas.page import Cursor, Page
from shared.schemas.roof_analysis import RoofAnalysisView
from shared.security import audit
from shared.security.fields import SubjectCipher
from shared.security.policy import Actor
from shared.security.subject_keys import SubjectKeys

MOST_ON_MAP: Final = 5000
_parsed = lru_cache(maxsize=512)(text)
"""A list's statement, made ready once for each set of wishes."""
SEALED = {*PERSON_FIELDS, "subject_id", "address_key"}
"""Columns of a lead that no answer repeats as they are stored."""


async def offered_leads(resources: Resources, actor: Actor, wanted: LeadFilter) -> list[LeadPreview]:
    """Previews of the available leads in the buyer's service areas, none when a cap of its own is reached.

    One trip to the database, the session included; a buyer with caps needs another.
    """
    contractor_id = _contractor(actor)
    statement, values = offered_in_session(contractor_id, wanted)
    values |= {"user_id": actor.user_id, "session_id": actor.session_id}
    rows = await resources.unit_of_work.alone(_parsed(statement), values)
    if not rows[0].open:
        raise session_over()
    if rows[0].capped:
        async with resources.unit_of_work() as uow:
            if await reached_cap(uow.session, contractor_id):
                return []
    return [preview(row._asdict()) for row in rows if row.id is not None]


async def map_of_leads(resources: Resources, actor: Actor, wanted: LeadFilter) -> MarketMap:
    """The wanted leads as marks on a map, the best MOST_ON_MAP of them."""
    contractor_id = _contractor(actor)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        repository = LeadRepository(uow.session)
        best = replace(wanted, after_id=None, after_value=None, limit=MOST_ON_MAP)
        found_cells = (
            []
            if await reached_cap(uow.session, contractor_id)
            else await repository.cells(contractor_id, best)
        )
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
    now = resources.clock()
    return [_owned(row._asdict(), now) for row in rows]


def _owned(row: dict[str, Any], now: datetime) -> OwnedLead:
    times = {name: row.pop(name) for name in ("sold_at", "first_try_at", "reported")}
    kept = row["status"] == SaleStatus.SOLD
    return OwnedLead(**row, speed=speed(kept=kept, revealed_at=row["revealed_at"], now=now, **times))


async def owned_page(
    resources: Resources, actor: Actor, *, cursor: str | None, limit: int
) -> Page[OwnedLead]:
    """What the buyer has bought, newest first, a page of it."""
    contractor_id, after = _contractor(actor), Cursor.decode(cursor)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        rows = await LeadRepository(uow.session).owned(contractor_id, limit + 1, after)
    now = resources.clock()
    items = [_owned(row._asdict(), now) for row in rows[:limit]]
    last = items[-1] if len(rows) > limit else None
    more = Cursor(last.charged_at, last.sale_id).encode() if last and last.charged_at else None
    return Page(items=items, next_cursor=more)


async def show_lead(resources: Resources, actor: Actor, lead_id: UUID) -> LeadPreview | SoldLead:
    """The full lead for its buyer, the preview for anyone it is offered to, NotFound for everybody else."""
    contractor_id = _contractor(actor)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        sale = await SaleRepository(uow.session).sale_of_lead(lead_id, contractor_id)
        if sale is None:
            row = await LeadRepository(uow.session).one_offered(contractor_id, lead_id)
            if row is None:
                raise NotFound("There is no such lead.")
            await LeadRepository(uow.session).note_view(lead_id, contractor_id, actor.user_id)
            return preview(row._asdict())
        shown = await _revealed(resources, uow.session, actor, contractor_id, [sale])
    return _allowed(_counted(shown)[0])


async def reveal(resources: Resources, actor: Actor, contractor_id: UUID, sale: Row[Any]) -> SoldLead:
    """Everything about a sold lead, after can_sell has allowed it once more; audited field by field."""
    return _allowed((await reveal_all(resources, actor, contractor_id, [sale]))[0])


async def reveal_all(
    resources: Resources, actor: Actor, contractor_id: UUID, sold: Sequence[Row[Any]]
) -> list[SoldLead | Decision]:
    """The same for many sales of a buyer, in their order, by as many statements as for one; the refusal of others."""
    async with resources.unit_of_work() as uow:
        shown = await _revealed(resources, uow.session, actor, contractor_id, sold)
    return _counted(shown)


async def _revealed(
    resources: Resources, session: AsyncSession, actor: Actor, contractor_id: UUID, sold: Sequence[Row[Any]]
) -> list[SoldLead | Decision]:
    """The reveal in the caller's transaction, which must commit before anybody is answered, refused or not."""
    lead_ids = [sale.base_lead_id for sale in sold]
    leads = await LeadRepository(session).full(lead_ids)
    hashes = {lead_id: _address_hash(resources, leads[lead_id]) for lead_id in lead_ids}
    decisions = await decide_reveals(session, hashes, contractor_id)
    allowed = [sale for sale in sold if decisions[sale.base_lead_id].allow]
    subjects = {leads[sale.base_lead_id].subject_id for sale in allowed} - {None}
    ciphers = await SubjectKeys(session, resources.keys).load_many(subjects)
    shown = {
        sale.id: _sold_lead(leads[sale.base_lead_id], ciphers, decisions[sale.base_lead_id], sale)
        for sale in allowed
    }
    await SaleRepository(session).reveal(list(shown))
    seen = [_seen(lead) for lead in shown.values()]
    await audit.record_all(session, actor, "lead.reveal", seen, service="marketplace", object_type="lead")
    return [shown.get(sale.id) or decisions[sale.base_lead_id] for sale in sold]


def _counted(shown: list[SoldLead | Decision]) -> list[SoldLead | Decision]:
    """The same, once it is committed, as the metrics count it."""
    refused = sum(isinstance(each, Decision) for each in shown)
    metrics.REVEALS.labels("shown").inc(len(shown) - refused)
    metrics.REVEALS.labels("refused").inc(refused)
    return shown


def _allowed(shown: SoldLead | Decision) -> SoldLead:
    if isinstance(shown, Decision):
        raise _refusal(shown)
    return shown


def _seen(lead: SoldLead) -> audit.Entry:
    """What the trail keeps of a lead that was shown."""
    fields = [name for name in PERSON_FIELDS if getattr(lead, name)]
    return audit.Entry(lead.id, fields, f"sale {lead.sale_id}")


def _sold_lead(
    lead: Row[Any], ciphers: Mapping[UUID, SubjectCipher], decision: Decision, sale: Row[Any]
) -> SoldLead:
    """The lead with its person as far as the decision and the sale show it."""
    masked = set(decision.masked_fields) | set(sale.masked_fields)
    return SoldLead(
        **{name: value for name, value in lead._asdict().items() if name not in SEALED},
        **_person(lead, ciphers, masked),
        masked={name: list(why) for name, why in decision.masked_fields.items()},
        sale_id=sale.id,
        price_paid=sale.price,
        charged_at=sale.charged_at,
    )


def _address_hash(resources: Resources, house: Row[Any]) -> str:
    return resources.keys.blind_index(address_value(house.state, house.address_key), "address")


async def may_show(
    resources: Resources, session: AsyncSession, lead_id: UUID, contractor_id: UUID, house: Row[Any]
) -> Decision:
    """Whether this buyer may still see what it bought; stored."""
    return await decide_sale(session, lead_id, contractor_id, address_hash=_address_hash(resources, house))


def refuse_unless_allowed(decision: Decision) -> None:
    """Return where a bought lead may be shown; SaleRefused with the reasons where not."""
    if not decision.allow:
        raise _refusal(decision)


def _refusal(decision: Decision) -> SaleRefused:
    return SaleRefused("This lead may not be shown any more.", reasons=list(decision.reasons))


async def bought_analysis(resources: Resources, actor: Actor, lead_id: UUID) -> RoofAnalysisView:
    """What the models saw on the roof of a lead that this buyer owns and may still see; NotFound otherwise."""
    contractor_id = _contractor(actor)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        sale = await SaleRepository(uow.session).sale_of_lead(lead_id, contractor_id)
        if sale is None:
            raise NotFound("There is no such lead.")
        house = (await LeadRepository(uow.session).full([lead_id]))[lead_id]
        decision = await may_show(resources, uow.session, lead_id, contractor_id, house)
    refuse_unless_allowed(decision)
    return await roofs_for(resources, actor).analysis(lead_id)


async def bought_analysis_if_any(
    resources: Resources, actor: Actor, lead_id: UUID
) -> tuple[RoofAnalysisView | None, str | None]:
    """The same, or why there is nothing to show: a lead without it is still a lead."""
    return await analysis_or_why_not(bought_analysis(resources, actor, lead_id))


def _person(lead: Row[Any], ciphers: Mapping[UUID, SubjectCipher], masked: set[str]) -> dict[str, str | None]:
    """The fields of a person that may be shown; none of one whose key is gone."""
    cipher = ciphers.get(lead.subject_id)
    return {
        name: None if cipher is None or name in masked else cipher.decrypt_optional(name, getattr(lead, name))
        for name in PERSON_FIELDS
    }


def _contractor(actor: Actor) -> UUID:
    if actor.contractor_id is None:
        raise NotAllowed("Only a contractor sees the market.")
    return actor.contractor_id
