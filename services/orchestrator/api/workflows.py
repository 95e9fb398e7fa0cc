"""Workflow routes."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from services.orchestrator.service import cities, workflows
from shared.http.auth import require
from shared.runtime import ResourcesDep
from shared.schemas.workflow_enums import WorkflowStatus
from shared.security.policy import Action, Actor

router = APIRouter(prefix="/workflows", tags=["workflows"])
Reader = Annotated[Actor, require(Action.OPERATIONS_READ)]
Operator = Annotated[Actor, require(Action.OPERATIONS_WRITE)]


class PropertyWorkflow(BaseModel):
    """The lead whose property is to be worked through."""

    model_config = ConfigDict(extra="forbid")
    base_lead_id: UUID


class CityWorkflow(BaseModel):
    """The city to activate."""

    model_config = ConfigDict(extra="forbid")
    city: str = Field(min_length=1, max_length=100)
    state: str = Field(pattern="^[A-Za-z]{2}$")


class WorkflowStarted(BaseModel):
    """The workflow that runs, and whether this request started it."""

    workflow_id: UUID
    new: bool


class Verb(StrEnum):
    """What an operator may do to a workflow."""

    CANCEL = "cancel"
    RETRY = "retry"
    PAUSE = "pause"
    RESUME = "resume"


@router.post("/property", status_code=202)
async def property_workflow(body: PropertyWorkflow, resources: ResourcesDep, _: Operator) -> WorkflowStarted:
    """Start the property workflow of a lead."""
    started = await workflows.start_property(resources, body.base_lead_id)
    return WorkflowStarted(workflow_id=started.workflow_id, new=started.new)


@router.post("/city", status_code=202)
async def city_workflow(body: CityWorkflow, resources: ResourcesDep, actor: Operator) -> WorkflowStarted:
    """Start the activation workflow of a city."""
    started = await cities.activate(resources, actor, body.city, body.state, {})
    return WorkflowStarted(workflow_id=started.workflow_id, new=started.new)


@router.get("")
async def list_workflows(
    resources: ResourcesDep,
    _: Reader,
    *,
    status: WorkflowStatus | None = None,
    kind: Annotated[str | None, Query(max_length=64)] = None,
    before: datetime | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> list[dict[str, Any]]:
    """Active workflows, or those of a status; page on with `before` = the last one's created_at."""
    return await workflows.list_workflows(resources, status=status, kind=kind, before=before, limit=limit)


@router.get("/{workflow_id}")
async def describe_workflow(workflow_id: UUID, resources: ResourcesDep, _: Reader) -> dict[str, Any]:
    """A workflow's status with its steps, attempts and children."""
    return await workflows.describe_workflow(resources, workflow_id)


@router.post("/{workflow_id}/{verb}", status_code=202)
async def act(workflow_id: UUID, verb: Verb, resources: ResourcesDep, actor: Operator) -> dict[str, str]:
    """Cancel, retry, pause or resume a workflow."""
    await workflows.act(resources, actor, workflow_id, verb)
    return {"workflow_id": str(workflow_id), "verb": verb}
