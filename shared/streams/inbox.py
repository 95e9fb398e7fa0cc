"""The inbox: one row per consumer and event, so that what arrives twice has one effect."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

INSERT_INBOX = text(
    """
    INSERT INTO core.inbox (consumer, event_id, occurred_on) VALUES (:consumer, CAST(:event_id AS uuid), :occurred_on)
    ON CONFLICT DO NOTHING
    """
)


async def take_once(session: AsyncSession, consumer: str, event_id: UUID, occurred_at: datetime) -> bool:
    """Take an event in the caller's transaction; False when this consumer took it before.

    The event's own date is part of the key, so that the table can be partitioned by day and still recognise
    a copy that arrives another day.
    """
    values = {"consumer": consumer, "event_id": event_id, "occurred_on": occurred_at.astimezone(UTC).date()}
    taken = await session.execute(INSERT_INBOX, values)
    return bool(taken.rowcount)  # type: ignore[attr-defined]
