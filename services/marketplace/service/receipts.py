"""Receipts and credit notes for the people of the company they were issued to."""

from __future__ import annotations

from uuid import UUID

from services.marketplace.domain.receipts import ReceiptView, receipt_view
from services.marketplace.repository.receipts import ReceiptRepository
from services.marketplace.service.sessions import own_company, signed_in
from shared.errors import NotFound
from shared.runtime import Resources
from shared.schemas.page import Cursor, Page, cut_page
from shared.security.policy import Action, Actor


async def own_receipts(
    resources: Resources, actor: Actor, *, cursor: str | None, limit: int
) -> Page[ReceiptView]:
    """The documents of the actor's company, newest first."""
    contractor_id, after = own_company(actor, Action.SALE_REPORT), Cursor.decode(cursor)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        rows = await ReceiptRepository(uow.session).page(contractor_id, after, limit)
    kept, more = cut_page(rows, limit)
    return Page(items=[receipt_view(row) for row in kept], next_cursor=more)


async def own_receipt(resources: Resources, actor: Actor, receipt_id: UUID) -> ReceiptView:
    """One document of the actor's company; NotFound for a foreign one like for a missing one."""
    contractor_id = own_company(actor, Action.SALE_REPORT)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        row = await ReceiptRepository(uow.session).one(contractor_id, receipt_id)
    if row is None:
        raise NotFound("There is no such receipt.")
    return receipt_view(row)
