"""A number that is texted: opened for one send, ended, stopped by its owner."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.repository.texts import TextNumberRepository
from shared.runtime import Resources
from shared.security.fields import KeyRing
from shared.security.subject_keys import SubjectKeys


async def opened(session: AsyncSession, ring: KeyRing, row: Row[Any]) -> str:
    """The number of a row that has not ended, in E.164."""
    cipher = await SubjectKeys(session, ring).load(row.subject_id)
    return cipher.decrypt("phone", row.phone)


async def number_in(resources: Resources, row: Row[Any]) -> str:
    """The same in a transaction of its own."""
    async with resources.unit_of_work() as uow:
        return await opened(uow.session, resources.keys, row)


async def end_number(session: AsyncSession, number_id: UUID, phone_hash: str, *, by: str) -> None:
    """End a number and take its consent back; whoever decides about it does so before or after, not between."""
    numbers = TextNumberRepository(session)
    await numbers.lock(phone_hash)
    await numbers.revoke(phone_hash, via=by)
    await numbers.end(by=by, number_id=number_id)


async def stop_number(session: AsyncSession, phone_hash: str, message_id: str, words: str | None) -> bool:
    """Never text or call a number again, whoever's it is, until it says START; False where that message was taken."""
    numbers = TextNumberRepository(session)
    if not await numbers.take_keyword(message_id, phone_hash, "stop"):
        return False
    await numbers.suppress(phone_hash, message_id)
    await numbers.revoke(phone_hash, via="sms", words=words)
    await numbers.end(by="stop", phone_hash=phone_hash)
    return True
