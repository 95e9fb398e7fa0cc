"""Sold leads of an age, and what their buyers reported of them."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.security.fields import KeyRing
from tests.factories.leads import make_lead

SALE = text(
    """
    WITH moved AS (UPDATE base_leads SET status = 'sold' WHERE id = :lead)
    INSERT INTO sales (id, base_lead_id, contractor_id, user_id, status, price, reserved_until, charged_at,
                       charged_cents, sold_at, revealed_at, refunded_at)
    SELECT :id, :lead, :contractor, :user, CAST(:status AS varchar), :cents / 100.0, now(), t.sold_at, :cents, t.sold_at,
           t.sold_at, CASE WHEN CAST(:status AS varchar) = 'refunded' THEN t.sold_at END
      FROM (SELECT now() - make_interval(mins => :minutes) AS sold_at) t
    """
)
REPORT = text(
    """
    INSERT INTO sale_outcomes (sale_id, contractor_id, outcome, happened_at, method, amount_cents, lost_reason, stars)
    SELECT id, contractor_id, :outcome, sold_at + make_interval(mins => :after), :method, :cents, :lost, :stars
      FROM sales WHERE id = :sale
    """
)
DAY = 24 * 60


async def make_sale(
    session: AsyncSession,
    keys: KeyRing,
    buyer: tuple[UUID, UUID],
    *,
    minutes: int,
    status: str = "sold",
    cents: int = 17_500,
    **lead: Any,
) -> UUID:
    """A lead sold so many minutes ago to (contractor, user), who saw it at once."""
    sale_id, lead_id = uuid4(), await make_lead(session, keys, **lead)
    contractor, user = buyer
    values = {"id": sale_id, "lead": lead_id, "contractor": contractor, "user": user}
    await session.execute(SALE, {**values, "status": status, "cents": cents, "minutes": minutes})
    return sale_id


async def tell(session: AsyncSession, sale: UUID, outcome: str, *, after: int, **change: Any) -> None:
    """A report of something that happened so many minutes after the sale."""
    values = {
        "method": "phone" if outcome in {"attempted", "contacted"} else None,
        "cents": 900_000 if outcome in {"quoted", "won"} else None,
        "lost": "price" if outcome == "lost" else None,
        "stars": None,
    }
    await session.execute(REPORT, {"sale": sale, "outcome": outcome, "after": after, **values, **change})
