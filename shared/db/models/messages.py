"""Schema core: outbox, inbox, dead letters. Written only through shared.relay and shared.streams."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import TIMESTAMP, BigInteger, Date, Identity, Index, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import CORE, NEW_UUID, NOW, ZERO, Base, choice, key, stamp
from shared.schemas.workflow_enums import DeadLetterSource


class OutboxRow(Base):
    """An event or wake-up that leaves after commit. Partitioned by day."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index("ix_outbox_unpublished", "id", postgresql_where=text("published_at IS NULL")),
        {"schema": CORE, "postgresql_partition_by": "RANGE (created_at)"},
    )

    id: Mapped[int] = mapped_column(BigInteger(), Identity(), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(
        TIMESTAMP(timezone=True), primary_key=True, server_default=NOW
    )
    event_id: Mapped[UUID] = mapped_column(Uuid(), server_default=NEW_UUID)
    topic: Mapped[str]
    key: Mapped[str | None]
    type: Mapped[str]
    version: Mapped[int] = mapped_column(server_default=text("1"))
    payload: Mapped[dict[str, Any]]
    headers: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    published_at: Mapped[datetime | None]


class InboxRow(Base):
    """An event one consumer has handled; its own date is part of the key so that dedupe holds over midnight."""

    __tablename__ = "inbox"
    __table_args__ = ({"schema": CORE, "postgresql_partition_by": "RANGE (occurred_on)"},)

    consumer: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    occurred_on: Mapped[date] = mapped_column(Date(), primary_key=True)
    received_at: Mapped[datetime] = stamp()


class DeadLetter(Base):
    """A message, step or webhook that could not be handled, kept until a person re-drives it."""

    __tablename__ = "dead_letter"
    __table_args__ = (
        Index("ix_dead_letter_open", "created_at", postgresql_where=text("resolved_at IS NULL")),
        Index("ix_dead_letter_workflow", "workflow_id"),
        {"schema": CORE},
    )

    id: Mapped[UUID] = key()
    source: Mapped[DeadLetterSource] = choice("source", DeadLetterSource)
    topic: Mapped[str | None]
    consumer: Mapped[str | None]
    event_id: Mapped[UUID | None]
    workflow_id: Mapped[UUID | None]
    step_name: Mapped[str | None]
    payload: Mapped[dict[str, Any] | None]
    raw: Mapped[str | None]
    reason: Mapped[str]
    error: Mapped[dict[str, Any] | None]
    attempts: Mapped[int] = mapped_column(server_default=ZERO)
    created_at: Mapped[datetime] = stamp()
    resolved_at: Mapped[datetime | None]
    resolved_by: Mapped[str | None]
