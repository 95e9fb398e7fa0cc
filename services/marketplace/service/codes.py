"""A code of a second factor, checked and spent."""

from __future__ import annotations

import time
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.domain.second_factor import WrongCode, hash_recovery, step_of
from services.marketplace.repository.second_factor import SecondFactorRepository
from shared.db.models.accounts import SecondFactor
from shared.security.fields import KeyRing
from shared.security.subject_keys import SubjectKeys

WRONG = "This code is wrong, of another time, or was used. Wait for the next one."


async def take_code(session: AsyncSession, ring: KeyRing, user_id: UUID, code: str) -> None:
    """Return if the code is right, which spends it: one of the phone or a recovery code; WrongCode otherwise."""
    factors = SecondFactorRepository(session)
    found = await factors.of(user_id)
    if found is None or found.confirmed_at is None:
        raise WrongCode(WRONG)
    step = step_of(await secret_of(session, ring, found), code, time.time())
    if step is not None and await factors.spend_step(user_id, step):
        return
    if step is None and await factors.spend_recovery(user_id, hash_recovery(user_id, code, ring.tag)):
        return
    raise WrongCode(WRONG)


async def secret_of(session: AsyncSession, ring: KeyRing, factor: SecondFactor) -> str:
    """The secret of a factor, opened."""
    cipher = await SubjectKeys(session, ring).load(factor.subject_id)
    return cipher.decrypt("secret", factor.secret)
