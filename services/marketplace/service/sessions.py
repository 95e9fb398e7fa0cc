"""Whether the person behind a token is still logged in."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.repository.users import UserRepository
from shared.db.models.users import User
from shared.errors import NotAuthenticated
from shared.security.policy import Actor


async def signed_in(session: AsyncSession, actor: Actor) -> User:
    """The user behind the actor; NotAuthenticated after log-out or when disabled, however young its token is."""
    if actor.user_id is None or actor.session_id is None:
        raise NotAuthenticated
    user = await UserRepository(session).in_session(actor.user_id, actor.session_id)
    if user is None:
        raise session_over()
    return user


def session_over() -> NotAuthenticated:
    """What a person hears who has logged out, or was disabled."""
    return NotAuthenticated("The session has ended; log in again.")
