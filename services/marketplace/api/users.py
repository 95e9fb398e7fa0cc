"""The accounts of everybody, for operators; administrators change them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BeforeValidator, Field

from services.marketplace.api.operations import Reader
from services.marketplace.api.queries import FormQuery
from services.marketplace.domain.users import Deed, NewRole, UserLine
from services.marketplace.service import users
from shared.http.auth import require
from shared.runtime import ResourcesDep
from shared.schemas.enums import UserRole
from shared.schemas.page import DEFAULT_ITEMS, MAX_ITEMS, Page
from shared.schemas.text import clean_text
from shared.security.policy import Action, Actor

router = APIRouter(prefix="/api/ops/users", tags=["operations"])
Admin = Annotated[Actor, require(Action.CONFIG_WRITE)]
Part = Annotated[str | None, BeforeValidator(clean_text), Field(max_length=254)]


class UserQuery(FormQuery):
    """Which accounts are wanted: a part of the address or of the company's name, a role, suspended or not."""

    address: Part = None
    company: Part = None
    role: UserRole | None = None
    suspended: bool | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_ITEMS)] = DEFAULT_ITEMS
    cursor: Annotated[str | None, Field(max_length=200)] = None


@router.get("")
async def everybody(
    query: Annotated[UserQuery, Query()], resources: ResourcesDep, actor: Reader
) -> Page[UserLine]:
    """Accounts with their last log-in and what they have open, the newest first."""
    return await users.users(resources, actor, **query.model_dump())


@router.post("/{user_id}/end-sessions", status_code=204)
async def end_sessions(user_id: UUID, body: Deed, resources: ResourcesDep, actor: Admin) -> None:
    """End every session of a person, and the API keys it made."""
    await users.end_sessions(resources, actor, user_id, body.reason)


@router.post("/{user_id}/suspend", status_code=204)
async def suspend(user_id: UUID, body: Deed, resources: ResourcesDep, actor: Admin) -> None:
    """Let a person in no more, until restored."""
    await users.suspend(resources, actor, user_id, body.reason)


@router.post("/{user_id}/restore", status_code=204)
async def restore(user_id: UUID, body: Deed, resources: ResourcesDep, actor: Admin) -> None:
    """Let a suspended person in again."""
    await users.restore(resources, actor, user_id, body.reason)


@router.post("/{user_id}/role", status_code=204)
async def change_role(user_id: UUID, body: NewRole, resources: ResourcesDep, actor: Admin) -> None:
    """Another role for somebody of ours; at least one administrator stays."""
    await users.change_role(resources, actor, user_id, body.role, body.reason)
