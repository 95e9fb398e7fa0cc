"""Every statement about what a buyer's leads cost and brought."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession


class AnalyticsRepository:
    """The bought leads of one contractor, counted."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def counts(self, contractor_id: UUID, since: datetime) -> Sequence[Row[Any]]:
        """Leads bought since a time: in all, by month, by grade, and by city; `by` says which.

        Who was reached before the first look here (in a system of the buyer's own) was so counted from the purchase.
        """
        statement = text(
            """
            WITH bought AS (
                SELECT l.grade, l.city, l.state, date_trunc('month', s.sold_at AT TIME ZONE 'UTC')::date AS month,
                       s.status = 'sold' AS kept, s.charged_cents, o.quoted, o.won_at, o.revenue_cents, o.stars,
                       o.contacted_at, s.sold_at,
                       extract(epoch FROM o.contacted_at - CASE WHEN s.revealed_at <= o.contacted_at THEN s.revealed_at
                                                                ELSE s.sold_at END) / 60 AS contact_minutes
                  FROM sales s
                  JOIN base_leads l ON l.id = s.base_lead_id
                 CROSS JOIN LATERAL (
                        SELECT bool_or(outcome = 'quoted') AS quoted,
                               min(happened_at) FILTER (WHERE outcome = 'contacted') AS contacted_at,
                               min(happened_at) FILTER (WHERE outcome = 'won') AS won_at,
                               sum(amount_cents) FILTER (WHERE outcome = 'won') AS revenue_cents,
                               (array_agg(stars ORDER BY number DESC) FILTER (WHERE stars IS NOT NULL))[1] AS stars
                          FROM sale_outcomes WHERE sale_id = s.id) o
                 WHERE s.contractor_id = :contractor AND s.status IN ('sold', 'refunded') AND s.sold_at >= :since
            )
            SELECT CASE WHEN grouping(month) = 0 THEN 'month' WHEN grouping(grade) = 0 THEN 'grade'
                        WHEN grouping(city) = 0 THEN 'city' ELSE 'all' END AS by,
                   month, grade, city, state, count(*) AS bought, count(*) FILTER (WHERE NOT kept) AS came_back,
                   coalesce(sum(charged_cents) FILTER (WHERE kept), 0)::bigint AS spent_cents,
                   count(*) FILTER (WHERE kept AND contacted_at IS NOT NULL) AS contacted,
                   count(*) FILTER (WHERE kept AND quoted) AS quoted,
                   count(*) FILTER (WHERE kept AND won_at IS NOT NULL) AS won,
                   coalesce(sum(revenue_cents) FILTER (WHERE kept), 0)::bigint AS revenue_cents,
                   percentile_cont(0.5) WITHIN GROUP (ORDER BY contact_minutes)
                       FILTER (WHERE kept AND contact_minutes IS NOT NULL) AS first_contact_minutes,
                   percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM won_at - sold_at) / 86400)
                       FILTER (WHERE kept AND won_at IS NOT NULL) AS days_to_close,
                   avg(stars) FILTER (WHERE kept) AS stars, count(stars) FILTER (WHERE kept) AS rated
              FROM bought GROUP BY GROUPING SETS ((), (month), (grade), (city, state))
             ORDER BY 1, month, grade, bought DESC, city, state
            """
        )
        values = {"contractor": contractor_id, "since": since}
        return (await self._session.execute(statement, values)).all()

    async def guarantee_cents(self, contractor_id: UUID, since: datetime) -> int:
        """What the guarantee credited a contractor since a time."""
        statement = text(
            """
            SELECT coalesce(sum(credit_cents), 0)::bigint FROM guarantee_settlements
             WHERE contractor_id = :contractor AND settled_at >= :since
            """
        )
        values = {"contractor": contractor_id, "since": since}
        return int((await self._session.execute(statement, values)).scalar_one())
