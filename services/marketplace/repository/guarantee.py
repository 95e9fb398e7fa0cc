"""Every statement about the guarantee; a period of a contractor is settled by one row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.domain.guarantee import JOB_DAYS, PERIOD_DAYS, TELL_DAYS, TRY_DAYS


class GuaranteeRepository:
    """The leads of a contractor by period, and what their periods brought."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def periods(self, contractor_id: UUID) -> Sequence[Row[Any]]:
        """The leads of every period with a lead, oldest first, and the settlement where there is one."""
        statement = text(
            """
            WITH bought AS (
                SELECT s.id, s.status, s.sold_at, s.charged_cents, min(s.sold_at) OVER () AS first
                  FROM sales s WHERE s.contractor_id = :contractor AND s.status IN ('sold', 'refunded')
            ), judged AS (
                SELECT b.*, floor(extract(epoch FROM b.sold_at - b.first) / (:period_days * 86400))::int AS period,
                       EXISTS (SELECT 1 FROM sale_outcomes o WHERE o.sale_id = b.id AND o.method IS NOT NULL
                                  AND o.happened_at <= b.sold_at + make_interval(days => :try_days)
                                  AND o.created_at <= b.sold_at + make_interval(days => :tell_days)) AS tried,
                       EXISTS (SELECT 1 FROM sale_outcomes o WHERE o.sale_id = b.id AND o.outcome = 'won'
                                  AND o.happened_at <= b.sold_at + make_interval(days => :job_days)) AS won,
                       (SELECT o.outcome FROM sale_outcomes o WHERE o.sale_id = b.id
                         ORDER BY o.number DESC LIMIT 1) IN ('won', 'lost') AS ended,
                       EXISTS (SELECT 1 FROM sale_returns r WHERE r.sale_id = b.id AND r.status = 'open') AS returning
                  FROM bought b
            )
            SELECT j.period, j.first, now() AS now,
                   count(*) FILTER (WHERE j.status = 'sold') AS leads,
                   count(*) FILTER (WHERE j.status = 'sold' AND j.tried) AS tried,
                   count(*) FILTER (WHERE j.status = 'sold' AND j.ended) AS ended,
                   count(*) FILTER (WHERE j.status = 'sold' AND j.won) AS won,
                   coalesce(sum(j.charged_cents) FILTER (WHERE j.status = 'sold'), 0)::bigint AS spent_cents,
                   count(*) FILTER (WHERE j.returning) AS open_returns,
                   g.credit_cents AS settled_cents, g.settled_at
              FROM judged j
              LEFT JOIN guarantee_settlements g ON g.contractor_id = :contractor AND g.period = j.period
             GROUP BY j.period, j.first, g.credit_cents, g.settled_at ORDER BY j.period
            """
        )
        values = {
            "contractor": contractor_id,
            "period_days": PERIOD_DAYS,
            "try_days": TRY_DAYS,
            "tell_days": TELL_DAYS,
            "job_days": JOB_DAYS,
        }
        return (await self._session.execute(statement, values)).all()

    async def insert(self, values: dict[str, Any]) -> None:
        """The settlement of a period; a second one of the same period is refused by its key."""
        statement = text(
            """
            INSERT INTO guarantee_settlements (contractor_id, period, leads, tried, ended, won, spent_cents,
                                               credit_cents, user_id)
            VALUES (:contractor_id, :period, :leads, :tried, :ended, :won, :spent_cents, :credit_cents, :user_id)
            """
        )
        await self._session.execute(statement, values)

    async def settlement(self, contractor_id: UUID, period: int) -> Row[Any] | None:
        """The settlement of a period."""
        statement = text(
            """
            SELECT id, contractor_id, period, leads, won, spent_cents, credit_cents, settled_at
              FROM guarantee_settlements WHERE contractor_id = :contractor AND period = :period
            """
        )
        values = {"contractor": contractor_id, "period": period}
        return (await self._session.execute(statement, values)).one_or_none()
