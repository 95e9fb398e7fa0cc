"""Jobs of counties: workflows of kind county_pull as people look at them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

# A workflow whose step was never claimed waits for a worker, whatever the core calls it. What its permits made of houses
# is told by the runs that their events started: those carry the job's correlation id.
JOB = """
    SELECT w.id, w.subject_id AS county_id, w.input, w.created_at, s.attempt, s.output AS progress, s.reason,
           s.error, w.error AS end_error, w.cancel_requested, w.finished_at, begun.started_at,
           extract(epoch FROM coalesce(w.finished_at, now()) - begun.started_at)::float8 AS elapsed_seconds,
           houses.properties_created, houses.properties_updated, houses.leads_created, now() AS now,
           CASE WHEN w.status IN ('failed', 'cancelled') THEN w.status WHEN w.status = 'done' THEN 'completed'
                WHEN begun.started_at IS NULL THEN 'pending' ELSE 'running' END AS status
      FROM core.workflow w
      JOIN core.step s ON s.workflow_id = w.id AND s.name = 'county_pull'
     CROSS JOIN LATERAL (
        SELECT least(s.started_at, (SELECT min(a.started_at) FROM core.step_attempt a WHERE a.workflow_id = w.id))
                   AS started_at) begun
     CROSS JOIN LATERAL (
        SELECT coalesce(sum(CAST(made.output ->> 'properties_created' AS integer)), 0) AS properties_created,
               coalesce(sum(CAST(made.output ->> 'properties_updated' AS integer)), 0) AS properties_updated,
               coalesce(sum(CAST(made.output ->> 'leads_created' AS integer)), 0) AS leads_created
          FROM core.workflow run JOIN core.step made ON made.workflow_id = run.id
         WHERE run.kind = 'hvac_properties' AND run.correlation_id = w.correlation_id
           AND run.input ->> 'county_id' = CAST(w.subject_id AS text)) houses
     WHERE w.kind = 'county_pull'
"""
ONE = text(JOB + " AND w.id = :id")
OF_COUNTY = text(
    f"""
    SELECT * FROM ({JOB} AND w.subject_id = :county_id) job
     WHERE CAST(:status AS text) IS NULL OR status = CAST(:status AS text)
     ORDER BY created_at DESC LIMIT :limit
    """  # noqa: S608 - a constant of ours
)
LIVE = text(
    """
    SELECT id FROM core.workflow
     WHERE kind = 'county_pull' AND subject_id = :county_id AND status IN ('pending', 'running', 'waiting')
    """
)
DELETE = text(
    """
    WITH gone AS (
        DELETE FROM core.workflow WHERE id = :id AND kind = 'county_pull' AND status IN ('done', 'failed')
        RETURNING id
    ), closed AS (
        UPDATE core.dead_letter d SET resolved_at = now(), resolved_by = 'its job was deleted'
          FROM gone WHERE d.workflow_id = gone.id AND d.resolved_at IS NULL
    )
    SELECT id FROM gone
    """
)
WORKERS = text(
    """
    SELECT count(*) FILTER (WHERE beat_at > now() - interval '1 minute') AS alive,
           (SELECT count(*) FROM core.workflow
             WHERE kind = 'county_pull' AND status IN ('pending', 'running', 'waiting')) AS jobs
      FROM core.worker_heartbeat WHERE service = 'scraper'
    """
)


class CountyJobRepository:
    """Reads and deletes the workflows that pull counties."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def one(self, job_id: UUID) -> Row[Any] | None:
        """A job as it stands."""
        return (await self._session.execute(ONE, {"id": job_id})).one_or_none()

    async def of_county(self, wanted: Mapping[str, Any]) -> Sequence[Row[Any]]:
        """A county's jobs, newest first."""
        return (await self._session.execute(OF_COUNTY, wanted)).all()

    async def live(self, county_id: UUID) -> UUID | None:
        """The job that has not ended, or None."""
        return (await self._session.execute(LIVE, {"county_id": county_id})).scalar_one_or_none()

    async def delete(self, job_id: UUID) -> bool:
        """Forget a job that ended by itself; False where there is none."""
        return (await self._session.execute(DELETE, {"id": job_id})).scalar_one_or_none() is not None

    async def workers(self) -> Row[Any]:
        """Workers that beat within the minute, and open jobs."""
        return (await self._session.execute(WORKERS)).one()
