"""Agencies: what opens their records, sealed, and the one token that all processes share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

RENEWAL_SECONDS = 45.0
"""How long a process may take to renew a token before another one tries; longer than a request's time-out."""

ADD = text(
    """
    INSERT INTO agencies (id, agency_code, environment, subject_id, app_id, app_secret, username, password)
    VALUES (:id, :agency_code, :environment, :subject_id, :app_id, :app_secret, :username, :password)
    ON CONFLICT (agency_code, environment) DO NOTHING RETURNING id
    """
)
CHANGE = text(
    """
    UPDATE agencies SET agency_code = :agency_code, environment = :environment, app_id = :app_id,
           app_secret = :app_secret, username = :username, password = :password,
           access_token = NULL, refresh_token = NULL, token_expires_at = NULL, token_renewal_until = NULL
     WHERE id = :id
    """
)
ONE = text("SELECT * FROM agencies WHERE id = :id")
TOKEN = text(
    """
    SELECT subject_id, access_token, refresh_token,
           extract(epoch FROM token_expires_at - now())::float8 AS seconds_left
      FROM agencies WHERE id = :id
    """
)
# One process renews: the token must still be the one that was found too old, and nobody else be about it.
TAKE_RENEWAL = text(
    """
    UPDATE agencies SET token_renewal_until = now() + make_interval(secs => :seconds)
     WHERE id = :id AND access_token IS NOT DISTINCT FROM CAST(:known AS text)
       AND (token_renewal_until IS NULL OR token_renewal_until < now())
    RETURNING id
    """
)
# Not where the credentials were changed meanwhile: that took the renewal back.
KEEP_TOKEN = text(
    """
    UPDATE agencies SET access_token = :access, refresh_token = :refresh,
           token_expires_at = now() + make_interval(secs => :lifetime), token_renewal_until = NULL
     WHERE id = :id AND token_renewal_until IS NOT NULL
    """
)
GIVE_BACK_RENEWAL = text("UPDATE agencies SET token_renewal_until = NULL WHERE id = :id")
DROP = text("DELETE FROM agencies WHERE id = :id RETURNING subject_id")


class AgencyRepository:
    """Writes and reads agencies; every secret comes and goes as ciphertext."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, values: Mapping[str, Any]) -> bool:
        """Store an agency; False where this one is there already."""
        return (await self._session.execute(ADD, values)).scalar_one_or_none() is not None

    async def change(self, values: Mapping[str, Any]) -> None:
        """Give an agency other credentials; the token of the old ones is gone."""
        await self._session.execute(CHANGE, values)

    async def one(self, agency_id: UUID) -> Row[Any] | None:
        """An agency's row."""
        return (await self._session.execute(ONE, {"id": agency_id})).one_or_none()

    async def token(self, agency_id: UUID) -> Row[Any] | None:
        """The sealed token, its refresh token, and the seconds it has left by the database's clock."""
        return (await self._session.execute(TOKEN, {"id": agency_id})).one_or_none()

    async def take_renewal(self, agency_id: UUID, known: str | None) -> bool:
        """True for the one process that is to renew the token it found (`known`, as sealed)."""
        values = {"id": agency_id, "known": known, "seconds": RENEWAL_SECONDS}
        return (await self._session.execute(TAKE_RENEWAL, values)).scalar_one_or_none() is not None

    async def keep_token(self, agency_id: UUID, *, access: str, refresh: str, lifetime: float) -> None:
        """Store the renewed token for everybody."""
        values = {"id": agency_id, "access": access, "refresh": refresh, "lifetime": lifetime}
        await self._session.execute(KEEP_TOKEN, values)

    async def give_back_renewal(self, agency_id: UUID) -> None:
        """Let another process try at once: this one could not renew."""
        await self._session.execute(GIVE_BACK_RENEWAL, {"id": agency_id})

    async def drop(self, agency_id: UUID) -> UUID:
        """Remove an agency; the subject whose key opened its secrets."""
        subject: UUID = (await self._session.execute(DROP, {"id": agency_id})).scalar_one()
        return subject
