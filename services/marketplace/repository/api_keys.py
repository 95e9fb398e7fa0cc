"""Every statement about buyers' API keys and the sessions that keep them alive."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Interval, Row, cast, func, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.models.accounts import ApiKey
from shared.db.models.users import RefreshToken

_ALIVE: Final = """
    k.expires_at > now() AND u.disabled_at IS NULL
    AND EXISTS (SELECT 1 FROM refresh_tokens t WHERE t.family_id = k.id AND t.user_id = k.user_id
                   AND t.revoked_at IS NULL)
"""
# A note of the use once a minute keeps a busy key's row from being written at every request.
USE: Final = text(
    f"""
    WITH found AS (
        SELECT k.id, k.contractor_id, k.user_id, k.scopes, k.expires_at, k.last_used_at
          FROM api_keys k JOIN users u ON u.id = k.user_id AND u.contractor_id = k.contractor_id
         WHERE k.key_hash = :hash AND {_ALIVE}
    ), noted AS (
        UPDATE api_keys k SET last_used_at = now() FROM found
         WHERE k.id = found.id
           AND (found.last_used_at IS NULL OR found.last_used_at < now() - interval '1 minute')
    )
    SELECT id, contractor_id, user_id, scopes, expires_at FROM found
    """  # noqa: S608 - our own constant
)


class ApiKeyRepository:
    """Rows of api_keys, each with the session of its id."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, key_id: UUID, life: timedelta, **values: Any) -> None:
        """A key that holds for `life` from now, with a session that no refresh token continues."""
        expires_at = func.now() + cast(life, Interval)
        await self._session.execute(insert(ApiKey).values(id=key_id, expires_at=expires_at, **values))
        session = {
            "family_id": key_id,
            "user_id": values["user_id"],
            # No SHA-256 is this text: nothing that is presented for a refresh can find it.
            "token_hash": f"key:{key_id}",
            "used_at": func.now(),
        }
        await self._session.execute(insert(RefreshToken).values(**session, expires_at=expires_at))

    async def lock_company(self, contractor_id: UUID) -> None:
        """Let one key of a company be made at a time."""
        lock = text("SELECT pg_advisory_xact_lock(hashtextextended('api-keys:' || CAST(:id AS text), 0))")
        await self._session.execute(lock, {"id": contractor_id})

    async def alive(self, contractor_id: UUID) -> Sequence[Row[Any]]:
        """The company's keys that open something, newest first."""
        statement = text(
            f"""
            SELECT k.id, k.name, k.prefix, k.scopes, k.expires_at, k.last_used_at, k.created_at, u.email AS made_by
              FROM api_keys k JOIN users u ON u.id = k.user_id AND u.contractor_id = k.contractor_id
             WHERE k.contractor_id = :id AND {_ALIVE} ORDER BY k.created_at DESC, k.id
            """  # noqa: S608 - our own constant
        )
        return (await self._session.execute(statement, {"id": contractor_id})).all()
