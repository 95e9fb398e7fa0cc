"""Every statement about mails to a company's people, as `notifications` keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


class MailRepository:
    """Mails of ours, from the leave to send one on."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def begin(self, mail: Mapping[str, Any]) -> None:
        """Keep who gets a mail that is about to leave, by the decision that allows it.

        A later try for the same sale takes the place of one that the vendor refused.
        """
        statement = text(
            """
            INSERT INTO notifications (contractor_id, user_id, channel, kind, status, decision_id, sale_id, body_hash)
            VALUES (:contractor_id, :user_id, 'email', :kind, 'pending', :decision_id, :sale_id, :body_hash)
            ON CONFLICT (sale_id, kind, channel) WHERE kind <> 'storm_at_sold_lead'
            DO UPDATE SET decision_id = excluded.decision_id, user_id = excluded.user_id, body_hash = excluded.body_hash
             WHERE notifications.status = 'pending'
            """
        )
        await self._session.execute(statement, dict(mail))

    async def sent(self, decision_id: UUID, message_id: str) -> None:
        """The vendor took the mail that a decision allowed."""
        statement = text(
            """
            UPDATE notifications SET status = 'sent', sent_at = now(), external_id = :message_id
             WHERE decision_id = :decision_id AND status = 'pending'
            """
        )
        await self._session.execute(statement, {"decision_id": decision_id, "message_id": message_id})

    async def reader(self, decision_id: UUID) -> UUID | None:
        """Whom a mail of ours went to, by the decision that its links name."""
        statement = text("SELECT user_id FROM notifications WHERE decision_id = :id AND channel = 'email'")
        found: UUID | None = (
            await self._session.execute(statement, {"id": decision_id})
        ).scalar_one_or_none()
        return found
