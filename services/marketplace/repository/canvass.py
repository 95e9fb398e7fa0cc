"""The statement about the leads a buyer has bought and not finished."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession


class CanvassRepository:
    """Unfinished leads by their distance."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def unfinished(
        self, contractor_id: UUID, start: tuple[float, float] | None, finished: Collection[str], limit: int
    ) -> Sequence[Row[Any]]:
        """The sales whose last report is not of `finished`, nearest to a (lat, lng) first, those without a position last.

        Without a place to start from they are counted from the lead of the best score. `unfinished` is how many there are.
        """
        statement = text(
            """
            WITH own AS (
                SELECT s.id, s.base_lead_id, s.charged_at, s.price, s.masked_fields, l.geom, l.quality_score,
                       last.outcome AS last, coalesce(last.happened_at, s.sold_at) AS earliest
                  FROM sales s JOIN base_leads l ON l.id = s.base_lead_id
                  LEFT JOIN LATERAL (SELECT outcome, happened_at FROM sale_outcomes
                                      WHERE sale_id = s.id ORDER BY number DESC LIMIT 1) last ON true
                 WHERE s.contractor_id = :contractor AND s.status = 'sold'
                   AND (last.outcome IS NULL OR last.outcome <> ALL (CAST(:finished AS text[])))),
            beginning AS (
                SELECT coalesce(
                    CAST(ST_SetSRID(ST_MakePoint(CAST(:lng AS float8), CAST(:lat AS float8)), 4326) AS geography),
                    (SELECT geom FROM own WHERE geom IS NOT NULL
                      ORDER BY quality_score DESC NULLS LAST, charged_at, id LIMIT 1)) AS place)
            SELECT own.*, CAST(ST_Y(own.geom::geometry) AS float8) AS lat, CAST(ST_X(own.geom::geometry) AS float8) AS lng,
                   count(*) OVER () AS unfinished
              FROM own CROSS JOIN beginning
             ORDER BY ST_Distance(own.geom, beginning.place) NULLS LAST, own.quality_score DESC NULLS LAST, own.charged_at, own.id
             LIMIT :limit
            """
        )
        lat, lng = start or (None, None)
        values = {
            "contractor": contractor_id,
            "lat": lat,
            "lng": lng,
            "finished": list(finished),
            "limit": limit,
        }
        return (await self._session.execute(statement, values)).all()
