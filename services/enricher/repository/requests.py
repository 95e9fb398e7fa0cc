"""Requests on demand: opened once, worked on by one process at a time, answered again from the record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

OPEN = text(
    """
    INSERT INTO enrichment_jobs (base_lead_id, enrichment_type, status, subject_id, person_hash)
    VALUES (CAST(:lead_id AS uuid), :kind, 'pending', CAST(:subject_id AS uuid), :person_hash) RETURNING id
    """
)
LOCK_ITS_PERSON = text(
    "SELECT pg_advisory_xact_lock(hashtextextended(person_hash, 0)) FROM enrichment_jobs WHERE id = :id"
)
CLAIM = text(
    """
    UPDATE enrichment_jobs j SET status = 'running', started_at = now()
     WHERE id = :id AND (status = 'pending' OR status = 'running' AND started_at < now() - interval '5 minutes')
       AND NOT EXISTS (SELECT 1 FROM enrichment_jobs o
                        WHERE o.person_hash = j.person_hash AND o.id <> j.id AND o.status = 'running'
                          AND o.started_at > now() - interval '5 minutes')
    RETURNING id
    """
)
READ = text(
    "SELECT status, subject_id, sealed_answer, enrichment_data -> 'answer' AS answer FROM enrichment_jobs WHERE id = :id"
)
RELEASE = text(
    "UPDATE enrichment_jobs SET status = 'pending', cost = :cost, error_message = :error WHERE id = :id"
)
FINISH = text(
    """
    UPDATE enrichment_jobs
       SET status = :status, completed_at = now(), data_found = :found, confidence_score = :confidence, cost = :cost,
           api_calls_made = :calls, sources_tried = :tried, successful_source = :source, error_message = :error,
           sealed_answer = :sealed, enrichment_data = CAST(:data AS jsonb)
     WHERE id = :id
    """
)
TOLD = text(
    """
    SELECT j.sealed_answer FROM enrichment_jobs j
     WHERE j.person_hash = :person AND j.subject_id = CAST(:subject_id AS uuid) AND j.data_found
       AND j.sealed_answer IS NOT NULL AND j.completed_at > now() - make_interval(days => :days)
     ORDER BY j.completed_at
    """
)


class RequestRepository:
    """Rows of enrichment_jobs that a caller has asked for."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def open(self, values: Mapping[str, Any]) -> UUID:
        """A new job for `kind`, of a lead and a person where they are known."""
        job_id: UUID = (await self._session.execute(OPEN, values)).scalar_one()
        return job_id

    async def claim(self, job_id: UUID) -> bool:
        """Whether this caller may work on the job now: nobody else does, nor on another one about its person."""
        await self._session.execute(LOCK_ITS_PERSON, {"id": job_id})
        return (await self._session.execute(CLAIM, {"id": job_id})).scalar_one_or_none() is not None

    async def read(self, job_id: UUID) -> Row[Any]:
        """A job with its answer, sealed where it names a person."""
        return (await self._session.execute(READ, {"id": job_id})).one()

    async def told(self, person_hash: str, subject_id: UUID, *, days: int) -> Sequence[str]:
        """What requests about this person were told in the last days, sealed, the newest last."""
        values = {"person": person_hash, "subject_id": subject_id, "days": days}
        return (await self._session.execute(TOLD, values)).scalars().all()

    async def release(self, job_id: UUID, *, cost: Decimal, error: str) -> None:
        """Let the same request be tried again; what it cost so far is kept."""
        await self._session.execute(RELEASE, {"id": job_id, "cost": cost, "error": error[:2000]})

    async def finish(self, job_id: UUID, values: Mapping[str, Any]) -> None:
        """Keep what a job has found and cost."""
        data = orjson.dumps(values["data"], default=str).decode()
        await self._session.execute(FINISH, {**values, "id": job_id, "data": data})
