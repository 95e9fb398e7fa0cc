"""API keys of buyers: made and shown once, seen by their first characters, ended; and who presents one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.domain.api_keys import (
    MOST_KEYS,
    SHOWN_CHARACTERS,
    KeyView,
    NewKeyView,
    hash_key,
    looks_like_key,
    make_key,
    opened_by,
)
from services.marketplace.repository.api_keys import USE, ApiKeyRepository
from services.marketplace.repository.users import UserRepository
from services.marketplace.service.rates import count_key
from services.marketplace.service.sessions import own_company, signed_in
from shared.errors import Conflict, NotAuthenticated, NotFound
from shared.runtime import Resources
from shared.schemas.account_enums import KeyScope
from shared.security import audit
from shared.security.attempts import Claim
from shared.security.policy import Action, Actor, Role
from shared.security.tokens import VerifiedToken

SERVICE = "marketplace"
REFUSED = "This API key is unknown, has run out or was revoked."


class TooManyKeys(Conflict):
    """The company has as many keys as one may have."""

    code = "too-many-keys"


async def create(
    resources: Resources, actor: Actor, *, name: str, scopes: Sequence[KeyScope], days: int
) -> NewKeyView:
    """A new key, which is shown this once; TooManyKeys where the company has enough."""
    contractor_id = own_company(actor, Action.KEY_WRITE)
    key, key_id = make_key(), uuid4()
    async with resources.unit_of_work() as uow:
        user = await signed_in(uow.session, actor)
        keys = ApiKeyRepository(uow.session)
        await keys.lock_company(contractor_id)
        if len(await keys.alive(contractor_id)) >= MOST_KEYS:
            raise TooManyKeys(f"A company has at most {MOST_KEYS} API keys; revoke one first.")
        await keys.add(
            key_id,
            timedelta(days=days),
            contractor_id=contractor_id,
            user_id=user.id,
            name=name,
            prefix=key[:SHOWN_CHARACTERS],
            key_hash=hash_key(key),
            scopes=sorted({scope.value for scope in scopes}),
        )
        await _record(uow.session, actor, "api_key.create", key_id, scopes)
        (made,) = [row for row in await keys.alive(contractor_id) if row.id == key_id]
    return NewKeyView(**_view(made).model_dump(), key=key)


async def keys_of(resources: Resources, actor: Actor) -> list[KeyView]:
    """The company's keys that open something, newest first."""
    contractor_id = own_company(actor, Action.KEY_WRITE)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        return [_view(row) for row in await ApiKeyRepository(uow.session).alive(contractor_id)]


async def revoke(resources: Resources, actor: Actor, key_id: UUID) -> None:
    """The key opens nothing from now on; NotFound where the company has none of this id."""
    contractor_id = own_company(actor, Action.KEY_WRITE)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        if key_id not in {row.id for row in await ApiKeyRepository(uow.session).alive(contractor_id)}:
            raise NotFound("There is no such API key.")
        await UserRepository(uow.session).revoke_family(key_id)
        await _record(uow.session, actor, "api_key.revoke", key_id, ())


async def read_key(resources: Resources, key: str, address: str) -> VerifiedToken:
    """The company behind a key, as an actor that may do what the key's scopes open, and its maker's session.

    Raises NotAuthenticated in the same words whatever is wrong with the key, TooManyRequests for too many wrong
    ones of a client and for too many requests of a right one.
    """
    auth = resources.own.auth
    async with auth.limiter.attempt(Claim(auth.limit("address"), auth.tag_address(address))) as attempt:
        found = (
            await resources.unit_of_work.alone(USE, {"hash": hash_key(key)}) if looks_like_key(key) else ()
        )
        if not found:
            raise NotAuthenticated(REFUSED)
        attempt.succeed()
    row = found[0]
    await count_key(resources, row.id)
    actor = Actor(
        role=Role.CONTRACTOR_MEMBER,
        subject=f"key:{row.id}",
        user_id=row.user_id,
        contractor_id=row.contractor_id,
        session_id=row.id,
        only=opened_by(row.scopes),
    )
    return VerifiedToken(actor, row.expires_at)


def _view(row: Row[Any]) -> KeyView:
    return KeyView.model_validate(row, from_attributes=True)


async def _record(
    session: AsyncSession, actor: Actor, action: str, key_id: UUID, scopes: Sequence[KeyScope]
) -> None:
    await audit.record(
        session,
        actor,
        action,
        service=SERVICE,
        object_type="api_key",
        object_id=key_id,
        details={"scopes": sorted(scope.value for scope in scopes)} if scopes else None,
    )
