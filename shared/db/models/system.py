"""System events, API usage and the audit log."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import TIMESTAMP, BigInteger, Index, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import CORE, NEW_UUID, NOW, Base, choice, key, number, stamp, words
from shared.schemas.enums import EventSeverity


class SystemEvent(Base):
    """Something an operator may want to know. Written by every service; partitioned by month."""

    __tablename__ = "system_events"
    __table_args__ = (
        Index("idx_system_events_type", "event_type"),
        Index("idx_system_events_created", text("created_at DESC")),
        Index("idx_system_events_severity", "severity"),
        {"postgresql_partition_by": "RANGE (created_at)"},
    )

    id: Mapped[UUID] = mapped_column(Uuid(), primary_key=True, server_default=NEW_UUID)
    created_at: Mapped[datetime] = mapped_column(
        TIMESTAMP(timezone=True), primary_key=True, server_default=NOW
    )
    event_type: Mapped[str | None] = mapped_column(words(100))
    event_name: Mapped[str | None] = mapped_column(words(255))
    service: Mapped[str | None] = mapped_column(words(50))
    entity_type: Mapped[str | None] = mapped_column(words(50))
    entity_id: Mapped[UUID | None]
    event_data: Mapped[dict[str, Any] | None]
    severity: Mapped[EventSeverity | None] = choice("severity", EventSeverity, length=20)


class ApiUsageLog(Base):
    """One call to a vendor with its cost, redacted. Written by every service; partitioned by month."""

    __tablename__ = "api_usage_logs"
    __table_args__ = (
        Index("idx_api_usage_logs_created", "created_at"),
        Index("idx_api_usage_logs_provider", "api_provider", "created_at"),
        Index("idx_api_usage_logs_entity", "entity_id"),
        {"postgresql_partition_by": "RANGE (created_at)"},
    )

    id: Mapped[UUID] = mapped_column(Uuid(), primary_key=True, server_default=NEW_UUID)
    created_at: Mapped[datetime] = mapped_column(
        TIMESTAMP(timezone=True), primary_key=True, server_default=NOW
    )
    api_provider: Mapped[str | None] = mapped_column(words(100))
    api_endpoint: Mapped[str | None] = mapped_column(words(255))
    request_method: Mapped[str | None] = mapped_column(words(10))
    request_params: Mapped[dict[str, Any] | None]
    response_status: Mapped[int | None]
    response_time_ms: Mapped[int | None]
    response_body: Mapped[dict[str, Any] | None]
    cost: Mapped[Decimal | None] = mapped_column(number(10, 6))
    service: Mapped[str | None] = mapped_column(words(50))
    entity_type: Mapped[str | None] = mapped_column(words(50))
    entity_id: Mapped[UUID | None]
    success: Mapped[bool | None]
    error_message: Mapped[str | None]
    reservation_id: Mapped[UUID | None]


class AuditLog(Base):
    """Who did what to whom and why; insert only, chained by hash per day. Written by every service."""

    __tablename__ = "audit_log"
    __table_args__ = (
        Index("idx_audit_log_chain", "chain_day", "chain_seq", unique=True),
        Index("idx_audit_log_object", "object_type", "object_id"),
        Index("idx_audit_log_actor", "actor", "occurred_at"),
    )

    id: Mapped[UUID] = key()
    occurred_at: Mapped[datetime] = stamp()
    service: Mapped[str] = mapped_column(words(50))
    actor: Mapped[str]
    action: Mapped[str] = mapped_column(words(100))
    object_type: Mapped[str] = mapped_column(words(50))
    object_id: Mapped[str | None]
    fields: Mapped[list[str]] = mapped_column(server_default=text("'{}'::text[]"))
    reason: Mapped[str | None]
    details: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    correlation_id: Mapped[str | None]
    chain_day: Mapped[date | None]
    chain_seq: Mapped[int | None] = mapped_column(BigInteger())
    prev_hash: Mapped[str | None]
    row_hash: Mapped[str | None]


class ChainHead(Base):
    """The last link of one day of a hash chain; written only by the sealing trigger."""

    __tablename__ = "chain_head"
    __table_args__ = ({"schema": CORE},)

    chain: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    last_seq: Mapped[int] = mapped_column(BigInteger())
    last_hash: Mapped[str]
    sealed_at: Mapped[datetime | None]
