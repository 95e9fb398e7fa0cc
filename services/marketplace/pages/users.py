"""The accounts of everybody as a page of the desk."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request, Response

from services.marketplace.api.auth import AuthDep
from services.marketplace.api.operations import Reader
from services.marketplace.api.users import Admin, UserQuery
from services.marketplace.domain.users import ROLE_WORDS, STAFF, StaffRole, Why
from services.marketplace.pages.rendering import go_to, may, page_links, render
from services.marketplace.service import second_factor, users
from shared.runtime import ResourcesDep
from shared.security.policy import Action

router = APIRouter(prefix="/ops/users", tags=["pages"], default_response_class=Response)
Reason = Annotated[Why, Form()]


@router.get("")
async def everybody(
    request: Request, resources: ResourcesDep, actor: Reader, query: Annotated[UserQuery, Query()]
) -> Response:
    """Accounts with their last log-in and what they have open, the newest first."""
    page = await users.users(resources, actor, **query.model_dump())
    return render(
        request,
        "desk_users.html",
        actor,
        users=page.items,
        query=query,
        roles=ROLE_WORDS,
        staff_roles=STAFF,
        own_id=actor.user_id,
        may_change=may(actor, Action.CONFIG_WRITE),
        **page_links(request, page.next_cursor),
    )


@router.post("/{user_id}/end-sessions")
async def end_sessions(user_id: UUID, reason: Reason, resources: ResourcesDep, actor: Admin) -> Response:
    """End every session of a person, and the API keys it made."""
    await users.end_sessions(resources, actor, user_id, reason)
    return go_to("/ops/users")


@router.post("/{user_id}/suspend")
async def suspend(user_id: UUID, reason: Reason, resources: ResourcesDep, actor: Admin) -> Response:
    """Let a person in no more, until restored."""
    await users.suspend(resources, actor, user_id, reason)
    return go_to("/ops/users")


@router.post("/{user_id}/restore")
async def restore(user_id: UUID, reason: Reason, resources: ResourcesDep, actor: Admin) -> Response:
    """Let a suspended person in again."""
    await users.restore(resources, actor, user_id, reason)
    return go_to("/ops/users")


@router.post("/{user_id}/second-factor")
async def reset_codes(user_id: UUID, reason: Reason, auth: AuthDep, actor: Admin) -> Response:
    """Ask a person for no codes any more that has lost phone and recovery codes; its sessions end."""
    await second_factor.reset(auth, actor, user_id, reason)
    return go_to("/ops/users")


@router.post("/{user_id}/role")
async def change_role(
    user_id: UUID, role: Annotated[StaffRole, Form()], reason: Reason, resources: ResourcesDep, actor: Admin
) -> Response:
    """Another role for somebody of ours; at least one administrator stays."""
    await users.change_role(resources, actor, user_id, role, reason)
    return go_to("/ops/users")
