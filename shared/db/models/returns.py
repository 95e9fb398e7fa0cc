"""Leads that buyers gave back."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, choice, key, refers, stamp, words
from shared.schemas.enums import ReturnDecider, ReturnStatus


class SaleReturn(Base):
    """A buyer's claim that a lead was not what it paid for; refused ones stay. Owner: marketplace."""

    __tablename__ = "sale_returns"
    __table_args__ = (
        Index("idx_sale_returns_contractor", "contractor_id", "created_at"),
        Index("idx_sale_returns_newest", "created_at", "id"),
        Index("idx_sale_returns_user", "user_id"),
        Index("idx_sale_returns_decided_user", "decided_user_id"),
        Index(
            "uq_sale_returns_live",
            "sale_id",
            unique=True,
            postgresql_where=text("status IN ('open', 'accepted')"),
        ),
        Index("uq_sale_returns_reason", "sale_id", "reason", unique=True),
        CheckConstraint(
            "(status = 'open') = (decided_at IS NULL) AND (status = 'open') = (decided_by IS NULL)",
            name="decided_or_open",
        ),
        CheckConstraint("(status = 'accepted') = (credit_cents IS NOT NULL)", name="accepted_is_credited"),
        CheckConstraint("credit_cents > 0", name="credit_positive"),
    )

    id: Mapped[UUID] = key()
    sale_id: Mapped[UUID] = refers("sales.id", on_delete="RESTRICT")
    contractor_id: Mapped[UUID] = refers("contractors.id", on_delete="RESTRICT")
    user_id: Mapped[UUID | None] = refers("users.id", on_delete="SET NULL")
    reason: Mapped[str] = mapped_column(words(40))
    explanation: Mapped[str]
    evidence: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    status: Mapped[ReturnStatus] = choice("status", ReturnStatus, length=20, default=ReturnStatus.OPEN)
    decided_by: Mapped[ReturnDecider | None] = choice("decided_by", ReturnDecider, length=20)
    decided_user_id: Mapped[UUID | None] = refers("users.id", on_delete="SET NULL")
    decision_note: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    credit_cents: Mapped[int | None] = mapped_column(BigInteger())
    created_at: Mapped[datetime] = stamp()
    updated_at: Mapped[datetime] = stamp()
