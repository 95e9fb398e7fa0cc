"""Aged leads for buyers: what is on sale, a purchase that is whole or none, and the file of what was bought."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.domain.aged_buckets import originated_between
from services.marketplace.domain.aged_offer import Criterion, Order, Shortage, alternatives, price_text
from services.marketplace.repository.aged import AgedRepository, NewSale, Wanted, Windows
from services.marketplace.service.sales import SaleRefused, SalesClosed
from services.marketplace.service.sessions import signed_in
from shared.compliance.decision import Decision
from shared.compliance.loader import decide_sales
from shared.compliance.sell import FieldFact, SaleSnapshot, can_offer
from shared.compliance.snapshots import Market, owner_facts, read_market
from shared.db.unit_of_work import UnitOfWork, retry_serialization
from shared.errors import Conflict, NotAllowed, NotFound
from shared.http.idempotency import Answer, answer_once
from shared.runtime import Resources
from shared.schemas.aged_enums import AgeBucket, AgedClass
from shared.schemas.usps import STATES
from shared.security.policy import Action, Actor, visible_contractor
from shared.security.subject_keys import SubjectKeys
from shared.telemetry.logging import get_logger

SOLD_FIELDS: Final = ("owner_name", "owner_email", "owner_phone", "mailing_address")
"""The person fields of a lead, in the words of can_sell."""
QUOTE_MINUTES: Final = 15

log = get_logger(__name__)


class InsufficientInventory(Conflict):
    """There is less on sale than asked for; nothing was bought."""

    code = "insufficient-inventory"

    def __init__(self, shortage: Shortage) -> None:
        super().__init__(
            f"{shortage.available} of {shortage.requested} leads are on sale: {shortage.criteria}"
        )
        self.shortage = shortage


class QuoteExpired(Conflict):
    """The prices of this quote do not hold any more."""

    code = "quote-expired"


class NotOnSale(Conflict):
    """Some of the items cannot be bought; they are in the fields."""

    code = "not-on-sale"


@dataclass(frozen=True, slots=True)
class Shelf:
    """The stock as one transaction sees it."""

    session: AsyncSession
    repository: AgedRepository
    now: datetime
    market: Market
    states: Sequence[str]
    prices: dict[tuple[AgedClass, AgeBucket], int]

    def wanted(self, bucket: AgeBucket | None = None, **place: Any) -> Wanted:
        """A part of the stock: one bucket or all, in the states where sales are allowed."""
        return Wanted(windows([bucket] if bucket else list(AgeBucket), self.now), self.states, **place)


@dataclass(frozen=True, slots=True)
class Picked:
    """Items of one criterion, and how many outgrown ones they stand in for."""

    items: list[Row[Any]]
    replaced: int


def windows(buckets: Sequence[AgeBucket], now: datetime) -> Windows:
    """When the leads of these buckets originated."""
    afters, untils = zip(*(originated_between(bucket, now) for bucket in buckets), strict=True)
    return Windows(buckets, afters, untils)


async def open_shelf(uow: UnitOfWork, contractor_id: UUID | None = None) -> Shelf:
    """The stock of this transaction; only states in which the law and our switches let us sell are on it."""
    repository, market = AgedRepository(uow.session), await read_market(uow.session, contractor_id)
    now = await uow.database_now()
    states = [state for state in sorted(STATES) if can_offer(market.snapshot(state, state), now).allow]
    return Shelf(uow.session, repository, now, market, states, await repository.active_prices())


def client_of(actor: Actor, action: Action, client_id: UUID) -> UUID:
    """The client the actor acts for; NotAllowed for another one's."""
    own = visible_contractor(actor, action)
    if own is not None and own != client_id:
        raise NotAllowed("You may act only for your own company.")
    return client_id


async def still_signed_in(session: AsyncSession, actor: Actor) -> None:
    """NotAuthenticated for a person whose session has ended; a service has none."""
    if actor.user_id is not None:
        await signed_in(session, actor)


async def inventory(
    resources: Resources, actor: Actor, *, bucket: AgeBucket | None, limit: int, **place: Any
) -> dict[str, Any]:
    """Leads on sale with first name and town, and how many there are."""
    async with resources.unit_of_work() as uow:
        await still_signed_in(uow.session, actor)
        shelf = await open_shelf(uow)
        wanted = shelf.wanted(bucket, **place)
        rows = await shelf.repository.available(wanted, limit)
        total = await shelf.repository.count(wanted)
        people = await read_people(uow.session, resources, rows)
    return {"items": [_item(row, people.get(row.subject_id, {})) for row in rows], "total": total}


async def locations(resources: Resources, actor: Actor) -> dict[str, Any]:
    """States and counties with something on sale."""
    async with resources.unit_of_work() as uow:
        await still_signed_in(uow.session, actor)
        shelf = await open_shelf(uow)
        rows = await shelf.repository.counties(shelf.wanted())
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row.state, []).append(row.county)
    return {"states": list(found), "counties_by_state": found}


async def purchase(resources: Resources, actor: Actor, order: Order, *, key: str | None) -> dict[str, Any]:
    """Buy all leads of the order or none; the same key answers the same.

    Raises InsufficientInventory with what could be bought instead, SaleRefused with reasons, NotFound.
    """
    client_of(actor, Action.AGED_PURCHASE, order.client_id)
    if not await resources.flags.enabled("sales_enabled", default=True):
        raise SalesClosed("Sales are switched off at the moment.")
    return await retry_serialization(lambda: _purchase(resources, actor, order, key))


async def _purchase(resources: Resources, actor: Actor, order: Order, key: str | None) -> dict[str, Any]:
    async with resources.unit_of_work() as uow:
        await still_signed_in(uow.session, actor)
        if key is None:
            return (await _buy(uow, actor, order)).body
        answer = await answer_once(
            uow.session,
            lambda: _buy(uow, actor, order),
            scope=f"aged.purchase:{order.client_id}",
            key=key,
            request=order.model_dump(mode="json"),
        )
    return answer.body


async def _buy(uow: UnitOfWork, actor: Actor, order: Order) -> Answer:
    shelf = await open_shelf(uow, order.client_id)
    if not await shelf.repository.is_contractor(order.client_id):
        raise NotFound("There is no such client.")
    items: list[Row[Any]] = []
    replaced = 0
    for index, criterion in enumerate(order.criteria):
        taken = [item.inventory_id for item in items]
        picked = await _pick(shelf, criterion, taken)
        if len(picked.items) < criterion.quantity:
            raise InsufficientInventory(await _shortage(shelf, order, index, taken, len(picked.items)))
        items += picked.items
        replaced += picked.replaced
    return await _sell(shelf, actor, order, items, replaced)


async def _pick(shelf: Shelf, criterion: Criterion, taken: Sequence[UUID]) -> Picked:
    """Lock items for a criterion, outgrown ones replaced; fewer than wanted only where there really are fewer."""
    if (criterion.classification, criterion.age_bucket) not in shelf.prices:
        raise Conflict(f"{criterion.classification} {criterion.age_bucket} has no price at the moment.")
    wanted = _part(shelf, criterion, taken)
    after, until = originated_between(criterion.age_bucket, shelf.now)
    first = await shelf.repository.pick_labelled(wanted, criterion.quantity)
    items = [row for row in first if after < row.originated_at <= until]
    outgrown = [row.inventory_id for row in first if row.originated_at <= after]
    if outgrown:
        await shelf.repository.withdraw(outgrown)
    for again in (shelf.repository.pick_free, shelf.repository.pick_waiting):
        missing = criterion.quantity - len(items)
        if missing:
            rest = replace(wanted, taken=[*taken, *(row.inventory_id for row in items)])
            items += await again(rest, missing)
    return Picked(items, replaced=len(outgrown))


def _part(shelf: Shelf, criterion: Criterion, taken: Sequence[UUID]) -> Wanted:
    return shelf.wanted(
        criterion.age_bucket,
        classification=criterion.classification,
        state=criterion.state,
        county=criterion.county,
        taken=taken,
    )


async def _shortage(
    shelf: Shelf, order: Order, index: int, taken: Sequence[UUID], available: int
) -> Shortage:
    criterion = order.criteria[index]
    here = replace(_part(shelf, criterion, taken), windows=windows(list(AgeBucket), shelf.now))
    everywhere = replace(_part(shelf, criterion, taken), state=None, county=None)
    several = len(order.criteria) > 1
    return Shortage(
        requested=criterion.quantity,
        available=available,
        criteria=criterion.words(),
        item_index=index if several else None,
        is_multi_item=several,
        alternatives=alternatives(
            criterion,
            available=available,
            anywhere=await shelf.repository.count(everywhere),
            by_bucket=await shelf.repository.count_by_bucket(here),
            prices=shelf.prices,
        ),
    )


async def _sell(shelf: Shelf, actor: Actor, order: Order, items: Sequence[Row[Any]], replaced: int) -> Answer:
    facts = await shelf.repository.facts([item.lead_id for item in items])
    decisions = await decide(
        shelf.session, shelf.market, order.client_id, [facts[item.lead_id] for item in items]
    )
    refused = sorted({reason for decision in decisions for reason in decision.reasons})
    if refused:
        raise SaleRefused("These leads may not be sold to this client.", reasons=refused)
    new = [
        NewSale(
            inventory_id=item.inventory_id,
            lead_id=item.lead_id,
            price_cents=shelf.prices[AgedClass(item.classification), AgeBucket(item.age_bucket)],
            age_bucket=AgeBucket(item.age_bucket),
            decision_id=decision.id,
        )
        for item, decision in zip(items, decisions, strict=True)
    ]
    total = sum(sale.price_cents for sale in new)
    purchase_id = await shelf.repository.insert_purchase(
        order.client_id,
        actor.user_id,
        criteria=[criterion.model_dump(mode="json") for criterion in order.criteria],
        total_cents=total,
        items_replaced=replaced,
    )
    sold = await shelf.repository.sell(purchase_id, order.client_id, new)
    if len(sold) != len(new):
        raise Conflict("Some of these leads were sold in this moment; nothing was bought.")
    log.info("aged_leads_sold", purchase_id=str(purchase_id), leads=len(sold), cents=total, replaced=replaced)
    return Answer(
        200,
        {
            "success": True,
            "batch_id": str(purchase_id),
            "sale_ids": [str(sold[sale.inventory_id]) for sale in new],
            "total_paid": price_text(total),
            "items_requested": order.quantity,
            "items_purchased": len(sold),
            "items_replaced": replaced,
            "errors": [],
            "message": "Purchase completed successfully.",
        },
    )


async def decide(
    session: AsyncSession, market: Market, contractor_id: UUID, leads: Sequence[Row[Any]]
) -> list[Decision]:
    """May this contractor have these leads, in their order; each decision is stored."""
    return await decide_sales(session, contractor_id, [_snapshot(market, lead) for lead in leads])


def _snapshot(market: Market, lead: Row[Any]) -> SaleSnapshot:
    return market.snapshot(
        str(getattr(lead, "lead_id", None) or lead.id),
        lead.state,
        fields=tuple(
            FieldFact(field, lead.source, from_government=False, commercial_use="allowed")
            for field in SOLD_FIELDS
        ),
        owner=owner_facts(lead.suppressed, erased=lead.erased),
        dnc_listed=lead.dnc_listed if lead.has_phone else None,
    )


async def read_people(
    session: AsyncSession, resources: Resources, rows: Sequence[Row[Any]]
) -> dict[UUID, dict[str, str]]:
    """The sealed part of leads by subject; erased people are left out."""
    ciphers = await SubjectKeys(session, resources.keys).load_many([row.subject_id for row in rows])
    return {
        row.subject_id: orjson.loads(ciphers[row.subject_id].decrypt("person", row.person))
        for row in rows
        if row.subject_id in ciphers
    }


async def quote(resources: Resources, actor: Actor, inventory_ids: Sequence[UUID]) -> dict[str, Any]:
    """What these items cost together, for fifteen minutes; NotOnSale names those that cannot be bought."""
    wanted_ids = list(dict.fromkeys(inventory_ids))
    async with resources.unit_of_work() as uow:
        await still_signed_in(uow.session, actor)
        shelf = await open_shelf(uow)
        rows = {
            row.inventory_id: row for row in await shelf.repository.quoted_items(shelf.wanted(), wanted_ids)
        }
        missing = [str(one) for one in wanted_ids if one not in rows]
        if missing:
            raise NotOnSale(f"{len(missing)} of the items are not on sale.", inventory_item_ids=missing)
        items = [_quoted(rows[one]) for one in wanted_ids]
        total = sum(rows[one].price_cents for one in wanted_ids)
        made = await shelf.repository.insert_quote(
            actor.contractor_id, items, total_cents=total, minutes=QUOTE_MINUTES
        )
    return _quote_view(made)


async def read_quote(resources: Resources, actor: Actor, quote_id: UUID) -> dict[str, Any]:
    """A quote while it holds; QuoteExpired after, NotFound for a foreign one like for a missing one."""
    own = visible_contractor(actor, Action.AGED_READ)
    async with resources.unit_of_work() as uow:
        await still_signed_in(uow.session, actor)
        found = await AgedRepository(uow.session).quote(quote_id)
    if found is None or (own is not None and found.contractor_id != own):
        raise NotFound("There is no such quote.")
    if found.expired:
        raise QuoteExpired(
            "This quote has expired; ask for a new one.", expires_at=found.expires_at.isoformat()
        )
    return _quote_view(found)


def _quoted(row: Row[Any]) -> dict[str, Any]:
    return {
        "inventory_id": str(row.inventory_id),
        "classification": row.classification,
        "age_bucket": row.age_bucket,
        "unit_price": price_text(row.price_cents),
    }


def _quote_view(row: Row[Any]) -> dict[str, Any]:
    return {
        "quote_id": row.id,
        "items": row.items,
        "total_price": price_text(row.total_cents),
        "created_at": row.created_at,
        "expires_at": row.expires_at,
    }


def _item(row: Row[Any], person: dict[str, str]) -> dict[str, Any]:
    return {
        "inventory_id": row.inventory_id,
        "lead_id": row.lead_id,
        "age_bucket": row.age_bucket,
        "state": row.state,
        "county": row.county,
        "classification": row.classification,
        "unit_price": price_text(row.price_cents),
        "first_name": person.get("first_name", ""),
        "city": row.city,
    }
