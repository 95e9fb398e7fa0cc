"""The people of the caller's company: list, invite, another role, let go."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from services.marketplace.api.auth import AuthDep
from services.marketplace.domain.accounts import CompanyPeople, InvitationView
from services.marketplace.service import people, rates, second_factor
from shared.http.auth import require
from shared.runtime import ResourcesDep
from shared.schemas.enums import UserRole
from shared.schemas.text import Email
from shared.security.policy import Action, Actor

router = APIRouter(prefix="/api/people", tags=["people"])
desk_router = APIRouter(prefix="/api/ops/people", tags=["people"])
Admin = Annotated[Actor, require(Action.CONFIG_WRITE)]
Colleague = Annotated[Actor, require(Action.PEOPLE_READ)]
Owner = Annotated[Actor, require(Action.PEOPLE_WRITE)]
CompanyRole = Literal[UserRole.CONTRACTOR_OWNER, UserRole.CONTRACTOR_MEMBER]


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Invitation(_Given):
    """Who is invited, and as what."""

    email: Annotated[Email, Field(max_length=254)]
    role: CompanyRole = UserRole.CONTRACTOR_MEMBER


class RoleChange(_Given):
    """What a colleague is from now on."""

    role: CompanyRole


@router.get("")
async def everybody(resources: ResourcesDep, actor: Colleague) -> CompanyPeople:
    """Everybody who works for the company here, and who is invited."""
    await rates.count_read(resources, actor)
    return await people.people(resources, actor)


@router.post("/invitations", status_code=201)
async def invite(body: Invitation, resources: ResourcesDep, actor: Owner) -> InvitationView:
    """An invitation by e-mail; the same answer whether the address has an account or not."""
    return await people.invite(resources, actor, body.email, body.role)


@router.delete("/invitations/{invitation_id}", status_code=204)
async def withdraw(invitation_id: UUID, resources: ResourcesDep, actor: Owner) -> None:
    """The invitation's link opens nothing any more."""
    await people.withdraw_invitation(resources, actor, invitation_id)


@router.patch("/{person_id}", status_code=204)
async def change_role(person_id: UUID, body: RoleChange, resources: ResourcesDep, actor: Owner) -> None:
    """The person's role; its sessions end, so that no token carries the old one."""
    await people.change_role(resources, actor, person_id, body.role)


@router.delete("/{person_id}", status_code=204)
async def remove(person_id: UUID, resources: ResourcesDep, actor: Owner) -> None:
    """The person is let in no more; at least one owner stays."""
    await people.remove(resources, actor, person_id)


@desk_router.delete("/{person_id}/second-factor", status_code=204)
async def reset_second_factor(person_id: UUID, auth: AuthDep, actor: Admin) -> None:
    """Let somebody in by the password alone who has lost phone and recovery codes; its sessions end."""
    await second_factor.reset(auth, actor, person_id)
