"""Re-roofs around a house, by one statement."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.scraper.domain.contractor_names import name_key_expression
from services.scraper.domain.neighborhood import RADIUS_MILES, TRENDING_CONTRACTORS, WINDOW_DAYS, Activity
from shared.db.geo import METRES_PER_MILE

# A house is no neighbour of itself.
AROUND = text(
    f"""
    WITH house AS (
        SELECT geom, address_key FROM parcels WHERE id = :id AND geom IS NOT NULL
    ), near AS (
        SELECT r.issue_date, r.estimated_value, r.contractor_name, {name_key_expression("r.contractor_name")} AS name_key,
               r.issue_date > current_date - 30 AS fresh
          FROM house h JOIN roofing_permits r ON ST_DWithin(r.geom, h.geom, {RADIUS_MILES * METRES_PER_MILE})
         WHERE r.reroof AND r.vertical = 'roofing' AND r.issue_date > current_date - {WINDOW_DAYS}
           AND r.issue_date <= current_date AND r.address_key IS DISTINCT FROM h.address_key
    ), trending AS (
        SELECT mode() WITHIN GROUP (ORDER BY contractor_name) AS company_name, count(*) AS permits_90d,
               count(*) FILTER (WHERE fresh) AS permits_30d
          FROM near WHERE name_key IS NOT NULL GROUP BY name_key
         ORDER BY permits_30d DESC, permits_90d DESC, name_key LIMIT {TRENDING_CONTRACTORS}
    )
    SELECT count(*) FILTER (WHERE fresh) AS permits_30d,
           count(*) FILTER (WHERE issue_date > current_date - 60) AS permits_60d, count(issue_date) AS permits_90d,
           round(avg(estimated_value), 2) AS average_value_usd,
           (SELECT coalesce(jsonb_agg(to_jsonb(trending)), '[]') FROM trending) AS trending_contractors
      FROM house LEFT JOIN near ON true
    HAVING count(house.address_key) > 0
    """  # noqa: S608 - rule tables and numbers of ours
)


class NeighborhoodRepository:
    """Reads what goes on around a house."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def around(self, parcel_id: UUID) -> Activity | None:
        """The re-roofs around a parcel; None where its place on the map is not known."""
        row = (await self._session.execute(AROUND, {"id": parcel_id})).one_or_none()
        return Activity(**row._asdict()) if row is not None else None
