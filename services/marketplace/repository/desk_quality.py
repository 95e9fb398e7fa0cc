"""Every statement of the operators' books: cities, returns, low ratings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.domain.desk_quality import LOW_STARS, MOST_LOW_RATED


class DeskQualityRepository:
    """Sales, vendors' costs, returns and ratings since a time."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def cities(self, since: datetime) -> Sequence[Row[Any]]:
        """Every city with a published or sold lead or a cost, best revenue first, then what belongs to no city."""
        statement = text(
            """
            WITH published AS (
                SELECT city_id, count(*) AS leads FROM base_leads WHERE published_at >= :since GROUP BY 1
            ), sold AS (
                SELECT l.city_id, count(*) AS leads, count(*) FILTER (WHERE s.status = 'refunded') AS came_back,
                       coalesce(sum(s.charged_cents) FILTER (WHERE s.status = 'sold'), 0) AS cents
                  FROM sales s JOIN base_leads l ON l.id = s.base_lead_id
                 WHERE s.status IN ('sold', 'refunded') AND s.sold_at >= :since GROUP BY 1
            ), spent AS (
                SELECT coalesce(c.id, l.city_id, b.city_id) AS city_id, round(sum(u.cost) * 100) AS cents
                  FROM api_usage_logs u
                  LEFT JOIN target_cities c ON u.entity_type = 'city' AND c.id = u.entity_id
                  LEFT JOIN base_leads l ON u.entity_type = 'lead' AND l.id = u.entity_id
                  LEFT JOIN sales s ON u.entity_type = 'sale' AND s.id = u.entity_id
                  LEFT JOIN base_leads b ON b.id = s.base_lead_id
                 WHERE u.created_at >= :since AND u.cost > 0 GROUP BY 1
            ), places AS (
                SELECT city_id FROM published UNION SELECT city_id FROM sold UNION SELECT city_id FROM spent
            )
            SELECT c.city, c.state, coalesce(p.leads, 0) AS published, coalesce(s.leads, 0) AS sold,
                   coalesce(s.came_back, 0) AS came_back, coalesce(s.cents, 0)::bigint AS revenue_cents,
                   coalesce(v.cents, 0)::bigint AS vendor_cents
              FROM places
              LEFT JOIN target_cities c ON c.id = places.city_id
              LEFT JOIN published p ON p.city_id IS NOT DISTINCT FROM places.city_id
              LEFT JOIN sold s ON s.city_id IS NOT DISTINCT FROM places.city_id
              LEFT JOIN spent v ON v.city_id IS NOT DISTINCT FROM places.city_id
             ORDER BY places.city_id IS NULL, revenue_cents DESC, c.city, c.state
            """
        )
        return (await self._session.execute(statement, {"since": since})).all()

    async def returns(self, since: datetime) -> Sequence[Row[Any]]:
        """Returns asked for since a time by reason, the most frequent first."""
        statement = text(
            """
            SELECT reason, count(*) AS asked, count(*) FILTER (WHERE status = 'accepted') AS accepted,
                   count(*) FILTER (WHERE status = 'refused') AS refused, count(*) FILTER (WHERE status = 'open') AS open,
                   coalesce(sum(credit_cents), 0)::bigint AS credit_cents
              FROM sale_returns WHERE created_at >= :since GROUP BY reason ORDER BY asked DESC, reason
            """
        )
        return (await self._session.execute(statement, {"since": since})).all()

    async def low_rated(self, since: datetime) -> Sequence[Row[Any]]:
        """Leads sold since a time whose last stars are few, the latest report first."""
        statement = text(
            """
            SELECT s.id AS sale_id, l.id AS lead_id, l.city, l.state, l.grade, o.stars, o.last_outcome, o.reported_at
              FROM sales s
              JOIN base_leads l ON l.id = s.base_lead_id
             CROSS JOIN LATERAL (
                    SELECT (array_agg(stars ORDER BY number DESC) FILTER (WHERE stars IS NOT NULL))[1] AS stars,
                           (array_agg(outcome ORDER BY number DESC))[1] AS last_outcome, max(created_at) AS reported_at
                      FROM sale_outcomes WHERE sale_id = s.id) o
             WHERE s.status IN ('sold', 'refunded') AND s.sold_at >= :since AND o.stars <= :stars
             ORDER BY o.reported_at DESC, s.id LIMIT :limit
            """
        )
        values = {"since": since, "stars": LOW_STARS, "limit": MOST_LOW_RATED}
        return (await self._session.execute(statement, values)).all()
