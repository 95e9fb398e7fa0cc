"""Routes of the scraper's jobs: what runs, what failed, what is scheduled."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query

from services.scraper import job_service
from shared.http.auth import require
from shared.http.clients.schedule import ScheduledJob
from shared.http.idempotency import IdempotencyKey
from shared.runtime import ResourcesDep
from shared.schemas.enums import JobStatus
from shared.security.policy import Action, Actor

router = APIRouter(prefix="/jobs", tags=["jobs"])
Reader = Annotated[Actor, require(Action.OPERATIONS_READ)]
Operator = Annotated[Actor, require(Action.OPERATIONS_WRITE)]


@router.get("")
async def list_jobs(
    resources: ResourcesDep,
    _: Reader,
    *,
    job_type: Annotated[str | None, Query(max_length=64)] = None,
    status: JobStatus | None = None,
    city: Annotated[str | None, Query(max_length=100)] = None,
    state: Annotated[str | None, Query(pattern="^[A-Za-z]{2}$")] = None,
    before: datetime | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> list[dict[str, Any]]:
    """All jobs, newest first; page on with `before` = the last one's created_at."""
    return await job_service.list_jobs(
        resources, kind=job_type, status=status, city=city, state=state, before=before, limit=limit
    )


@router.get("/scheduled")
async def scheduled_jobs(resources: ResourcesDep, actor: Reader) -> list[ScheduledJob]:
    """Scheduled jobs with their last and next run."""
    return await job_service.scheduled_jobs(resources, actor)


@router.get("/{job_id}")
async def describe_job(job_id: UUID, resources: ResourcesDep, _: Reader) -> dict[str, Any]:
    """A job's counts, results and errors."""
    return await job_service.describe_job(resources, job_id)


@router.post("/{job_id}/retry", status_code=202)
async def retry_job(job_id: UUID, resources: ResourcesDep, actor: Operator) -> dict[str, Any]:
    """Retry a failed job."""
    return await job_service.retry_job(resources, actor, job_id)


@router.post("/{job_id}/cancel")
async def cancel_job(job_id: UUID, resources: ResourcesDep, actor: Operator) -> dict[str, Any]:
    """Cancel a pending or running job."""
    return await job_service.cancel_job(resources, actor, job_id)


@router.post("/{job_id}/trigger", status_code=202)
async def trigger_job(
    job_id: Annotated[str, Path(max_length=100)],
    resources: ResourcesDep,
    actor: Operator,
    idempotency_key: IdempotencyKey,
) -> dict[str, Any]:
    """Run a scheduled job now, by its name; the same Idempotency-Key runs it once."""
    return await job_service.trigger_job(resources, actor, job_id, idempotency_key)
