"""Every SQL statement of the orchestrator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

Rows = Sequence[Row[Any]]


class WorkflowRepository:
    """Reads of workflows and their steps."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def page(
        self, *, status: str | None, kind: str | None, before: datetime | None, limit: int
    ) -> Rows:
        """The newest workflows of a status and kind, open ones when no status is named."""
        statement = text(
            """
            SELECT id, kind, subject_id, status, parent_id, paused, error, created_at, started_at, finished_at
              FROM core.workflow
             WHERE (CAST(:status AS text) IS NULL AND status IN ('pending', 'running', 'waiting') OR status = :status)
               AND (CAST(:kind AS text) IS NULL OR kind = :kind)
               AND (CAST(:before AS timestamptz) IS NULL OR created_at < :before)
             ORDER BY created_at DESC, id LIMIT :limit
            """
        )
        values = {"status": status, "kind": kind, "before": before, "limit": limit}
        return (await self._session.execute(statement, values)).all()

    async def one(self, workflow_id: UUID) -> Row[Any] | None:
        """One workflow."""
        statement = text(
            """
            SELECT id, kind, subject_id, status, input, output, error, parent_id, paused, deadline_at, correlation_id,
                   created_at, started_at, finished_at
              FROM core.workflow WHERE id = :id
            """
        )
        return (await self._session.execute(statement, {"id": workflow_id})).one_or_none()

    async def latest_of(self, kind: str, subject_id: UUID) -> Row[Any] | None:
        """The newest workflow of a kind for a subject."""
        statement = text(
            """
            SELECT id, status, error, created_at, started_at, finished_at, now() AS now
              FROM core.workflow WHERE kind = :kind AND subject_id = :subject ORDER BY created_at DESC LIMIT 1
            """
        )
        return (await self._session.execute(statement, {"kind": kind, "subject": subject_id})).one_or_none()

    async def steps(self, workflow_id: UUID) -> Rows:
        """The steps of a workflow in order."""
        statement = text(
            """
            SELECT name, status, service, queue, needs, optional, attempt, max_attempt, run_after, output, reason, error,
                   waiting_for, worker, started_at, finished_at
              FROM core.step WHERE workflow_id = :id ORDER BY position
            """
        )
        return (await self._session.execute(statement, {"id": workflow_id})).all()

    async def attempts(self, workflow_id: UUID) -> Rows:
        """The history of a workflow's attempts."""
        statement = text(
            """
            SELECT step_name, attempt, worker, started_at, finished_at, outcome, error
              FROM core.step_attempt WHERE workflow_id = :id ORDER BY id
            """
        )
        return (await self._session.execute(statement, {"id": workflow_id})).all()

    async def children(self, workflow_id: UUID) -> Row[Any]:
        """How a workflow's children stand, and when the first of them began."""
        statement = text(
            """
            SELECT count(*) FILTER (WHERE status = 'pending') AS pending,
                   count(*) FILTER (WHERE status = 'running') AS running,
                   count(*) FILTER (WHERE status = 'waiting') AS waiting,
                   count(*) FILTER (WHERE status = 'done') AS done,
                   count(*) FILTER (WHERE status = 'failed') AS failed,
                   count(*) FILTER (WHERE status = 'cancelled') AS cancelled,
                   min(started_at) AS began_at, max(finished_at) AS ended_at
              FROM core.workflow WHERE parent_id = :id
            """
        )
        return (await self._session.execute(statement, {"id": workflow_id})).one()

    async def counts(self) -> Rows:
        """Open workflows by kind and status."""
        statement = text(
            """
            SELECT kind, status, count(*) AS n FROM core.workflow
             WHERE status IN ('pending', 'running', 'waiting') GROUP BY kind, status ORDER BY kind, status
            """
        )
        return (await self._session.execute(statement)).all()

    async def dead_letters(self, limit: int) -> Rows:
        """Unresolved dead letters, newest first."""
        statement = text(
            """
            SELECT id, source, topic, consumer, event_id, workflow_id, step_name, reason, attempts, created_at
              FROM core.dead_letter WHERE resolved_at IS NULL ORDER BY created_at DESC LIMIT :limit
            """
        )
        return (await self._session.execute(statement, {"limit": limit})).all()

    async def open_dead_letters(self) -> int:
        """How many dead letters wait for a person."""
        statement = text("SELECT count(*) FROM core.dead_letter WHERE resolved_at IS NULL")
        return int((await self._session.execute(statement)).scalar_one())

    async def queues(self) -> Rows:
        """Every queue with steps that could run or are running, the fullest first."""
        statement = text(
            """
            SELECT queue, count(*) FILTER (WHERE status = 'ready') AS ready,
                   count(*) FILTER (WHERE status = 'running') AS running,
                   CAST(extract(epoch FROM now() - min(run_after) FILTER (WHERE status = 'ready' AND run_after <= now()))
                        AS float) AS oldest_seconds
              FROM core.step WHERE status IN ('ready', 'running') GROUP BY queue ORDER BY ready DESC, queue
            """
        )
        return (await self._session.execute(statement)).all()

    async def take_dead_letter(self, letter_id: UUID, actor: str) -> Row[Any] | None:
        """Mark a dead letter resolved and return it; None when it is not there or already resolved.

        Its workflow is locked first, as everywhere: a retry locks it and then resolves its letters.
        """
        lock = text(
            """
            SELECT 1 FROM core.workflow w JOIN core.dead_letter d ON d.workflow_id = w.id WHERE d.id = :id
               FOR UPDATE OF w
            """
        )
        await self._session.execute(lock, {"id": letter_id})
        statement = text(
            """
            UPDATE core.dead_letter SET resolved_at = now(), resolved_by = :actor
             WHERE id = :id AND resolved_at IS NULL
            RETURNING id, source, topic, consumer, event_id, workflow_id, step_name, raw, payload
            """
        )
        return (await self._session.execute(statement, {"id": letter_id, "actor": actor})).one_or_none()

    async def forget_inbox(self, consumer: str, event_id: UUID) -> None:
        """Let a consumer take an event again."""
        statement = text("DELETE FROM core.inbox WHERE consumer = :consumer AND event_id = :event_id")
        await self._session.execute(statement, {"consumer": consumer, "event_id": event_id})

    async def republish(self, event_id: UUID) -> int:
        """Send an event's outbox row once more; returns 0 when it is no longer kept."""
        statement = text("UPDATE core.outbox SET published_at = NULL WHERE event_id = :event_id")
        result = await self._session.execute(statement, {"event_id": event_id})
        return int(result.rowcount)  # type: ignore[attr-defined]


class CityRepository:
    """Target cities and their figures."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def all(self) -> Rows:
        """Every city, active ones first."""
        statement = text(
            """
            SELECT id, city, state, tier, priority, active, status, status_reason, sandbox, population,
                   total_permits_found, total_properties_processed, first_scraped_at, last_scraped_at,
                   sources -> 'permit_sources' AS permit_sources
              FROM target_cities ORDER BY active DESC, priority DESC NULLS LAST, state, city
            """
        )
        return (await self._session.execute(statement)).all()

    async def by_name(self, city: str, state: str) -> Row[Any] | None:
        """One city by name, in any case."""
        statement = text(
            """
            SELECT id, city, state, tier, priority, active, status, status_reason, sandbox, population, county, time_zone,
                   sources, daily_budget, daily_prospect_cap, total_permits_found, total_properties_processed,
                   first_scraped_at, last_scraped_at, ST_Y(center::geometry) AS lat, ST_X(center::geometry) AS lng
              FROM target_cities WHERE lower(city) = lower(:city) AND upper(state) = upper(:state)
            """
        )
        return (await self._session.execute(statement, {"city": city, "state": state})).one_or_none()

    async def one(self, city_id: UUID) -> Row[Any] | None:
        """A city's sources by id."""
        statement = text("SELECT id, city, state, sources FROM target_cities WHERE id = :id")
        return (await self._session.execute(statement, {"id": city_id})).one_or_none()

    async def state_rules(self, state: str) -> dict[str, Any] | None:
        """What a state asks of roofers, callers and buyers of records, as of today."""
        statement = text(
            """
            SELECT rules FROM compliance.state_policy WHERE state = :state AND effective_from <= current_date
               AND rules <> '{}'::jsonb ORDER BY version DESC LIMIT 1
            """
        )
        rules: dict[str, Any] | None = (
            await self._session.execute(statement, {"state": state})
        ).scalar_one_or_none()
        return rules

    async def set_status(
        self, city_id: UUID, status: str, *, active: bool | None = None, reason: str | None = None
    ) -> None:
        """Move a city's status; `active` stays as it is unless given."""
        statement = text(
            """
            UPDATE target_cities SET status = :status, status_reason = :reason,
                   active = coalesce(CAST(:active AS boolean), active) WHERE id = :id
            """
        )
        await self._session.execute(
            statement, {"id": city_id, "status": status, "active": active, "reason": reason}
        )

    async def lead_counts(self, city_id: UUID) -> Rows:
        """Leads of a city by status, grade and label."""
        statement = text(
            """
            SELECT status, grade, publish_label, count(*) AS n FROM base_leads WHERE city_id = :id
             GROUP BY status, grade, publish_label
            """
        )
        return (await self._session.execute(statement, {"id": city_id})).all()

    async def cost_since(self, city_id: UUID, since: datetime) -> float:
        """USD spent on a city's leads and on the city itself since a moment."""
        statement = text(
            """
            SELECT coalesce(sum(u.cost), 0) FROM api_usage_logs u
             WHERE u.created_at >= :since
               AND (u.entity_id = :id OR u.entity_id IN (SELECT id FROM base_leads WHERE city_id = :id))
            """
        )
        return float((await self._session.execute(statement, {"id": city_id, "since": since})).scalar_one())

    async def prospects_without_workflow(self, city_id: UUID) -> list[UUID]:
        """Leads in processing that no property workflow has in hand or done with, best pre-score first."""
        statement = text(
            """
            SELECT l.id FROM base_leads l
             WHERE l.city_id = :id AND l.status = 'processing'
               AND NOT EXISTS (SELECT 1 FROM core.workflow w WHERE w.kind = 'property' AND w.subject_id = l.id
                                  AND w.status NOT IN ('cancelled', 'failed'))
             ORDER BY l.pre_score DESC NULLS LAST, l.id
            """
        )
        return list((await self._session.execute(statement, {"id": city_id})).scalars())

    async def lead_exists(self, lead_id: UUID) -> bool:
        """Whether there is such a lead."""
        statement = text("SELECT EXISTS (SELECT 1 FROM base_leads WHERE id = :id)")
        return bool((await self._session.execute(statement, {"id": lead_id})).scalar_one())

    async def expansion_facts(self) -> Row[Any]:
        """What the expansion rule rests on."""
        statement = text(
            """
            SELECT (SELECT count(*) FROM target_cities WHERE tier = 1 AND NOT active AND NOT sandbox) AS tier_one_inactive,
                   (SELECT count(*) FROM target_cities WHERE active AND NOT sandbox) AS active_cities,
                   (SELECT coalesce(jsonb_object_agg(city_id, n), '{}') FROM (
                        SELECT l.city_id, count(*) AS n FROM base_leads l JOIN target_cities c ON c.id = l.city_id
                         WHERE c.active AND NOT c.sandbox AND l.created_at > now() - interval '30 days'
                         GROUP BY l.city_id) AS per_city) AS leads
            """
        )
        return (await self._session.execute(statement)).one()

    async def next_city(self, statuses: Sequence[str], kinds: Sequence[str]) -> Row[Any] | None:
        """The inactive city with the highest priority that has a source of these statuses and kinds."""
        statement = text(
            """
            SELECT id, city, state FROM target_cities
             WHERE NOT active AND NOT sandbox AND status <> 'activating' AND EXISTS (
                   SELECT 1 FROM jsonb_array_elements(coalesce(sources -> 'permit_sources', '[]'::jsonb)) AS feed
                    WHERE coalesce(feed ->> 'status', 'usable') = ANY (:statuses) AND feed ->> 'kind' = ANY (:kinds))
             ORDER BY tier, priority DESC LIMIT 1
            """
        )
        values = {"statuses": list(statuses), "kinds": list(kinds)}
        return (await self._session.execute(statement, values)).one_or_none()


class JobRepository:
    """Scheduled jobs and their runs."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def all(self) -> Rows:
        """Every scheduled job with its last run."""
        statement = text(
            """
            SELECT s.job, s.service, s.kind, s.cron, s.tz, s.enabled, s.misfire, s.description, s.updated_at, now() AS now,
                   r.slot AS last_slot, r.due_at AS last_due_at, w.status AS last_status, r.workflow_id AS last_workflow_id
              FROM core.schedule s
              LEFT JOIN LATERAL (SELECT slot, due_at, workflow_id FROM core.schedule_run
                                  WHERE job = s.job ORDER BY created_at DESC LIMIT 1) r ON true
              LEFT JOIN core.workflow w ON w.id = r.workflow_id
             ORDER BY s.job
            """
        )
        return (await self._session.execute(statement)).all()

    async def set_enabled(self, job: str, enabled: bool, actor: str) -> bool:  # noqa: FBT001 - the column's value
        """Pause or resume a job; False when there is no such job."""
        statement = text(
            "UPDATE core.schedule SET enabled = :enabled, updated_at = now(), updated_by = :actor WHERE job = :job"
        )
        result = await self._session.execute(statement, {"job": job, "enabled": enabled, "actor": actor})
        return bool(result.rowcount)  # type: ignore[attr-defined]

    async def set_times(self, job: str, cron: str, tz: str, actor: str) -> bool:
        """Let a job run at other times from now on; False when there is no such job."""
        statement = text(
            "UPDATE core.schedule SET cron = :cron, tz = :tz, updated_at = now(), updated_by = :actor WHERE job = :job"
        )
        result = await self._session.execute(statement, {"job": job, "cron": cron, "tz": tz, "actor": actor})
        return bool(result.rowcount)  # type: ignore[attr-defined]


class ConfigRepository:
    """Configuration values and feature flags."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def config(self) -> dict[str, Any]:
        """Every value an operator has set."""
        rows = (await self._session.execute(text("SELECT key, value FROM core.config"))).all()
        return {row.key: row.value for row in rows}

    async def features(self) -> dict[str, bool]:
        """Every flag an operator has set."""
        return {row.key: row.enabled for row in await self.turned()}

    async def turned(self) -> Sequence[Row[Any]]:
        """The same with the time of the last change."""
        return (
            await self._session.execute(text("SELECT key, enabled, updated_at FROM core.feature_flag"))
        ).all()

    async def set_config(self, changes: Mapping[str, tuple[Any, str]], actor: str) -> None:
        """Store values with their descriptions."""
        statement = text(
            """
            INSERT INTO core.config (key, value, description, updated_by)
            VALUES (:key, CAST(:value AS jsonb), :description, :actor)
            ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = now(), updated_by = excluded.updated_by
            """
        )
        rows = [
            {"key": key, "value": orjson.dumps(value).decode(), "description": description, "actor": actor}
            for key, (value, description) in changes.items()
        ]
        await self._session.execute(statement, rows)

    async def set_features(self, changes: Mapping[str, tuple[bool, str]], actor: str) -> None:
        """Store flags with their descriptions."""
        statement = text(
            """
            INSERT INTO core.feature_flag (key, enabled, description, updated_by)
            VALUES (:key, :enabled, :description, :actor)
            ON CONFLICT (key) DO UPDATE SET enabled = excluded.enabled, updated_at = now(), updated_by = excluded.updated_by
            """
        )
        rows = [
            {"key": key, "enabled": enabled, "description": description, "actor": actor}
            for key, (enabled, description) in changes.items()
        ]
        await self._session.execute(statement, rows)


class SystemRepository:
    """Figures of the whole platform, and its housekeeping."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def figures(self) -> Row[Any]:
        """Counts an operator looks at first."""
        statement = text(
            """
            SELECT (SELECT count(*) FROM core.outbox WHERE published_at IS NULL) AS outbox_unpublished,
                   (SELECT count(*) FROM core.dead_letter WHERE resolved_at IS NULL) AS dead_letters,
                   (SELECT coalesce(sum(violations), 0) FROM core.invariant_violations()) AS invariant_violations,
                   (SELECT count(*) FROM target_cities WHERE active) AS active_cities,
                   (SELECT count(*) FROM base_leads WHERE status = 'available') AS leads_available,
                   (SELECT count(*) FROM base_leads WHERE status = 'sold') AS leads_sold,
                   (SELECT count(*) FROM core.worker_heartbeat WHERE beat_at > now() - interval '60 seconds') AS workers
            """
        )
        return (await self._session.execute(statement)).one()

    async def oldest_ready_seconds(self) -> float:
        """How long the oldest step that could run waits for a worker."""
        statement = text(
            """
            SELECT extract(epoch FROM now() - s.run_after)
              FROM core.step s JOIN core.workflow w ON w.id = s.workflow_id
             WHERE s.status = 'ready' AND s.run_after <= now() AND w.status IN ('running', 'waiting') AND NOT w.paused
             ORDER BY s.run_after LIMIT 1
            """
        )
        return float((await self._session.execute(statement)).scalar_one_or_none() or 0)

    async def forget_expired(self, batch: int) -> int:
        """Delete at most `batch` rows of each table that are past their keeping time; returns how many."""
        statement = text("SELECT core.forget_expired(:batch) + core.forget_ended(:batch)")
        return int((await self._session.execute(statement, {"batch": batch})).scalar_one())

    async def housekeeping(self) -> None:
        """Make partitions ahead, drop those past their keeping time, and seal the chains."""
        await self._session.execute(text("SELECT core.ensure_partitions(14)"))
        await self._session.execute(text("SELECT core.drop_old_partitions()"))
        await self._session.execute(text("SELECT core.seal_chains()"))

    async def week(self) -> dict[str, Any]:
        """The last seven days in numbers."""
        statement = text(
            """
            SELECT jsonb_build_object(
                'permits_stored', (SELECT count(*) FROM roofing_permits WHERE created_at > now() - interval '7 days'),
                'leads_created', (SELECT count(*) FROM base_leads WHERE created_at > now() - interval '7 days'),
                'leads_available', (SELECT count(*) FROM base_leads WHERE status = 'available'),
                'leads_sold', (SELECT count(*) FROM sales WHERE status = 'sold' AND charged_at > now() - interval '7 days'),
                'revenue_cents', (SELECT coalesce(sum(charged_cents), 0) FROM sales
                                   WHERE status = 'sold' AND charged_at > now() - interval '7 days'),
                'contractors', (SELECT count(*) FROM contractors),
                'vendor_cost_usd', (SELECT coalesce(sum(cost), 0) FROM api_usage_logs
                                     WHERE created_at > now() - interval '7 days')) AS report
            """
        )
        report: dict[str, Any] = (await self._session.execute(statement)).scalar_one()
        return report

    async def store_event(self, event_type: str, name: str, data: Mapping[str, Any]) -> None:
        """Keep a system event for the operator."""
        statement = text(
            """
            INSERT INTO system_events (event_type, event_name, service, event_data, severity)
            VALUES (:event_type, :name, 'orchestrator', CAST(:data AS jsonb), 'info')
            """
        )
        payload = orjson.dumps(dict(data), default=str).decode()
        await self._session.execute(statement, {"event_type": event_type, "name": name, "data": payload})
