"""The queue of reviewers: tasks, who holds them, and what each reviewer said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.schemas.page import Cursor

# A task that is decided but whose reviewer may still think again is open, and in nobody's queue.
_TASK = """
    SELECT t.id, t.base_lead_id, t.roof_analysis_id, t.workflow_id, t.reasons, t.due_at, t.created_at, t.state,
           t.wanted_reviews, t.decided_at, t.claimed_at,
           coalesce(t.due_at < now(), false) AS overdue, coalesce(t.due_at, t.created_at) AS turn,
           CASE WHEN t.claimed_until > now() THEN t.assignee_id END AS assignee_id,
           CASE WHEN t.claimed_until > now() THEN t.claimed_until END AS claimed_until,
           (SELECT count(*) FROM reviews o WHERE o.task_id = t.id AND o.undone_at IS NULL) AS reviews,
           a.overall_condition, a.calibrated_confidence, a.class_probabilities, a.image_domain
      FROM validation_tasks t LEFT JOIN roof_analysis a ON a.id = t.roof_analysis_id
"""
_IN_THE_QUEUE = """
     WHERE t.state = 'open' AND t.decided_at IS NULL
       AND NOT EXISTS (SELECT 1 FROM reviews o
                        WHERE o.task_id = t.id AND o.reviewer_id = CAST(:me AS uuid) AND o.undone_at IS NULL)
"""


def _json(value: Any) -> str | None:
    return None if value is None else orjson.dumps(value, default=str).decode()


class ReviewRepository:
    """Reads and writes the tasks of reviewers and their opinions."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def open_task(self, values: Mapping[str, Any]) -> None:
        """A reviewer's task; the one on an older analysis ends, so that no word on that one falls upon this one."""
        end = text(
            "UPDATE validation_tasks SET state = 'cancelled' WHERE base_lead_id = :lead AND state = 'open'"
        )
        statement = text(
            """
            INSERT INTO validation_tasks (base_lead_id, roof_analysis_id, workflow_id, reasons, wanted_reviews, due_at)
            VALUES (:lead, :analysis, :workflow, :reasons, :wanted, now() + make_interval(days => :days))
            """
        )
        await self._session.execute(end, {"lead": values["lead"]})
        await self._session.execute(statement, values)

    async def pending(
        self, me: UUID | None, chosen: Mapping[str, Any], *, after: Cursor | None, limit: int
    ) -> Sequence[Row[Any]]:
        """Tasks that want an opinion which this reviewer has not given, the most urgent first, one more than the limit."""
        statement = text(
            f"""
            {_TASK} {_IN_THE_QUEUE}
               AND (CAST(:domain AS varchar) IS NULL OR a.image_domain = :domain)
               AND (CAST(:reason AS text) IS NULL OR EXISTS (SELECT 1 FROM unnest(t.reasons) AS r (word)
                                                              WHERE strpos(lower(r.word), lower(:reason)) > 0))
               AND (:holder = 'all' OR (t.claimed_until > now() AND t.assignee_id = CAST(:me AS uuid))
                    OR (:holder = 'free' AND coalesce(t.claimed_until <= now(), true)))
               AND (CAST(:turn AS timestamptz) IS NULL
                    OR (coalesce(t.due_at, t.created_at), t.id) > (CAST(:turn AS timestamptz), CAST(:after AS uuid)))
             ORDER BY turn, t.id LIMIT :limit
            """  # noqa: S608 - our own text
        )
        values = {
            **chosen,
            "me": me,
            "turn": after.created_at if after else None,
            "after": after.id if after else None,
            "limit": limit + 1,
        }
        return (await self._session.execute(statement, values)).all()

    async def next_after(self, me: UUID | None, task: Row[Any]) -> UUID | None:
        """The next task of the queue that nobody else holds; from the front again after the last one."""
        statement = text(
            f"""
            SELECT id FROM ({_TASK} {_IN_THE_QUEUE} AND t.id <> :id
                               AND (coalesce(t.claimed_until <= now(), true) OR t.assignee_id = CAST(:me AS uuid))) queue
             ORDER BY (turn, id) < (CAST(:turn AS timestamptz), CAST(:id AS uuid)), turn, id LIMIT 1
            """  # noqa: S608 - our own text
        )
        values = {"me": me, "id": task.id, "turn": task.turn}
        return (await self._session.execute(statement, values)).scalar_one_or_none()

    async def task(self, task_id: UUID) -> Row[Any] | None:
        """One task, whatever became of it."""
        statement = text(f"{_TASK} WHERE t.id = :id")
        return (await self._session.execute(statement, {"id": task_id})).one_or_none()

    async def locked(self, task_id: UUID) -> Row[Any] | None:
        """One task, which nobody else changes before this transaction ends."""
        statement = text(f"{_TASK} WHERE t.id = :id FOR UPDATE OF t")
        return (await self._session.execute(statement, {"id": task_id})).one_or_none()

    async def claim(self, task_id: UUID, me: UUID, minutes: int) -> datetime | None:
        """Hold an undecided task; until when, or None where somebody else does or nothing is left to decide for this one."""
        statement = text(
            """
            UPDATE validation_tasks
               SET claimed_at = CASE WHEN assignee_id = :me AND claimed_until > now() THEN claimed_at ELSE now() END,
                   assignee_id = :me, claimed_until = now() + make_interval(mins => :minutes)
             WHERE id = :id AND state = 'open' AND decided_at IS NULL
               AND (assignee_id = :me OR coalesce(claimed_until <= now(), true))
               AND NOT EXISTS (SELECT 1 FROM reviews o WHERE o.task_id = :id AND o.reviewer_id = :me AND o.undone_at IS NULL)
            RETURNING claimed_until
            """
        )
        values = {"id": task_id, "me": me, "minutes": minutes}
        return (await self._session.execute(statement, values)).scalar_one_or_none()

    async def release(self, task_id: UUID, me: UUID) -> None:
        """Let a task that this reviewer holds go."""
        statement = text(
            """
            UPDATE validation_tasks SET assignee_id = NULL, claimed_at = NULL, claimed_until = NULL
             WHERE id = :id AND assignee_id = :me AND state = 'open'
            """
        )
        await self._session.execute(statement, {"id": task_id, "me": me})

    async def add_opinion(self, task_id: UUID, values: Mapping[str, Any]) -> bool:
        """One reviewer's word; False where he has given one before."""
        statement = text(
            """
            INSERT INTO reviews (task_id, reviewer_id, verdict, condition, corrections, notes, seconds_spent, created_at)
            SELECT :task, :reviewer, :verdict, :condition, CAST(:corrections AS jsonb), :notes,
                   CASE WHEN t.assignee_id = :reviewer THEN extract(epoch FROM now() - t.claimed_at)::int END,
                   clock_timestamp()
              FROM validation_tasks t WHERE t.id = :task
            ON CONFLICT (task_id, reviewer_id) WHERE undone_at IS NULL DO NOTHING RETURNING id
            """
        )
        row = {**values, "task": task_id, "corrections": _json(values["corrections"])}
        return (await self._session.execute(statement, row)).scalar_one_or_none() is not None

    async def opinions(self, task_id: UUID) -> Sequence[Row[Any]]:
        """The opinions that stand, the first one first."""
        statement = text(
            """
            SELECT id, reviewer_id, verdict, condition, corrections, notes, created_at FROM reviews
             WHERE task_id = :id AND undone_at IS NULL ORDER BY created_at, id
            """
        )
        return (await self._session.execute(statement, {"id": task_id})).all()

    async def take_back(self, review_id: UUID, seconds: float) -> bool:
        """Take an opinion back; False where its time has passed."""
        statement = text(
            """
            UPDATE reviews SET undone_at = now()
             WHERE id = :id AND undone_at IS NULL AND created_at + make_interval(secs => :seconds) > now() RETURNING id
            """
        )
        values = {"id": review_id, "seconds": seconds}
        return (await self._session.execute(statement, values)).scalar_one_or_none() is not None

    async def note(self, task_id: UUID, wanted: int, decision: Mapping[str, Any] | None, by: str) -> None:
        """How many opinions a task wants and the decision they came to, None for none yet; nobody holds it any more."""
        statement = text(
            """
            UPDATE validation_tasks
               SET wanted_reviews = :wanted, decision = CAST(:decision AS jsonb), notes = :notes,
                   decided_by = CASE WHEN :decided THEN :by END, decided_at = CASE WHEN :decided THEN now() END,
                   assignee_id = NULL, claimed_at = NULL, claimed_until = NULL
             WHERE id = :id
            """
        )
        values = {
            "id": task_id,
            "wanted": wanted,
            "decided": decision is not None,
            "decision": _json(decision),
            "notes": decision["notes"] if decision else None,
            "by": by,
        }
        await self._session.execute(statement, values)

    async def to_settle(self, task_id: UUID, seconds: float) -> Row[Any] | None:
        """A decided task that is still open, and how long until nobody can think again; None for any other."""
        statement = text(
            """
            SELECT t.id, t.workflow_id, t.roof_analysis_id, t.decision,
                   extract(epoch FROM max(r.created_at) + make_interval(secs => :seconds) - now())::float8 AS left
              FROM validation_tasks t JOIN reviews r ON r.task_id = t.id AND r.undone_at IS NULL
             WHERE t.id = :id AND t.state = 'open' AND t.decided_at IS NOT NULL GROUP BY t.id
            """
        )
        values = {"id": task_id, "seconds": seconds}
        return (await self._session.execute(statement, values)).one_or_none()

    async def close(self, task_id: UUID) -> Row[Any] | None:
        """Close a decided task under its decision; None when that was done or it was cancelled or taken back."""
        statement = text(
            """
            UPDATE validation_tasks SET state = decision ->> 'review'
             WHERE id = :id AND state = 'open' AND decided_at IS NOT NULL
            RETURNING workflow_id, roof_analysis_id, base_lead_id, decision
            """
        )
        return (await self._session.execute(statement, {"id": task_id})).one_or_none()

    async def waiting(self, lead_id: UUID) -> Sequence[UUID]:
        """Workflows that wait for a reviewer's word on a lead: the first one, and one that looked at the roof again."""
        statement = text(
            """
            SELECT w.id FROM core.workflow w JOIN core.step s ON s.workflow_id = w.id
             WHERE w.subject_id = :lead AND s.name = 'validate' AND s.status = 'waiting' ORDER BY w.created_at
            """
        )
        return (await self._session.execute(statement, {"lead": lead_id})).scalars().all()

    async def store_word(self, analysis_id: UUID, decision: Mapping[str, Any]) -> None:
        """What people said about an analysis: a confirmed or corrected condition is certain."""
        statement = text(
            """
            UPDATE roof_analysis SET human_validated = true, human_validator_id = :reviewer, validation_notes = :notes,
                   validation_status = :review, validation_date = now(),
                   overall_condition = coalesce(CAST(:condition AS varchar), overall_condition) WHERE id = :id
            """
        )
        words = {name: decision.get(name) for name in ("reviewer", "notes", "review", "condition")}
        await self._session.execute(statement, {**words, "id": analysis_id})

    async def analysed(self, analysis_id: UUID) -> Row[Any]:
        """What the models saw, and the roof's area."""
        statement = text("SELECT evidence, roof_sqft FROM roof_analysis WHERE id = :id")
        return (await self._session.execute(statement, {"id": analysis_id})).one()

    async def store_damages(self, analysis_id: UUID, values: Mapping[str, Any]) -> None:
        """The damages of an analysis as people drew them."""
        statement = text(
            """
            UPDATE roof_analysis SET damage_detected = :damage_detected, damage_types = :damage_types,
                   damage_severity = CAST(:damage_severity AS jsonb), damage_locations = CAST(:damage_locations AS jsonb),
                   damage_areas_sqft = CAST(:damage_areas_sqft AS jsonb), repair_cost_low = :repair_low,
                   repair_cost_high = :repair_high WHERE id = :id
            """
        )
        documents = ("damage_severity", "damage_locations", "damage_areas_sqft")
        row = {**values, **{name: _json(values[name]) for name in documents}}
        await self._session.execute(statement, {**row, "id": analysis_id})

    async def looked_at(self, task: Row[Any]) -> Row[Any]:
        """The house of a task with its analysis as rows of JSON, and the pictures that a reviewer may see."""
        statement = text(
            """
            SELECT l.address || ', ' || l.city || ' ' || l.state AS address,
                   to_jsonb(a) - 'base_lead_id' - 'validation_evidence' - 'evidence' - 'human_validator_id' AS analysis,
                   a.evidence, a.validation_evidence,
                   coalesce((SELECT jsonb_agg(jsonb_build_object('id', i.id, 'image_type', i.image_type,
                                 'view_angle', i.view_angle, 'source', i.source, 'licence_id', i.licence_id,
                                 'attribution', s.attribution,
                                 'capture_date', i.capture_date, 'gsd_m', i.gsd_m, 'width', i.image_width,
                                 'height', i.image_height) ORDER BY i.image_type, i.view_angle, i.capture_date DESC)
                               FROM property_images i LEFT JOIN compliance.source_registry s ON s.source_key = i.source
                              WHERE i.base_lead_id = l.id AND i.image_type IN ('satellite', 'street_view')
                                AND i.level = 'roof'), '[]') AS pictures
              FROM base_leads l LEFT JOIN roof_analysis a ON a.id = :analysis
             WHERE l.id = :lead
            """
        )
        values = {"lead": task.base_lead_id, "analysis": task.roof_analysis_id}
        return (await self._session.execute(statement, values)).one()
