"""Registrations as a data broker: operators record and withdraw them."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from services.marketplace.domain.registrations import Filing, RegistrationsView, RegistrationView
from services.marketplace.service import registrations
from shared.http.auth import require
from shared.runtime import ResourcesDep
from shared.schemas.text import Line, ShortLine, StateCode
from shared.security.policy import Action, Actor

router = APIRouter(prefix="/api/ops/registrations", tags=["privacy"])
Reader = Annotated[Actor, require(Action.OPERATIONS_READ)]
Operator = Annotated[Actor, require(Action.OPERATIONS_WRITE)]


class RegistrationForm(BaseModel):
    """A registration as the state's register shows it; the note says where the evidence lies."""

    model_config = ConfigDict(extra="forbid")

    state: StateCode
    number: ShortLine
    filed_on: date
    expires_on: date
    note: Line


class Withdrawal(BaseModel):
    """Why a registration counts no more."""

    model_config = ConfigDict(extra="forbid")

    note: Line


@router.get("")
async def everything(resources: ResourcesDep, actor: Reader) -> RegistrationsView:
    """The states that demand registration with their standing today, and every registration."""
    return await registrations.everything(resources, actor)


@router.post("", status_code=201)
async def record(body: RegistrationForm, resources: ResourcesDep, actor: Operator) -> RegistrationView:
    """Put a registration on file; leads of its state are sold on the days it covers."""
    return await registrations.record(resources, actor, Filing(**body.model_dump()))


@router.post("/{registration_id}/withdrawal")
async def withdraw(
    registration_id: UUID, body: Withdrawal, resources: ResourcesDep, actor: Operator
) -> RegistrationView:
    """Take a registration out of force for good; sales of its state stop at once."""
    return await registrations.withdraw(resources, actor, registration_id, body.note)
