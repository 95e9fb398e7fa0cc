"""Asks, decides and keeps: the only way to a send, a fetch, a model run, an offer or a reveal.

Every function works inside the caller's transaction and at the database's time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from shared.compliance.contact import can_contact
from shared.compliance.decision import Decision
from shared.compliance.fetch import can_fetch
from shared.compliance.images import ImageUse, can_use_image
from shared.compliance.policy import policy_at
from shared.compliance.sell import SaleSnapshot, can_offer, can_sell
from shared.compliance.snapshots import (
    ContactRequest,
    fetch_snapshot,
    read_contact,
    read_offer,
    read_sales,
    read_source,
)
from shared.compliance.store import ConsumedDecision, Subject, consume, record_message, store, store_all
from shared.db.unit_of_work import database_now

__all__ = [
    "ConsumedDecision",
    "ContactRequest",
    "address_value",
    "consume",
    "decide_contact",
    "decide_fetch",
    "decide_image",
    "decide_offer",
    "decide_reveals",
    "decide_sale",
    "decide_sales",
    "record_message",
]


def address_value(state: str, address_key: str) -> str:
    """The text of which a house's suppression key is the blind index (kind `address`)."""
    return f"{state} {address_key}"


async def decide_fetch(
    session: AsyncSession,
    source_key: str,
    *,
    robots_status: int | None = None,
    robots_allows: bool = False,
    robots_asked: bool = True,
    auth_required: bool = False,
    workflow_id: UUID | None = None,
) -> Decision:
    """May this source be read; each denial is stored, an allow once per workflow.

    `robots_asked` is False for a documented data interface, of which robots.txt does not speak.
    """
    source = await read_source(session, source_key)
    snapshot = fetch_snapshot(
        source,
        robots_status=robots_status,
        robots_allows=robots_allows,
        robots_asked=robots_asked,
        auth_required=auth_required,
    )
    decision = can_fetch(snapshot, await database_now(session))
    await store(session, decision, Subject(source_key=source_key, use="fetch", workflow_id=workflow_id))
    return decision


async def decide_image(
    session: AsyncSession, source_key: str, use: ImageUse, *, workflow_id: UUID | None = None
) -> Decision:
    """May pictures of this source be shown, stored, analysed or sold; each denial is stored.

    The row of the capability table is the one named after the source, else after the registry's kind.
    """
    (decision,) = await decide_image_uses(session, source_key, (use,), workflow_id=workflow_id)
    return decision


async def decide_image_uses(
    session: AsyncSession, source_key: str, uses: Sequence[ImageUse], *, workflow_id: UUID | None = None
) -> list[Decision]:
    """The same for several uses at once, in their order."""
    source = await read_source(session, source_key)
    now = await database_now(session)
    named = source_key in policy_at(now).images["sources"]
    rule = source_key if named else source.kind
    decisions = [can_use_image(rule, use, now, licence=source.licence) for use in uses]
    for use, decision in zip(uses, decisions, strict=True):
        await store(session, decision, Subject(source_key=source_key, use=use, workflow_id=workflow_id))
    return decisions


async def decide_offer(session: AsyncSession, lead_id: UUID, *, address_hash: str | None) -> Decision:
    """May this lead be put up for sale; stored."""
    snapshot = await read_offer(session, lead_id, address_hash=address_hash)
    decision = can_offer(snapshot, await database_now(session))
    await store(session, decision, Subject(base_lead_id=lead_id, use="offer"))
    return decision


async def decide_sale(
    session: AsyncSession, lead_id: UUID, contractor_id: UUID, *, address_hash: str | None
) -> Decision:
    """May this contractor buy, or see, this lead; stored. Run it in the purchase and again at the reveal."""
    return (await decide_reveals(session, {lead_id: address_hash}, contractor_id))[lead_id]


async def decide_reveals(
    session: AsyncSession, address_hashes: Mapping[UUID, str | None], contractor_id: UUID
) -> dict[UUID, Decision]:
    """The same for leads named with the hashes of their addresses, read by one statement; each is stored."""
    if not address_hashes:
        return {}
    snapshots = await read_sales(session, address_hashes, contractor_id)
    now = await database_now(session)
    decisions = {lead_id: can_sell(snapshot, now) for lead_id, snapshot in snapshots.items()}
    buyer = Subject(party_type="contractor", party_id=contractor_id, use="sell")
    await store_all(
        session,
        [(decision, replace(buyer, base_lead_id=lead_id)) for lead_id, decision in decisions.items()],
    )
    return decisions


async def decide_sales(
    session: AsyncSession, contractor_id: UUID, snapshots: Sequence[SaleSnapshot]
) -> list[Decision]:
    """The same for leads of the caller's own tables, in their order; each is stored."""
    now = await database_now(session)
    decisions = [can_sell(snapshot, now) for snapshot in snapshots]
    subject = Subject(party_type="contractor", party_id=contractor_id, use="sell")
    await store_all(session, [(decision, subject) for decision in decisions])
    return decisions


async def decide_contact(session: AsyncSession, request: ContactRequest) -> Decision:
    """May this message go out; stored. The send then spends it with `consume`."""
    snapshot = await read_contact(session, request)
    decision = can_contact(snapshot, await database_now(session))
    party = request.party
    subject = Subject(
        channel=request.channel,
        purpose=request.purpose,
        party_type=party.party_type,
        party_id=UUID(party.party_id),
        recipient_hash=party.recipient_hash,
        template_id=request.template.template_id,
        template_version=request.template.version,
        content_hash=request.content_hash,
        touchpoint_id=request.touchpoint_id,
    )
    await store(session, decision, subject)
    return decision
