"""Every statement about what our grades were worth."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.domain.guarantee import JOB_DAYS
from services.marketplace.domain.quality import CONTACT_DAYS


class QualityRepository:
    """Sold leads and what their buyers reported, counted."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def counts(self, borders: dict[str, datetime]) -> Sequence[Row[Any]]:
        """Leads of every grade, and of all (`whole`), sold between `since` and `contact_until`.

        `ripe` are the reported ones sold before `win_until`; a lead that came back is reported by its return.
        """
        statement = text(
            """
            WITH judged AS (
                SELECT l.grade, s.status = 'refunded' AS came_back, s.sold_at < :win_until AS ripe,
                       s.status = 'refunded' OR o.reports > 0 AS reported,
                       s.status = 'sold' AND o.contacted_at <= s.sold_at + make_interval(days => :contact_days) AS contacted,
                       s.status = 'sold' AND o.won_at <= s.sold_at + make_interval(days => :job_days) AS won
                  FROM sales s
                  JOIN base_leads l ON l.id = s.base_lead_id
                 CROSS JOIN LATERAL (
                        SELECT count(*) AS reports,
                               min(happened_at) FILTER (WHERE outcome = 'contacted') AS contacted_at,
                               min(happened_at) FILTER (WHERE outcome = 'won') AS won_at
                          FROM sale_outcomes WHERE sale_id = s.id) o
                 WHERE s.status IN ('sold', 'refunded') AND s.sold_at >= :since AND s.sold_at < :contact_until
            )
            SELECT grade, grouping(grade) = 1 AS whole, count(*) AS sold, count(*) FILTER (WHERE came_back) AS came_back,
                   count(*) FILTER (WHERE reported) AS reported, count(*) FILTER (WHERE contacted) AS contacted,
                   count(*) FILTER (WHERE reported AND ripe) AS ripe, count(*) FILTER (WHERE won AND ripe) AS won
              FROM judged GROUP BY GROUPING SETS ((grade), ()) ORDER BY grade
            """
        )
        values = {**borders, "contact_days": CONTACT_DAYS, "job_days": JOB_DAYS}
        return (await self._session.execute(statement, values)).all()
