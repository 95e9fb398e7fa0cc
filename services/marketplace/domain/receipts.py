"""A document about money as its buyer sees it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from shared.schemas.sale_enums import ReceiptKind


class ReceiptView(BaseModel):
    """A receipt or a credit note; `about` is the number of the receipt that a credit note is about."""

    id: UUID
    kind: ReceiptKind
    number: str
    about: str | None
    sale_id: UUID
    return_id: UUID | None
    buyer: str
    place: str
    price_cents: int
    credit_cents: int
    """Of the price: paid by credit, or become credit."""
    charged_cents: int
    plan_cents: int
    """Of the price: paid by the plan's own invoice, or become a lead of the plan again."""
    currency: str
    payment_ref: str | None
    sold_at: datetime
    issued_at: datetime


def document_number(year: int, number: int) -> str:
    """The number as it stands on paper, as 2026-000042."""
    return f"{year}-{number:06d}"


def receipt_view(row: Any) -> ReceiptView:
    """A stored document as its buyer sees it."""
    return ReceiptView(
        id=row.id,
        kind=row.kind,
        number=document_number(row.year, row.number),
        about=None if row.of_number is None else document_number(row.of_year, row.of_number),
        sale_id=row.sale_id,
        return_id=row.return_id,
        buyer=row.buyer,
        place=row.place,
        price_cents=row.price_cents,
        credit_cents=row.credit_cents,
        charged_cents=row.charged_cents,
        plan_cents=row.plan_cents,
        currency=row.currency,
        payment_ref=row.payment_ref,
        sold_at=row.sold_at,
        issued_at=row.created_at,
    )
