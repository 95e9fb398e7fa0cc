"""Closed reviews: as labels for training, and as the record of reviewers and models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.schemas.page import Cursor


class LabelRepository:
    """Reads what reviewers decided."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def approved(self, after: Cursor | None, limit: int) -> Sequence[Row[Any]]:
        """Approved tasks in the order of their decision with their stored pictures, one more than the limit."""
        statement = text(
            """
            SELECT t.id, t.base_lead_id, t.decided_at, t.decision, a.overall_condition, a.evidence,
                   a.classifier_sha256 AS weights, c.said AS models_said,
                   coalesce((SELECT jsonb_agg(jsonb_build_object('image_id', i.id, 'key', i.s3_key, 'sha256', i.sha256,
                                 'image_type', i.image_type, 'view_angle', i.view_angle, 'domain', i.image_domain,
                                 'source', i.source, 'licence_id', i.licence_id, 'capture_date', i.capture_date,
                                 'gsd_m', i.gsd_m) ORDER BY i.image_type, i.view_angle, i.id)
                               FROM property_images i
                              WHERE i.base_lead_id = t.base_lead_id AND i.s3_key IS NOT NULL AND i.usable_for_analysis
                                AND i.image_type IN ('satellite', 'street_view') AND i.level = 'roof'
                                AND i.created_at <= a.analyzed_at),
                            '[]') AS pictures
              FROM validation_tasks t JOIN roof_analysis a ON a.id = t.roof_analysis_id
              LEFT JOIN condition_comparisons c ON c.roof_analysis_id = a.id AND c.origin = 'review'
             WHERE t.state = 'approved' AND t.decided_at IS NOT NULL AND a.overall_condition IS NOT NULL
               AND (CAST(:turn AS timestamptz) IS NULL
                    OR (t.decided_at, t.id) > (CAST(:turn AS timestamptz), CAST(:after AS uuid)))
             ORDER BY t.decided_at, t.id LIMIT :limit
            """
        )
        values = {
            "turn": after.created_at if after else None,
            "after": after.id if after else None,
            "limit": limit + 1,
        }
        return (await self._session.execute(statement, values)).all()

    async def opinions(self, days: int) -> Sequence[Row[Any]]:
        """Every opinion of the last days that stands, a task's in their order, beside the models' word and the final one."""
        statement = text(
            """
            SELECT r.task_id, r.reviewer_id, coalesce(r.condition, r.verdict) AS label, r.seconds_spent, r.created_at,
                   a.image_domain, coalesce(a.validation_evidence ->> 'condition', a.overall_condition) AS said,
                   CASE WHEN t.state IN ('approved', 'rejected')
                        THEN coalesce(t.decision ->> 'condition', t.state) END AS final
              FROM reviews r JOIN validation_tasks t ON t.id = r.task_id
              LEFT JOIN roof_analysis a ON a.id = t.roof_analysis_id
             WHERE r.undone_at IS NULL AND r.created_at > now() - make_interval(days => :days)
             ORDER BY r.task_id, r.created_at, r.id
            """
        )
        return (await self._session.execute(statement, {"days": days})).all()

    async def queue(self) -> Row[Any]:
        """How many tasks wait, are late and are held, and how many words were given since midnight UTC."""
        statement = text(
            """
            SELECT count(*) AS open, count(*) FILTER (WHERE due_at < now()) AS overdue,
                   count(*) FILTER (WHERE claimed_until > now()) AS claimed,
                   (SELECT count(*) FROM reviews WHERE undone_at IS NULL
                       AND created_at >= date_trunc('day', now(), 'UTC')) AS reviewed_today
              FROM validation_tasks WHERE state = 'open' AND decided_at IS NULL
            """
        )
        return (await self._session.execute(statement)).one()
