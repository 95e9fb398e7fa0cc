"""Whether the person behind a token is still logged in."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.repository.users import UserRepository
from shared.db.models.users import User
from shared.errors import NotAllowed, NotAuthenticated
from shared.security.policy import Action, Actor, visible_contractor


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


def own_company(actor: Actor, action: Action) -> UUID:
    """The company whose own affairs the actor looks after; NotAllowed for everybody else."""
    contractor_id = visible_contractor(actor, action)
    if contractor_id is None:
        raise NotAllowed("Only a contractor's people do this for their company.")
    return contractor_id
