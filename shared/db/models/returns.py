"""What became of sold leads: given back, or what their buyers made of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, Text, UniqueConstraint, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, between, choice, key, refers, stamp, words
from shared.schemas.enums import ContactMethod
from shared.schemas.sale_enums import LostReason, ReturnDecider, ReturnStatus, SaleOutcome


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
        CheckConstraint("credit_cents >= 0", name="credit_not_negative"),
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


class SaleOutcomeReport(Base):
    """What a buyer says became of a lead; only grows, the last row by number stands. Owner: marketplace."""

    __tablename__ = "sale_outcomes"
    __table_args__ = (
        Index("idx_sale_outcomes_contractor", "contractor_id"),
        Index("idx_sale_outcomes_sale", "sale_id", "number"),
        Index("idx_sale_outcomes_subject", "subject_id", postgresql_where=text("subject_id IS NOT NULL")),
        between("stars", 1, 5),
        CheckConstraint("amount_cents > 0", name="amount_positive"),
        CheckConstraint("(amount_cents IS NOT NULL) = (outcome IN ('quoted', 'won'))", name="amount_of_work"),
        CheckConstraint("(lost_reason IS NOT NULL) = (outcome = 'lost')", name="lost_for_a_reason"),
        CheckConstraint("length(note) BETWEEN 1 AND 500", name="note_length"),
    )

    id: Mapped[UUID] = key()
    number: Mapped[int] = mapped_column(BigInteger(), Identity(always=True))
    sale_id: Mapped[UUID] = refers("sales.id", on_delete="RESTRICT")
    contractor_id: Mapped[UUID] = refers("contractors.id", on_delete="RESTRICT")
    user_id: Mapped[UUID | None] = mapped_column(Uuid())
    outcome: Mapped[SaleOutcome] = choice("outcome", SaleOutcome, length=20)
    happened_at: Mapped[datetime]
    method: Mapped[ContactMethod | None] = choice("method", ContactMethod, length=20)
    amount_cents: Mapped[int | None] = mapped_column(BigInteger())
    lost_reason: Mapped[LostReason | None] = choice("lost_reason", LostReason, length=30)
    stars: Mapped[int | None]
    created_at: Mapped[datetime] = stamp()
    note: Mapped[str | None] = mapped_column(Text())
    subject_id: Mapped[UUID | None] = mapped_column(Uuid())


class GuaranteeSettlement(Base):
    """What a period of a contractor's guarantee brought, and by which numbers; only grows. Owner: marketplace."""

    __tablename__ = "guarantee_settlements"
    __table_args__ = (
        UniqueConstraint("contractor_id", "period"),
        CheckConstraint("credit_cents BETWEEN 0 AND spent_cents", name="credit_within_paid"),
    )

    id: Mapped[UUID] = key()
    contractor_id: Mapped[UUID] = refers("contractors.id", on_delete="RESTRICT")
    period: Mapped[int]
    leads: Mapped[int]
    tried: Mapped[int]
    ended: Mapped[int]
    won: Mapped[int]
    spent_cents: Mapped[int] = mapped_column(BigInteger())
    credit_cents: Mapped[int] = mapped_column(BigInteger())
    user_id: Mapped[UUID | None] = mapped_column(Uuid())
    settled_at: Mapped[datetime] = stamp()
