"""System status, health, jobs, configuration and dead letters."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from services.orchestrator.service import system, workflows
from shared.http.auth import public_route, require
from shared.http.idempotency import IdempotencyKey
from shared.runtime import ResourcesDep
from shared.schemas.operations import QueueReport
from shared.security.policy import Action, Actor

router = APIRouter()
Reader = Annotated[Actor, require(Action.OPERATIONS_READ)]
Operator = Annotated[Actor, require(Action.OPERATIONS_WRITE)]
Configurer = Annotated[Actor, require(Action.CONFIG_WRITE)]


class Dismissal(BaseModel):
    """Why a dead letter is closed without another try."""

    model_config = ConfigDict(extra="forbid")
    reason: str = Field(min_length=3, max_length=500)


class JobTimes(BaseModel):
    """When a job runs: a cron expression (a sixth field is seconds) by the clock of a zone."""

    model_config = ConfigDict(extra="forbid")
    cron: str = Field(min_length=9, max_length=100)
    tz: str = Field("UTC", max_length=64)


class JobStarted(BaseModel):
    """The workflow that runs a job."""

    job: str
    workflow_id: UUID


@router.get("/", tags=["system"])
async def system_status(resources: ResourcesDep, _: Reader) -> dict[str, Any]:
    """System status."""
    return await system.system_status(resources)


@router.get("/health", tags=["system"])
@public_route("health of the platform, without details")
async def overall_health(resources: ResourcesDep, response: Response) -> dict[str, Any]:
    """Overall health: 503 only when the database is away."""
    report = await system.overall_health(resources)
    response.status_code = 503 if report["status"] == "down" else 200
    return report


@router.get("/jobs/scheduled", tags=["jobs"])
async def scheduled_jobs(resources: ResourcesDep, _: Reader) -> list[dict[str, Any]]:
    """Scheduled jobs with their last and next run."""
    return await system.list_jobs(resources)


@router.post("/jobs/{job_id}/trigger", status_code=202, tags=["jobs"])
async def trigger_job(
    job_id: str, resources: ResourcesDep, actor: Operator, idempotency_key: IdempotencyKey
) -> JobStarted:
    """Run a job now; the same Idempotency-Key runs it once."""
    return JobStarted(
        job=job_id, workflow_id=await system.trigger_job(resources, actor, job_id, idempotency_key)
    )


@router.post("/jobs/{job_id}/pause", status_code=204, tags=["jobs"])
async def pause_job(job_id: str, resources: ResourcesDep, actor: Operator) -> None:
    """Pause a job; survives restarts."""
    await system.pause_job(resources, actor, job_id)


@router.post("/jobs/{job_id}/resume", status_code=204, tags=["jobs"])
async def resume_job(job_id: str, resources: ResourcesDep, actor: Operator) -> None:
    """Resume a job."""
    await system.resume_job(resources, actor, job_id)


@router.put("/jobs/{job_id}/times", status_code=204, tags=["jobs"])
async def change_job_times(job_id: str, times: JobTimes, resources: ResourcesDep, actor: Operator) -> None:
    """Let a job run at other times; survives restarts and releases."""
    await system.change_times(resources, actor, job_id, cron=times.cron, tz=times.tz)


@router.get("/config", tags=["config"])
async def config(resources: ResourcesDep, _: Reader) -> dict[str, Any]:
    """Configuration values."""
    return await system.read_config(resources)


@router.patch("/config", tags=["config"])
async def change_config(
    changes: dict[str, Any], resources: ResourcesDep, actor: Configurer
) -> dict[str, Any]:
    """Change configuration values; validated, audited, effective without restart."""
    return await system.change_config(resources, actor, changes)


@router.get("/config/features", tags=["config"])
async def features(resources: ResourcesDep, _: Reader) -> dict[str, Any]:
    """Feature flags."""
    return await system.read_features(resources)


@router.patch("/config/features", tags=["config"])
async def change_features(
    changes: dict[str, bool], resources: ResourcesDep, actor: Configurer
) -> dict[str, Any]:
    """Change feature flags; validated, audited, effective without restart."""
    return await system.change_features(resources, actor, changes)


@router.get("/queues", tags=["system"])
async def queues(resources: ResourcesDep, _: Reader) -> QueueReport:
    """What waits in each queue and is being done, and how many dead letters are open."""
    return QueueReport.model_validate(await workflows.list_queues(resources))


@router.get("/dead-letters", tags=["dead letters"])
async def dead_letters(
    resources: ResourcesDep, _: Reader, limit: Annotated[int, Query(ge=1, le=500)] = 100
) -> list[dict[str, Any]]:
    """Open dead letters."""
    return await workflows.list_dead_letters(resources, limit)


@router.post("/dead-letters/{letter_id}/redrive", status_code=202, tags=["dead letters"])
async def redrive(letter_id: UUID, resources: ResourcesDep, actor: Operator) -> dict[str, Any]:
    """Drive a dead letter again."""
    return await workflows.redrive(resources, actor, letter_id)


@router.post("/dead-letters/{letter_id}/dismiss", status_code=204, tags=["dead letters"])
async def dismiss(letter_id: UUID, body: Dismissal, resources: ResourcesDep, actor: Operator) -> None:
    """Close a dead letter without another try; audited with the reason."""
    await workflows.dismiss(resources, actor, letter_id, body.reason)
