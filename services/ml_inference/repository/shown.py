"""What is shown of an analysis: one row with its evidence, and the pictures of the house."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession


class ShownRepository:
    """Reads of analyses for people."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def current(self, lead_id: UUID) -> Row[Any] | None:
        """A lead's current analysis."""
        statement = text(
            """
            SELECT id, base_lead_id, overall_condition AS condition, calibrated_confidence AS confidence,
                   class_probabilities AS probabilities, image_domain, damage_types, roof_sqft, roof_pitch, estimated_age,
                   estimated_remaining_life, urgency, repair_cost_low, repair_cost_high, replacement_cost_low,
                   replacement_cost_high, validation_status, validation_date, human_validated, analyzed_at, evidence,
                   validation_evidence AS validation
              FROM roof_analysis WHERE base_lead_id = :lead AND is_current
            """
        )
        return (await self._session.execute(statement, {"lead": lead_id})).one_or_none()

    async def pictures(self, lead_id: UUID) -> Sequence[Row[Any]]:
        """The newest picture of each view, level and source; from above first, the closest first."""
        statement = text(
            """
            SELECT * FROM (
                SELECT DISTINCT ON (i.image_type, i.view_angle, i.level, i.source) i.id, i.image_type, i.view_angle, i.level,
                       i.source, i.licence_id, s.attribution, i.capture_date, i.gsd_m, i.image_width AS width,
                       i.image_height AS height
                  FROM property_images i LEFT JOIN compliance.source_registry s ON s.source_key = i.source
                 WHERE i.base_lead_id = :lead AND i.image_type IN ('satellite', 'street_view')
                 ORDER BY i.image_type, i.view_angle, i.level, i.source, i.capture_date DESC NULLS LAST) AS newest
             ORDER BY image_type, gsd_m NULLS LAST, view_angle
            """
        )
        return (await self._session.execute(statement, {"lead": lead_id})).all()
