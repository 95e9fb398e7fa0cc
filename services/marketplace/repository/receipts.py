"""Every statement about receipts and credit notes; a document is written once, its number is the database's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.schemas.page import Cursor

SHOWN = """
    SELECT r.id, r.kind, r.year, r.number, r.sale_id, r.return_id, r.buyer, r.place, r.price_cents, r.credit_cents,
           r.charged_cents, r.plan_cents, r.currency, r.payment_ref, r.sold_at, r.created_at, o.year AS of_year, o.number AS of_number
      FROM receipts r
      LEFT JOIN receipts o ON r.kind = 'credit_note' AND o.sale_id = r.sale_id AND o.kind = 'receipt'
"""


class ReceiptRepository:
    """Documents about buyers' money."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def issue_receipt(self, sale_id: UUID) -> None:
        """The receipt of a sold sale, its figures those that were just booked."""
        statement = text(
            """
            INSERT INTO receipts (kind, contractor_id, sale_id, buyer, place, price_cents, credit_cents, charged_cents,
                                  plan_cents, currency, payment_ref, sold_at)
            SELECT 'receipt', s.contractor_id, s.id, c.company_name, l.city || ', ' || l.state, s.charged_cents,
                   s.credit_cents,
                   CASE WHEN s.plan_period_id IS NULL THEN s.charged_cents - s.credit_cents ELSE 0 END,
                   CASE WHEN s.plan_period_id IS NULL THEN 0 ELSE s.charged_cents END, s.currency, s.provider_ref, s.sold_at
              FROM sales s JOIN contractors c ON c.id = s.contractor_id JOIN base_leads l ON l.id = s.base_lead_id
             WHERE s.id = :sale
            """
        )
        await self._session.execute(statement, {"sale": sale_id})

    async def issue_credit_note(self, return_id: UUID, *, to_plan: bool = False) -> None:
        """The credit note of an accepted return over what was just credited, or became a lead of the plan again."""
        statement = text(
            """
            INSERT INTO receipts (kind, contractor_id, sale_id, return_id, buyer, place, price_cents, credit_cents,
                                  charged_cents, plan_cents, currency, sold_at)
            SELECT 'credit_note', s.contractor_id, s.id, r.id, c.company_name, l.city || ', ' || l.state, r.credit_cents,
                   CASE WHEN CAST(:to_plan AS boolean) THEN 0 ELSE r.credit_cents END, 0,
                   CASE WHEN CAST(:to_plan AS boolean) THEN r.credit_cents ELSE 0 END, s.currency, s.sold_at
              FROM sale_returns r JOIN sales s ON s.id = r.sale_id JOIN contractors c ON c.id = s.contractor_id
              JOIN base_leads l ON l.id = s.base_lead_id
             WHERE r.id = :return
            """
        )
        await self._session.execute(statement, {"return": return_id, "to_plan": to_plan})

    async def page(self, contractor_id: UUID, cursor: Cursor | None, limit: int) -> Sequence[Row[Any]]:
        """A contractor's documents, newest first and one too many."""
        statement = text(
            SHOWN
            + """
             WHERE r.contractor_id = :contractor
               AND (CAST(:after_id AS uuid) IS NULL
                    OR (r.created_at, r.id) < (CAST(:after AS timestamptz), CAST(:after_id AS uuid)))
             ORDER BY r.created_at DESC, r.id DESC LIMIT :limit
            """
        )
        values = {
            "contractor": contractor_id,
            "after": cursor.created_at if cursor else None,
            "after_id": cursor.id if cursor else None,
            "limit": limit + 1,
        }
        return (await self._session.execute(statement, values)).all()

    async def one(self, contractor_id: UUID, receipt_id: UUID) -> Row[Any] | None:
        """A document of this contractor."""
        statement = text(SHOWN + " WHERE r.id = :id AND r.contractor_id = :contractor")
        values = {"id": receipt_id, "contractor": contractor_id}
        return (await self._session.execute(statement, values)).one_or_none()
