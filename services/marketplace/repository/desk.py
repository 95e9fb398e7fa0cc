"""Leads as the desk of the people who run the platform reads them; no column of a person is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

SUMMARY = """
    l.id, l.address, l.city, l.state, l.status, l.status_reason, l.quality_score, l.grade, l.price, l.publish_label,
    l.prospect_reason, l.sandbox, l.created_at
"""


@dataclass(frozen=True, slots=True)
class DeskFilter:
    """What the desk looks for; None means no limit."""

    city: str | None = None
    state: str | None = None
    status: str | None = None
    grade: str | None = None
    min_score: int | None = None
    after_score: int | None = None
    after_id: UUID | None = None
    limit: int = 50


class DeskRepository:
    """Reads of leads for the desk."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def leads(self, wanted: DeskFilter) -> Sequence[Row[Any]]:
        """Leads, best score first, those without one last; one more than the limit where there are more."""
        statement = text(
            f"""
            SELECT {SUMMARY} FROM base_leads l
             WHERE (CAST(:city AS text) IS NULL OR lower(l.city) = lower(:city))
               AND (CAST(:state AS text) IS NULL OR l.state = upper(:state))
               AND (CAST(:status AS text) IS NULL OR l.status = :status)
               AND (CAST(:grade AS text) IS NULL OR l.grade = :grade)
               AND (CAST(:min_score AS int) IS NULL OR l.quality_score >= :min_score)
               AND (CAST(:after_id AS uuid) IS NULL
                    OR (coalesce(l.quality_score, -1), l.id) < (CAST(:after_score AS int), CAST(:after_id AS uuid)))
             ORDER BY coalesce(l.quality_score, -1) DESC, l.id DESC LIMIT :limit + 1
            """  # noqa: S608 - our own constant
        )
        values = {name: getattr(wanted, name) for name in DeskFilter.__dataclass_fields__}
        return (await self._session.execute(statement, values)).all()

    async def lead(self, lead_id: UUID) -> Row[Any] | None:
        """One lead with its score's explanation, its triggers, and where its fields come from."""
        statement = text(
            f"""
            SELECT {SUMMARY}, l.unit, l.zip, l.county, l.apn, l.time_zone, l.lead_class, l.property_value, l.year_built,
                   l.sqft, l.lot_size, l.beds, l.baths, l.property_type, l.owner_occupied, l.last_sale_on, l.last_sale_price,
                   l.confidence, l.review_reason, l.roof_installed_on, l.roof_age_low, l.roof_age_mid, l.roof_age_high,
                   l.roof_age_evidence, l.roof_material, l.available_until, l.score_breakdown,
                   array_remove(ARRAY[CASE WHEN l.owner_name IS NOT NULL THEN 'owner_name' END,
                                      CASE WHEN l.owner_email IS NOT NULL THEN 'owner_email' END,
                                      CASE WHEN l.owner_phone IS NOT NULL THEN 'owner_phone' END], NULL) AS held,
                   (SELECT coalesce(jsonb_agg(jsonb_build_object('type', t.trigger_type, 'date', t.trigger_date,
                                'strength', t.trigger_strength, 'details', t.trigger_details, 'source', w.source,
                                'reported_at', w.created_at) ORDER BY t.trigger_date DESC NULLS LAST), '[]')
                      FROM lead_triggers t LEFT JOIN weather_events w ON w.id = t.weather_event_id
                     WHERE t.base_lead_id = l.id AND t.active) AS triggers,
                   (SELECT coalesce(jsonb_agg(jsonb_build_object('field', p.field, 'source', p.source, 'date', p.fetched_at,
                                'confidence', p.confidence, 'licence', p.licence_id)), '[]')
                      FROM compliance.provenance p WHERE p.entity = 'base_leads' AND p.entity_id = l.id) AS origins
              FROM base_leads l WHERE l.id = :lead_id
            """  # noqa: S608 - our own constant
        )
        return (await self._session.execute(statement, {"lead_id": lead_id})).one_or_none()
