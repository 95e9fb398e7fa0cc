"""The verbs of counties' jobs: a job is a workflow of kind county_pull, at most one open a county."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Row

from services.scraper.domain.county_pull import (
    PullKind,
    PullParameters,
    PullProgress,
    pace_of,
    windows,
)
from services.scraper.hvac.counties import SERVICE, county_of
from services.scraper.hvac.permits import CountyInactive
from services.scraper.repository import CountyJobRepository, CountyRepository
from shared.errors import Conflict, NotFound
from shared.runtime import Resources
from shared.schemas.workflow_inputs import JobTrigger
from shared.security import audit
from shared.security.policy import Actor
from shared.workflow import control, start
from shared.workflow.catalogue import COUNTY_PULL


class JobRunning(Conflict):
    """A job of this county has not ended."""

    code = "job-running"


class JobNotEnded(Conflict):
    """Only a completed or failed job is deleted."""

    code = "job-not-ended"


async def create(
    resources: Resources, actor: Actor, county_id: UUID, kind: PullKind, parameters: PullParameters
) -> dict[str, Any]:
    """Start a job; JobRunning while another one is open, which the database sees to (uq_workflow_live_subject)."""
    given = {
        "job_type": kind,
        "parameters": parameters.model_dump(exclude_unset=True),
        "triggered_by": JobTrigger.API,
    }
    async with resources.unit_of_work() as uow:
        # Behind the lock, or a county that is being removed would keep a job that nothing can carry out.
        county = await CountyRepository(uow.session).lock(county_id)
        if county is None:
            raise NotFound(f"There is no county {county_id}.", county_id=str(county_id))
        if not county.is_active:
            raise CountyInactive(f"{county.name}, {county.state} is switched off.")
        run = await start(uow.session, COUNTY_PULL.kind, subject_id=county_id, input=given)
        if not run.new:
            raise JobRunning(
                f"Job {run.workflow_id} of this county has not ended.", job_id=str(run.workflow_id)
            )
        await _audit(uow.session, actor, "county_job.create", run.workflow_id)
    return await describe(resources, run.workflow_id)


async def list_of_county(
    resources: Resources, county_id: UUID, *, status: str | None, limit: int
) -> list[dict[str, Any]]:
    """A county's jobs with their progress, newest first."""
    await county_of(resources, county_id)
    async with resources.unit_of_work() as uow:
        wanted = {"county_id": county_id, "status": status, "limit": limit}
        rows = await CountyJobRepository(uow.session).of_county(wanted)
    return [shown(row) for row in rows]


async def describe(resources: Resources, job_id: UUID) -> dict[str, Any]:
    """A job with its progress, rate and expected end."""
    async with resources.unit_of_work() as uow:
        row = await CountyJobRepository(uow.session).one(job_id)
    if row is None:
        raise NotFound(f"There is no job {job_id}.", job_id=str(job_id))
    return shown(row)


async def cancel(resources: Resources, actor: Actor, job_id: UUID) -> dict[str, Any]:
    """Stop a job: at once where it waits, behind its batch where it runs. Conflict where it has ended."""
    await describe(resources, job_id)
    async with resources.unit_of_work() as uow:
        await control.cancel_gracefully(uow.session, job_id)
        await _audit(uow.session, actor, "county_job.cancel", job_id)
    return await describe(resources, job_id)


async def delete(resources: Resources, actor: Actor, job_id: UUID) -> None:
    """Forget a completed or failed job; what it stored stays."""
    known = await describe(resources, job_id)
    async with resources.unit_of_work() as uow:
        if not await CountyJobRepository(uow.session).delete(job_id):
            raise JobNotEnded(f"Job {job_id} is {known['status']}.", status_now=known["status"])
        await _audit(uow.session, actor, "county_job.delete", job_id)


def shown(row: Row[Any]) -> dict[str, Any]:
    """A job's row as people look at it."""
    kind = PullKind(row.input["job_type"])
    parameters = PullParameters.model_validate(row.input.get("parameters") or {})
    progress = PullProgress.model_validate(row.progress) if row.progress else None
    return {
        "id": row.id,
        "county_id": row.county_id,
        "job_type": kind,
        "parameters": parameters.model_dump(),
        "triggered_by": row.input.get("triggered_by"),
        "status": row.status,
        "cancel_requested": row.cancel_requested,
        "retry_count": max(0, row.attempt - 1),
        "error_message": (row.end_error or {}).get("reason") or (row.reason if row.error else None),
        "error_details": row.error,
        "created_at": row.created_at,
        "started_at": row.started_at,
        "completed_at": row.finished_at,
        "elapsed_seconds": round(row.elapsed_seconds or 0),
        **_progress(row, kind, parameters, progress),
    }


def _progress(
    row: Row[Any], kind: PullKind, parameters: PullParameters, progress: PullProgress | None
) -> dict[str, Any]:
    plan = windows(kind, parameters, progress.planned_on if progress else row.created_at.date())
    pace = pace_of(
        windows_done=progress.window if progress else 0,
        windows_all=len(plan),
        pulled=progress.permits_pulled if progress else 0,
        elapsed_seconds=row.elapsed_seconds or 0.0,
        now=row.now,
    )
    running = row.status == "running"
    counts = progress or PullProgress(planned_on=row.created_at.date())
    return {
        "progress_percent": pace.progress_percent,
        "current_year": counts.current_year,
        "current_batch": counts.current_batch,
        "permits_pulled": counts.permits_pulled,
        "permits_saved": counts.permits_saved,
        "permits_updated": counts.permits_updated,
        "permits_rejected": counts.permits_rejected,
        "rejected_because": counts.reasons,
        "properties_created": row.properties_created,
        "properties_updated": row.properties_updated,
        "leads_created": row.leads_created,
        "permits_per_second": pace.permits_per_second,
        "estimated_completion_at": pace.estimated_completion_at if running else None,
    }


async def _audit(session: Any, actor: Actor, action: str, job_id: UUID) -> None:
    await audit.record(session, actor, action, service=SERVICE, object_type="county_job", object_id=job_id)
