"""Doors of the hand-over of HVAC leads to Summit.AI; every answer is {success, data, error}."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from services.marketplace.service import summit
from shared.http.auth import require
from shared.http.envelope import Envelope
from shared.runtime import ResourcesDep
from shared.schemas.enums import SummitStatus
from shared.security.policy import Action, Actor

router = APIRouter(prefix="/api", tags=["summit"])
Operator = Annotated[Actor, require(Action.OPERATIONS_WRITE)]
Reader = Annotated[Actor, require(Action.OPERATIONS_READ)]
MAX_NAMED = 500


class SyncForm(BaseModel):
    """The leads to hand over; none named means all pending ones."""

    model_config = ConfigDict(extra="forbid")
    lead_ids: Annotated[list[UUID], Field(max_length=MAX_NAMED)] = []


class NotesForm(BaseModel):
    """What an operator notes about a lead."""

    model_config = ConfigDict(extra="forbid")
    notes: Annotated[str, Field(max_length=5_000)] | None


class SyncBegun(BaseModel):
    """How many leads a worker hands over now."""

    started: int


class SyncStatus(BaseModel):
    """Qualified HVAC leads by how they stand with Summit.AI."""

    by_status: dict[SummitStatus, int]
    last_synced_at: datetime | None


class SummitConfig(BaseModel):
    """Where leads go; of the key only its end is shown."""

    base_url: str
    location_id: str | None
    api_key: str | None


class SummitCheck(BaseModel):
    """Whether Summit.AI answers, or why not."""

    connected: bool
    reason: str | None


@router.post("/leads/sync-to-summit", status_code=202)
async def sync(form: SyncForm, resources: ResourcesDep, actor: Operator) -> Envelope[SyncBegun]:
    """Hand HVAC leads to Summit.AI; one that it has already is left alone."""
    return Envelope(data=SyncBegun(started=await summit.sync(resources, actor, form.lead_ids)))


@router.put("/leads/{lead_id}/notes")
async def write_notes(
    lead_id: UUID, form: NotesForm, resources: ResourcesDep, actor: Operator
) -> Envelope[NotesForm]:
    """Replace an HVAC lead's notes."""
    await summit.write_notes(resources, actor, lead_id, form.notes)
    return Envelope(data=form)


@router.get("/summit/config")
async def config(resources: ResourcesDep, actor: Reader) -> Envelope[SummitConfig]:
    """Where leads go, with the key masked; both are settings of the process."""
    return Envelope(data=SummitConfig(**await summit.config(resources, actor)))


@router.post("/summit/test")
async def check(resources: ResourcesDep, actor: Operator) -> Envelope[SummitCheck]:
    """Whether Summit.AI answers to our key at our location."""
    return Envelope(data=SummitCheck(**await summit.check(resources, actor)))


@router.get("/summit/sync-status")
async def sync_status(resources: ResourcesDep, actor: Reader) -> Envelope[SyncStatus]:
    """How the qualified HVAC leads stand with Summit.AI."""
    return Envelope(data=SyncStatus(**await summit.status(resources, actor)))
