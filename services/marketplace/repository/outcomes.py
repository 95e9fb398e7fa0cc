"""Every statement about what buyers made of their leads; reports only grow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession


class OutcomeRepository:
    """Reports of buyers, and their sum at the assignment."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def sold(self, sale_id: UUID, contractor_id: UUID) -> Row[Any] | None:
        """A paid sale of this contractor; other reports of it wait until the caller commits."""
        statement = text(
            """
            SELECT id, status, sold_at, now() AS now FROM sales
             WHERE id = :sale AND contractor_id = :contractor AND status IN ('sold', 'refunded') FOR NO KEY UPDATE
            """
        )
        values = {"sale": sale_id, "contractor": contractor_id}
        return (await self._session.execute(statement, values)).one_or_none()

    async def insert(self, values: dict[str, Any]) -> UUID:
        """A new report; with a note the lead's person too, so that an erasure finds it."""
        statement = text(
            """
            INSERT INTO sale_outcomes (sale_id, contractor_id, user_id, outcome, happened_at, method, amount_cents,
                                       lost_reason, stars, note, subject_id)
            SELECT s.id, :contractor_id, :user_id, :outcome, :happened_at, :method, :amount_cents, :lost_reason, :stars,
                   CAST(:note AS text), CASE WHEN CAST(:note AS text) IS NOT NULL THEN l.subject_id END
              FROM sales s JOIN base_leads l ON l.id = s.base_lead_id WHERE s.id = :sale_id
            RETURNING id
            """
        )
        made: UUID = (await self._session.execute(statement, values)).scalar_one()
        return made

    async def sum_up(self, report_id: UUID) -> None:
        """Bring the assignment of a report's sale up to date with it; first times stay, sums and stars are the last."""
        statement = text(
            """
            UPDATE lead_assignments a
               SET contacted = a.contacted OR o.outcome = 'contacted',
                   contacted_at = CASE WHEN o.outcome = 'contacted' THEN coalesce(a.contacted_at, o.happened_at)
                                       ELSE a.contacted_at END,
                   contact_method = CASE WHEN o.outcome = 'contacted' THEN coalesce(a.contact_method, o.method)
                                         ELSE a.contact_method END,
                   appointment_scheduled = a.appointment_scheduled OR o.outcome = 'appointment',
                   appointment_date = CASE WHEN o.outcome = 'appointment' THEN o.happened_at
                                           ELSE a.appointment_date END,
                   quote_provided = a.quote_provided OR o.outcome = 'quoted',
                   quote_amount = CASE WHEN o.outcome = 'quoted' THEN o.amount_cents / 100.0 ELSE a.quote_amount END,
                   quote_date = CASE WHEN o.outcome = 'quoted' THEN o.happened_at ELSE a.quote_date END,
                   converted = a.converted OR o.outcome = 'won',
                   converted_at = CASE WHEN o.outcome = 'won' THEN o.happened_at ELSE a.converted_at END,
                   job_value = CASE WHEN o.outcome = 'won' THEN o.amount_cents / 100.0 ELSE a.job_value END,
                   lead_quality_rating = coalesce(o.stars, a.lead_quality_rating)
              FROM sale_outcomes o WHERE o.id = :id AND a.sale_id = o.sale_id
            """
        )
        await self._session.execute(statement, {"id": report_id})

    async def of_sale(self, sale_id: UUID, contractor_id: UUID | None) -> Sequence[Row[Any]]:
        """The reports of a sale of this contractor, of anybody where none is named, oldest first."""
        statement = text(
            """
            SELECT id, sale_id, outcome, happened_at, method, amount_cents, lost_reason, stars, note, created_at
              FROM sale_outcomes
             WHERE sale_id = :sale AND (CAST(:contractor AS uuid) IS NULL OR contractor_id = CAST(:contractor AS uuid))
             ORDER BY number
            """
        )
        return (await self._session.execute(statement, {"sale": sale_id, "contractor": contractor_id})).all()
