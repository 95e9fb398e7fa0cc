"""The accounts of everybody: listed for operators, changed by administrators, each change audited."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.domain.users import (
    STAFF,
    UserLine,
    WrongState,
    refuse_adminless,
    refuse_own,
)
from services.marketplace.repository.accounts import PeopleRepository
from services.marketplace.repository.user_desk import UserDeskRepository
from services.marketplace.repository.users import UserRepository
from services.marketplace.service.people import end_powers
from services.marketplace.service.sessions import signed_in
from shared.db.models.users import User
from shared.errors import NotFound
from shared.runtime import Resources
from shared.schemas.enums import UserRole
from shared.schemas.page import Cursor, Page, cut_page
from shared.security import audit
from shared.security.policy import Actor


@dataclass(frozen=True, slots=True)
class _Held:
    """An account that nobody else changes, and the roles of everybody of ours."""

    session: AsyncSession
    person: User
    staff: dict[UUID, UserRole]


async def users(
    resources: Resources, actor: Actor, *, cursor: str | None, limit: int, **wanted: Any
) -> Page[UserLine]:
    """Accounts, the newest first; `address`, `company`, `role` and `suspended` narrow them where they are not None."""
    after = Cursor.decode(cursor)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        rows = await UserDeskRepository(uow.session).page(wanted, after, limit)
    kept, following = cut_page([UserLine.model_validate(row, from_attributes=True) for row in rows], limit)
    return Page(items=kept, next_cursor=following)


async def end_sessions(resources: Resources, actor: Actor, person_id: UUID, reason: str) -> None:
    """End every session of a person, and the API keys it made; it may log in again."""
    async with _held(resources, actor, person_id) as held:
        await UserRepository(held.session).end_sessions(person_id)
        await _record(held.session, actor, "user.end_sessions", person_id, reason)


async def suspend(resources: Resources, actor: Actor, person_id: UUID, reason: str) -> None:
    """Let a person in no more until restored; its sessions, API keys and open invitations end."""
    async with _held(resources, actor, person_id) as held:
        if held.person.disabled_at is not None:
            raise WrongState("The account is suspended or closed already.")
        refuse_adminless(held.staff, person_id, None)
        await UserDeskRepository(held.session).suspend(person_id)
        await end_powers(held.session, person_id)
        await _record(held.session, actor, "user.suspend", person_id, reason)


async def restore(resources: Resources, actor: Actor, person_id: UUID, reason: str) -> None:
    """Let a suspended person in again; an account that was closed otherwise stays closed."""
    async with _held(resources, actor, person_id) as held:
        if held.person.suspended_at is None:
            raise WrongState("The account is not suspended; one that was closed is not opened here.")
        await UserDeskRepository(held.session).restore(person_id)
        await _record(held.session, actor, "user.restore", person_id, reason)


async def change_role(
    resources: Resources, actor: Actor, person_id: UUID, role: UserRole, reason: str
) -> None:
    """Another role for somebody of ours; its sessions, which carry the old one, end."""
    async with _held(resources, actor, person_id) as held:
        if held.person.role not in STAFF or held.person.disabled_at is not None:
            raise WrongState("Only somebody of ours who may log in is given another role here.")
        if held.person.role is role:
            return
        refuse_adminless(held.staff, person_id, role)
        await PeopleRepository(held.session).set_role(person_id, role)
        await end_powers(held.session, person_id)
        await _record(held.session, actor, "user.role", person_id, reason, role=role.value)


@asynccontextmanager
async def _held(resources: Resources, actor: Actor, person_id: UUID) -> AsyncIterator[_Held]:
    refuse_own(actor.user_id, person_id)
    async with resources.unit_of_work() as uow:
        person, staff = await UserDeskRepository(uow.session).locked(person_id)
        await signed_in(uow.session, actor)  # behind the lock: who was suspended meanwhile changes nothing
        if person is None:
            raise NotFound("There is no such account.")
        yield _Held(uow.session, person, staff)


async def _record(
    session: AsyncSession, actor: Actor, action: str, person_id: UUID, reason: str, **details: str
) -> None:
    await audit.record(
        session,
        actor,
        action,
        service="marketplace",
        object_type="user",
        object_id=person_id,
        reason=reason,
        details=details,
    )
