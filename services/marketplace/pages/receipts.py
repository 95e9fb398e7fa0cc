"""Receipts and credit notes: the list, and each on paper."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from services.marketplace.api.receipts import Buyer
from services.marketplace.domain.receipts import ReceiptView
from services.marketplace.pages.paper import Line, Section, Sheet, one_page
from services.marketplace.pages.rendering import page_links, render
from services.marketplace.pages.words import money, plain_day
from services.marketplace.service import rates, receipts
from shared.runtime import ResourcesDep
from shared.schemas.page import PageQuery
from shared.schemas.sale_enums import ReceiptKind

router = APIRouter(tags=["receipts"], default_response_class=Response)

PLACE: Final = "/my/receipts"
TITLES: Final = {ReceiptKind.RECEIPT: "Receipt", ReceiptKind.CREDIT_NOTE: "Credit note"}
FOOT: Final = "Issued by Ridgeline. It is never changed: a lead given back has a credit note of its own."


@router.get(PLACE)
async def own(
    request: Request, query: Annotated[PageQuery, Query()], resources: ResourcesDep, actor: Buyer
) -> Response:
    """The documents of this company, newest first."""
    await rates.count_read(resources, actor)
    page = await receipts.own_receipts(resources, actor, cursor=query.cursor, limit=query.limit)
    return render(
        request,
        "receipts.html",
        actor,
        receipts=page.items,
        titles=TITLES,
        **page_links(request, page.next_cursor),
    )


@router.get("/api/receipts/{receipt_id}.pdf")
async def receipt_pdf(receipt_id: UUID, resources: ResourcesDep, actor: Buyer) -> Response:
    """One document on paper; the same bytes whenever it is asked for."""
    await rates.count_read(resources, actor)
    found = await receipts.own_receipt(resources, actor, receipt_id)
    return Response(
        one_page(sheet_of(found)),
        media_type="application/pdf",
        headers={
            "Content-Disposition": f'inline; filename="{found.kind}-{found.number}.pdf"',
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )


def sheet_of(found: ReceiptView) -> Sheet:
    """What the paper says."""
    title = f"{TITLES[found.kind]} {found.number}"
    return Sheet(
        title=title,
        under_title=f"Issued {plain_day(found.issued_at)}",
        badge="",
        left=[
            Section("For", [Line(found.buyer)]),
            Section("About", list(_about(found))),
        ],
        right=[Section("Figures", list(_figures(found)))],
        subject=title,
        foot=FOOT,
    )


def _about(found: ReceiptView) -> Iterator[Line]:
    yield Line(f"One roofing lead in {found.place}, bought {plain_day(found.sold_at)}")
    yield Line(str(found.sale_id), lead="Purchase:")
    if found.return_id:
        yield Line(str(found.return_id), lead="Return:")
    if found.about:
        yield Line(found.about, lead="Receipt:")
    if found.payment_ref:
        yield Line(found.payment_ref, lead="Payment:")


def _figures(found: ReceiptView) -> Iterator[Line]:
    if found.kind is ReceiptKind.CREDIT_NOTE and found.plan_cents:
        yield Line(_cents(found.price_cents, found.currency), lead="Given back to the plan:")
        yield Line("It is a lead of the plan again; no money was moved.")
        return
    if found.kind is ReceiptKind.CREDIT_NOTE:
        yield Line(_cents(found.price_cents, found.currency), lead="Given back as credit:")
        yield Line("It pays for the next leads bought; no money was moved.")
        return
    yield Line(_cents(found.price_cents, found.currency), lead="Price:")
    yield Line(_cents(found.credit_cents, found.currency), lead="Paid by credit:")
    if found.plan_cents:
        yield Line(_cents(found.plan_cents, found.currency), lead="Paid ahead by the plan:")
    yield Line(_cents(found.charged_cents, found.currency), lead="Charged:")


def _cents(cents: int, currency: str) -> str:
    return f"{money(Decimal(cents) / 100)} {currency}"
