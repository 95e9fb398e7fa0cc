"""A person's second proof at log-in: set up, asked for, turned off, and taken away by an administrator."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.domain.second_factor import (
    SecondFactorOff,
    SecondFactorOn,
    WrongCode,
    hash_recovery,
    in_groups,
    new_recovery_codes,
    new_secret,
    setup_uri,
    step_of,
)
from services.marketplace.domain.users import refuse_own
from services.marketplace.repository.second_factor import SecondFactorRepository
from services.marketplace.repository.users import UserRepository
from services.marketplace.service.auth import SERVICE, Auth, Client
from services.marketplace.service.codes import WRONG, secret_of, take_code
from services.marketplace.service.sessions import signed_in
from shared.db.models.users import User
from shared.errors import NotAuthenticated, NotFound
from shared.security import audit
from shared.security.fields import KeyRing
from shared.security.policy import Actor
from shared.security.subject_keys import SubjectKeys


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether codes are asked for at log-in, since when, and how many recovery codes are left."""

    since: datetime | None
    recovery_codes_left: int


@dataclass(frozen=True, slots=True)
class Setup:
    """A secret to be typed or opened on a phone; shown this once."""

    secret: str = field(repr=False)
    uri: str = field(repr=False)


async def standing(auth: Auth, actor: Actor) -> Standing:
    """How the actor's own log-in is proven."""
    async with auth.unit_of_work() as uow:
        user = await signed_in(uow.session, actor)
        found = await SecondFactorRepository(uow.session).of(user.id)
    if found is None or found.confirmed_at is None:
        return Standing(None, 0)
    return Standing(found.confirmed_at, len(found.recovery_hashes))


async def begin(auth: Auth, actor: Actor, password: str, client: Client) -> Setup:
    """A new secret for the actor's phone, asked for only once a code of it was given.

    Raises NotAuthenticated for a wrong password, SecondFactorOn where codes are asked for already.
    """
    user = await _proven(auth, actor, password, client)
    secret = new_secret()
    async with auth.unit_of_work() as uow:
        cipher = await SubjectKeys(uow.session, auth.ring).create()
        sealed = cipher.encrypt("secret", secret)
        if not await SecondFactorRepository(uow.session).begin(user.id, cipher.subject_id, sealed):
            raise SecondFactorOn("Codes are asked for already; turn them off first.")
    return Setup(in_groups(secret), setup_uri(secret, user.email))


async def confirm(auth: Auth, actor: Actor, code: str, client: Client) -> list[str]:
    """Ask for codes from now on, as the phone shows a right one; the recovery codes, which are shown this once.

    Raises WrongCode, and SecondFactorOff where nothing was set up.
    """
    async with auth.limiter.attempt(*auth.code_claims(actor.user_id, client)) as attempt:
        codes = new_recovery_codes()
        async with auth.unit_of_work() as uow:
            user = await signed_in(uow.session, actor)
            factors = SecondFactorRepository(uow.session)
            found = await factors.of(user.id)
            if found is None or found.confirmed_at is not None:
                raise SecondFactorOff("There is nothing to confirm; begin anew.")
            step = step_of(await secret_of(uow.session, auth.ring, found), code, time.time())
            hashes = [hash_recovery(user.id, each, auth.ring.tag) for each in codes]
            if step is None or not await factors.confirm(user.id, found.secret, step, hashes):
                raise WrongCode(WRONG)
            if actor.session_id is not None:  # the others began by a password alone
                await UserRepository(uow.session).end_other_sessions(user.id, actor.session_id)
            await _record(uow.session, actor, "second_factor.on", user.id)
        attempt.succeed()
    return codes


async def turn_off(auth: Auth, actor: Actor, password: str, code: str, client: Client) -> None:
    """Ask for no codes any more; NotAuthenticated for a wrong password, WrongCode for a wrong code."""
    user = await _proven(auth, actor, password, client)
    async with auth.limiter.attempt(*auth.code_claims(user.id, client)) as attempt:
        async with auth.unit_of_work() as uow:
            if not await SecondFactorRepository(uow.session).is_on(user.id):
                raise SecondFactorOff("No codes are asked for.")
            await take_code(uow.session, auth.ring, user.id, code)
            await _remove(uow.session, auth.ring, user.id)
            await _record(uow.session, actor, "second_factor.off", user.id)
        attempt.succeed()


async def reset(auth: Auth, actor: Actor, user_id: UUID, reason: str | None = None) -> None:
    """Let a person in by the password alone who has lost phone and recovery codes; its sessions end.

    NotFound where nothing is asked of the person, OwnAccount for the own one: that takes both proofs (`turn_off`).
    Whoever calls it has made sure of who asks.
    """
    refuse_own(actor.user_id, user_id)
    async with auth.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        if not await _remove(uow.session, auth.ring, user_id):
            raise NotFound("Nobody of this id is asked for codes.")
        await UserRepository(uow.session).end_sessions(user_id)
        await _record(uow.session, actor, "second_factor.reset", user_id, reason)


async def _proven(auth: Auth, actor: Actor, password: str, client: Client) -> User:
    """The actor, who gave the password once more; guesses count as they do at log-in."""
    async with auth.unit_of_work() as uow:
        user = await signed_in(uow.session, actor)
    async with auth.limiter.attempt(*auth.login_claims(user.email, client)) as attempt:
        if not await auth.passwords.verify(password, user.password_hash):
            raise NotAuthenticated("The password is wrong.")
        attempt.succeed()
    return user


async def _remove(session: AsyncSession, ring: KeyRing, user_id: UUID) -> bool:
    """Forget the secret and the key it was sealed with; False where there was none."""
    subject_id = await SecondFactorRepository(session).remove(user_id)
    return subject_id is not None and await SubjectKeys(session, ring).shred(subject_id)


async def _record(
    session: AsyncSession, actor: Actor, action: str, user_id: UUID, reason: str | None = None
) -> None:
    await audit.record(
        session, actor, action, service=SERVICE, object_type="user", object_id=user_id, reason=reason
    )
