"""Routes of counties' jobs; every answer is {success, data, error}."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from services.scraper.domain.county_pull import PullKind, PullParameters
from services.scraper.hvac import jobs
from shared.http.auth import require
from shared.http.envelope import Envelope
from shared.runtime import ResourcesDep
from shared.security.policy import Action, Actor

router = APIRouter(prefix="/api/background-jobs", tags=["background jobs"])
Reader = Annotated[Actor, require(Action.OPERATIONS_READ)]
Operator = Annotated[Actor, require(Action.OPERATIONS_WRITE)]
Status = Literal["pending", "running", "completed", "failed", "cancelled"]


class NewJob(BaseModel):
    """What a job is to do."""

    model_config = ConfigDict(extra="forbid")

    job_type: PullKind
    parameters: PullParameters = Field(default_factory=PullParameters)


@router.post("/counties/{county_id}/jobs", status_code=202)
async def create_job(
    county_id: UUID, body: NewJob, resources: ResourcesDep, actor: Operator
) -> Envelope[dict[str, Any]]:
    """Start a job; 409 while another one of this county is open."""
    return Envelope(data=await jobs.create(resources, actor, county_id, body.job_type, body.parameters))


@router.get("/counties/{county_id}/jobs")
async def list_jobs(
    county_id: UUID,
    resources: ResourcesDep,
    _: Reader,
    status: Status | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Envelope[list[dict[str, Any]]]:
    """A county's jobs with their progress, newest first."""
    return Envelope(data=await jobs.list_of_county(resources, county_id, status=status, limit=limit))


@router.get("/jobs/{job_id}")
async def describe_job(job_id: UUID, resources: ResourcesDep, _: Reader) -> Envelope[dict[str, Any]]:
    """A job with its progress, rate and expected end."""
    return Envelope(data=await jobs.describe(resources, job_id))


@router.post("/jobs/{job_id}/cancel")
async def cancel_job(job_id: UUID, resources: ResourcesDep, actor: Operator) -> Envelope[dict[str, Any]]:
    """Stop a job behind its current batch; 409 where it has ended."""
    return Envelope(data=await jobs.cancel(resources, actor, job_id))


@router.delete("/jobs/{job_id}")
async def delete_job(job_id: UUID, resources: ResourcesDep, actor: Operator) -> Envelope[dict[str, Any]]:
    """Forget a completed or failed job; 409 for any other."""
    await jobs.delete(resources, actor, job_id)
    return Envelope(data={"id": job_id, "deleted": True})
