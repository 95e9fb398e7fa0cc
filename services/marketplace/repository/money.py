"""Every statement of the operators' money page; it only reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession


class MoneyRepository:
    """Balances, sales by state, open payments."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def accounts(self) -> Sequence[Row[Any]]:
        """Every account with its balance; those of one kind that each buyer has, as one."""
        statement = text(
            """
            SELECT CASE WHEN contractor_id IS NULL THEN code ELSE split_part(code, ':', 1) || ':' END AS code, kind, count(*) AS accounts,
                   CAST(sum(balance_cents) AS bigint) AS balance_cents
              FROM ledger_accounts GROUP BY 1, kind ORDER BY kind, 1
            """
        )
        return (await self._session.execute(statement)).all()

    async def sales(self) -> Sequence[Row[Any]]:
        """Sales by state."""
        statement = text(
            "SELECT status, count(*) AS count, sum(price) AS price FROM sales GROUP BY status ORDER BY status"
        )
        return (await self._session.execute(statement)).all()

    async def unknown(self) -> Sequence[Row[Any]]:
        """Sales whose payment nobody knows the fate of, the oldest first."""
        statement = text(
            """
            SELECT s.id, s.base_lead_id AS lead_id, s.contractor_id, c.company_name, s.price, s.updated_at
              FROM sales s JOIN contractors c ON c.id = s.contractor_id
             WHERE s.status = 'payment_unknown' ORDER BY s.updated_at, s.id
            """
        )
        return (await self._session.execute(statement)).all()

    async def strays(self) -> Row[Any]:
        """Refunds of charges that were not their sale's."""
        statement = text(
            """
            SELECT count(*) AS count, CAST(coalesce(sum(amount_cents), 0) AS bigint) AS cents FROM payments
             WHERE kind = 'refund' AND idempotency_key <> 'refund:' || sale_id
            """
        )
        return (await self._session.execute(statement)).one()
