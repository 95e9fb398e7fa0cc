"""Sold leads on their way to their buyers' own systems."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, choice, key, refers, stamp, subject, words
from shared.schemas.delivery_enums import DeliveryKind, DeliveryStatus


class DeliveryDestination(Base):
    """Where a buyer wants its leads; address and secret are ciphertext bound to subject_id. Owner: marketplace."""

    __tablename__ = "delivery_destinations"
    __table_args__ = (
        Index("idx_delivery_destinations_contractor", "contractor_id"),
        Index("idx_delivery_destinations_subject", "subject_id"),
        Index(
            "uq_delivery_destinations_live",
            "contractor_id",
            "kind",
            unique=True,
            postgresql_where=text("removed_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = key()
    contractor_id: Mapped[UUID] = refers("contractors.id", on_delete="RESTRICT")
    kind: Mapped[DeliveryKind] = choice("kind", DeliveryKind, length=20)
    field_map: Mapped[str] = mapped_column(words(30), server_default=text("'plain'"))
    subject_id: Mapped[UUID] = subject()
    address: Mapped[str]
    secret: Mapped[str]
    removed_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = stamp()
    updated_at: Mapped[datetime] = stamp()


class LeadDelivery(Base):
    """One sale to one destination, however often it is sent. Owner: marketplace."""

    __tablename__ = "lead_deliveries"
    __table_args__ = (
        Index("idx_lead_deliveries_destination", "destination_id"),
        Index("idx_lead_deliveries_contractor", "contractor_id", "created_at"),
        UniqueConstraint("sale_id", "destination_id"),
        CheckConstraint("status <> 'delivered' OR delivered_at IS NOT NULL", name="delivered_has_time"),
        CheckConstraint("(status = 'failed') = (error IS NOT NULL)", name="failed_has_reason"),
    )

    id: Mapped[UUID] = key()
    sale_id: Mapped[UUID] = refers("sales.id", on_delete="RESTRICT")
    destination_id: Mapped[UUID] = refers("delivery_destinations.id", on_delete="RESTRICT")
    contractor_id: Mapped[UUID] = refers("contractors.id", on_delete="RESTRICT")
    status: Mapped[DeliveryStatus] = choice(
        "status", DeliveryStatus, length=20, default=DeliveryStatus.PENDING
    )
    external_ref: Mapped[str | None] = mapped_column(words(100))
    error: Mapped[str | None]
    delivered_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = stamp()
    updated_at: Mapped[datetime] = stamp()


class DeliveryAttempt(Base):
    """What was answered to one sending; only grows. Owner: marketplace."""

    __tablename__ = "delivery_attempts"
    __table_args__ = (Index("idx_delivery_attempts_delivery", "delivery_id", "created_at"),)

    id: Mapped[UUID] = key()
    delivery_id: Mapped[UUID] = refers("lead_deliveries.id", on_delete="RESTRICT")
    result: Mapped[str] = mapped_column(words(40))
    http_status: Mapped[int | None]
    duration_ms: Mapped[int]
    created_at: Mapped[datetime] = stamp()
