"""Every statement about second factors."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.models.accounts import SecondFactor

_SPEND_RECOVERY: Final = text(
    """
    UPDATE second_factors SET recovery_hashes = array_remove(recovery_hashes, :hash)
     WHERE user_id = :user_id AND confirmed_at IS NOT NULL AND :hash = ANY (recovery_hashes) RETURNING user_id
    """
)


class SecondFactorRepository:
    """Rows of second_factors; its secrets stay sealed here."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def of(self, user_id: UUID) -> SecondFactor | None:
        """What a person has set up, confirmed or not."""
        return await self._session.get(SecondFactor, user_id, populate_existing=True)

    async def begin(self, user_id: UUID, subject_id: UUID, secret: str) -> bool:
        """Store a secret to be confirmed in place of one that never was; False where one is in force."""
        fresh = {"subject_id": subject_id, "secret": secret, "created_at": func.now()}
        statement = (
            insert(SecondFactor)
            .values(user_id=user_id, **fresh)
            .on_conflict_do_update(
                index_elements=["user_id"], set_=fresh, where=SecondFactor.confirmed_at.is_(None)
            )
            .returning(SecondFactor.user_id)
        )
        return (await self._session.execute(statement)).scalar_one_or_none() is not None

    async def confirm(self, user_id: UUID, secret: str, step: int, recovery_hashes: list[str]) -> bool:
        """Ask for codes from now on; False where another secret was set up meanwhile or one is in force."""
        return await self._changed(
            update(SecondFactor)
            .where(SecondFactor.confirmed_at.is_(None), SecondFactor.secret == secret)
            .values(confirmed_at=func.now(), last_step=step, recovery_hashes=recovery_hashes),
            user_id,
        )

    async def spend_step(self, user_id: UUID, step: int) -> bool:
        """Take the code of a time step; False for one that was taken, or is older than one that was."""
        return await self._changed(
            update(SecondFactor)
            .where(SecondFactor.confirmed_at.is_not(None), SecondFactor.last_step < step)
            .values(last_step=step),
            user_id,
        )

    async def spend_recovery(self, user_id: UUID, code_hash: str) -> bool:
        """Take a recovery code; False for one that is none or was taken."""
        values = {"user_id": user_id, "hash": code_hash}
        return (await self._session.execute(_SPEND_RECOVERY, values)).scalar_one_or_none() is not None

    async def remove(self, user_id: UUID) -> UUID | None:
        """Ask for no codes any more; the subject whose key sealed the secret, None where there was nothing."""
        statement = (
            delete(SecondFactor).where(SecondFactor.user_id == user_id).returning(SecondFactor.subject_id)
        )
        found: Row[Any] | None = (await self._session.execute(statement)).one_or_none()
        return found.subject_id if found else None

    async def is_on(self, user_id: UUID) -> bool:
        """True if a code is asked for at log-in."""
        statement = select(SecondFactor.user_id).where(
            SecondFactor.user_id == user_id, SecondFactor.confirmed_at.is_not(None)
        )
        return (await self._session.execute(statement)).scalar_one_or_none() is not None

    async def _changed(self, statement: Any, user_id: UUID) -> bool:
        found = statement.where(SecondFactor.user_id == user_id).returning(SecondFactor.user_id)
        return (await self._session.execute(found)).scalar_one_or_none() is not None
