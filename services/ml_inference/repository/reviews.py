"""What validation and reviewers say of an analysis, and the tasks that wait for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession


def _json(value: Any) -> str | None:
    return None if value is None else orjson.dumps(value, default=str).decode()


class ReviewRepository:
    """Reads and writes the tasks of reviewers and the validation columns of analyses."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def set_validation(self, analysis_id: UUID, status: str) -> None:
        """What validation said."""
        statement = text(
            """
            UPDATE roof_analysis SET validation_status = :status, validation_date = now(),
                   validation_confidence = calibrated_confidence * 100 WHERE id = :id
            """
        )
        await self._session.execute(statement, {"id": analysis_id, "status": status})

    async def open_task(
        self, lead_id: UUID, analysis_id: UUID, workflow_id: UUID, reasons: list[str], days: int
    ) -> None:
        """A reviewer's task; one open task a lead."""
        statement = text(
            """
            INSERT INTO validation_tasks (base_lead_id, roof_analysis_id, workflow_id, reasons, due_at)
            VALUES (:lead, :analysis, :workflow, :reasons, now() + make_interval(days => :days))
            ON CONFLICT (base_lead_id) WHERE state = 'open' DO UPDATE
               SET roof_analysis_id = excluded.roof_analysis_id, workflow_id = excluded.workflow_id, reasons = excluded.reasons
            """
        )
        values = {
            "lead": lead_id,
            "analysis": analysis_id,
            "workflow": workflow_id,
            "reasons": reasons,
            "days": days,
        }
        await self._session.execute(statement, values)

    async def open_tasks(self, limit: int) -> Sequence[Row[Any]]:
        """Tasks nobody has decided, the most urgent first."""
        statement = text(
            """
            SELECT t.id, t.base_lead_id, t.roof_analysis_id, t.workflow_id, t.reasons, t.due_at, t.created_at,
                   a.overall_condition, a.calibrated_confidence, a.class_probabilities, a.image_domain
              FROM validation_tasks t LEFT JOIN roof_analysis a ON a.id = t.roof_analysis_id
             WHERE t.state = 'open' ORDER BY t.due_at, t.created_at LIMIT :limit
            """
        )
        return (await self._session.execute(statement, {"limit": limit})).all()

    async def decide_task(self, task_id: UUID, decision: Mapping[str, Any], actor: str) -> Row[Any] | None:
        """Close an open task with a decision; None when it is not open."""
        statement = text(
            """
            UPDATE validation_tasks SET state = :state, decision = CAST(:decision AS jsonb), decided_by = :actor,
                   decided_at = now(), notes = :notes
             WHERE id = :id AND state = 'open' RETURNING workflow_id, roof_analysis_id, base_lead_id
            """
        )
        values = {
            "id": task_id,
            "state": decision["review"],
            "decision": _json(dict(decision)),
            "actor": actor,
            "notes": decision.get("notes"),
        }
        return (await self._session.execute(statement, values)).one_or_none()

    async def task_exists(self, task_id: UUID) -> bool:
        """Whether there is such a task, open or not."""
        statement = text("SELECT EXISTS (SELECT 1 FROM validation_tasks WHERE id = :id)")
        return bool((await self._session.execute(statement, {"id": task_id})).scalar_one())

    async def store_review(self, analysis_id: UUID, values: Mapping[str, Any]) -> None:
        """What a person said about an analysis: a confirmed or corrected condition is certain."""
        statement = text(
            """
            UPDATE roof_analysis SET human_validated = true, human_validator_id = :user, validation_notes = :notes,
                   validation_status = :status, validation_date = now(),
                   overall_condition = coalesce(CAST(:condition AS varchar), overall_condition) WHERE id = :id
            """
        )
        await self._session.execute(statement, {**values, "id": analysis_id})
