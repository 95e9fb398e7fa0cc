"""City routes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from services.orchestrator.api.workflows import Operator, Reader, WorkflowStarted
from services.orchestrator.service import cities
from shared.providers.permit_source import SourceConfig
from shared.runtime import ResourcesDep

router = APIRouter(prefix="/cities", tags=["cities"])
City = Annotated[str, Path(min_length=1, max_length=100)]
State = Annotated[str, Path(pattern="^[A-Za-z]{2}$")]


class Feed(SourceConfig):
    """One feed of a city with the columns its rows are read from."""

    model_config = ConfigDict(extra="allow")
    field_map: dict[str, str | list[str] | None] = Field(default_factory=dict, max_length=100)


class LeftOut(BaseModel):
    """A part of the property workflow that is not done, and why."""

    model_config = ConfigDict(extra="forbid")
    skip: str = Field(min_length=1, max_length=500)


class Sources(BaseModel):
    """Where an activation reads from in place of the city's own sources."""

    model_config = ConfigDict(extra="forbid")
    permit_sources: list[Feed] = Field(default_factory=list, max_length=20)
    parcel_sources: list[Feed] = Field(default_factory=list, max_length=20)
    recorded: bool = False
    storms: Literal["imported"] | None = None
    assessor: LeftOut | None = None
    imagery: LeftOut | None = None
    contacts: LeftOut | None = None


class Activation(BaseModel):
    """Options of an activation: other sources than the city's own (a replay), a cap on new prospects."""

    model_config = ConfigDict(extra="forbid")
    sources: Sources | None = None
    prospect_cap: int | None = Field(None, ge=0, le=100_000)


@router.get("")
async def list_cities(resources: ResourcesDep, _: Reader) -> list[dict[str, Any]]:
    """All cities."""
    return await cities.list_cities(resources)


@router.get("/{city}/{state}")
async def describe_city(city: City, state: State, resources: ResourcesDep, _: Reader) -> dict[str, Any]:
    """City details."""
    return await cities.describe_city(resources, city, state)


@router.post("/{city}/{state}/activate", status_code=202)
async def activate(
    city: City, state: State, resources: ResourcesDep, actor: Operator, body: Activation | None = None
) -> WorkflowStarted:
    """Activate a city; while an activation runs, the same request returns that one."""
    options = body.model_dump(mode="json", exclude_unset=True) if body else {}
    started = await cities.activate(resources, actor, city, state, options)
    return WorkflowStarted(workflow_id=started.workflow_id, new=started.new)


@router.post("/{city}/{state}/deactivate")
async def deactivate(city: City, state: State, resources: ResourcesDep, actor: Operator) -> dict[str, Any]:
    """Deactivate a city; its data stays."""
    return await cities.deactivate(resources, actor, city, state)


@router.get("/{city}/{state}/progress")
async def progress(city: City, state: State, resources: ResourcesDep, _: Reader) -> dict[str, Any]:
    """City progress: steps in words, counts, rate, time left, cost so far."""
    return await cities.progress(resources, city, state)
