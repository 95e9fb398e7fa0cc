"""What we checked about buyers, on what evidence, and the cases that keep one from buying."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, choice, key, refers, stamp, words
from shared.schemas.buyer_enums import CaseOutcome, CheckItem, CheckValue


class BuyerEvidence(Base):
    """A file that a buyer or an operator filed for one item of the checklist. Owner: marketplace."""

    __tablename__ = "buyer_evidence"
    __table_args__ = (
        Index("idx_buyer_evidence_contractor", "contractor_id", "created_at"),
        Index("idx_buyer_evidence_user", "user_id"),
        CheckConstraint("size_bytes > 0", name="size_positive"),
    )

    id: Mapped[UUID] = key()
    contractor_id: Mapped[UUID] = refers("contractors.id", on_delete="RESTRICT")
    item: Mapped[CheckItem] = choice("item", CheckItem, length=20)
    media_type: Mapped[str] = mapped_column(words(50))
    size_bytes: Mapped[int]
    sha256: Mapped[str] = mapped_column(words(64))
    object_key: Mapped[str]
    user_id: Mapped[UUID | None] = refers("users.id", on_delete="SET NULL")
    created_at: Mapped[datetime] = stamp()


class BuyerCheck(Base):
    """How one item of a buyer's checklist stands; `about` is the licence, name or version it was said of.

    Owner: marketplace. The audit trail keeps who said what before.
    """

    __tablename__ = "buyer_checks"
    __table_args__ = (
        UniqueConstraint("contractor_id", "item"),
        Index("idx_buyer_checks_evidence", "evidence_id"),
        Index("idx_buyer_checks_decided_user", "decided_user_id"),
        CheckConstraint(
            "(item = 'licence') = (value IN ('active', 'expired', 'not_required', 'unknown'))",
            name="words_of_the_item",
        ),
        CheckConstraint(
            "item <> 'insurance' OR value <> 'verified' OR expires_on IS NOT NULL", name="insured_until"
        ),
    )

    id: Mapped[UUID] = key()
    contractor_id: Mapped[UUID] = refers("contractors.id", on_delete="RESTRICT")
    item: Mapped[CheckItem] = choice("item", CheckItem, length=20)
    value: Mapped[CheckValue] = choice("value", CheckValue, length=20)
    about: Mapped[str] = mapped_column(server_default=text("''"))
    expires_on: Mapped[date | None]
    evidence_id: Mapped[UUID | None] = refers("buyer_evidence.id", on_delete="RESTRICT")
    note: Mapped[str]
    decided_user_id: Mapped[UUID | None] = refers("users.id", on_delete="SET NULL")
    decided_at: Mapped[datetime] = stamp()


class BuyerCase(Base):
    """A charge that its buyer's bank took back; the buyer is frozen until an operator settles it. Owner: marketplace."""

    __tablename__ = "buyer_cases"
    __table_args__ = (
        UniqueConstraint("dispute_ref"),
        Index("idx_buyer_cases_contractor", "contractor_id", postgresql_where=text("outcome IS NULL")),
        Index("idx_buyer_cases_newest", "created_at", "id"),
        Index("idx_buyer_cases_sale", "sale_id"),
        Index("idx_buyer_cases_settled_user", "settled_user_id"),
        Index("idx_buyer_cases_charge", "charge_ref"),
        CheckConstraint(
            "booked_cents IS NULL OR (processor_status = 'lost' AND booked_cents BETWEEN 0 AND amount_cents)",
            name="lost_is_booked",
        ),
        CheckConstraint("credit_taken_cents BETWEEN 0 AND booked_cents", name="credit_taken_within_loss"),
        CheckConstraint("amount_cents > 0", name="amount_positive"),
        CheckConstraint("(outcome IS NULL) = (settled_at IS NULL)", name="settled_or_open"),
    )

    id: Mapped[UUID] = key()
    contractor_id: Mapped[UUID] = refers("contractors.id", on_delete="RESTRICT")
    sale_id: Mapped[UUID | None] = refers("sales.id", on_delete="RESTRICT")
    dispute_ref: Mapped[str] = mapped_column(words(255))
    charge_ref: Mapped[str] = mapped_column(words(255))
    amount_cents: Mapped[int] = mapped_column(BigInteger())
    reason: Mapped[str] = mapped_column(words(100))
    processor_status: Mapped[str] = mapped_column(words(50))
    booked_cents: Mapped[int | None] = mapped_column(BigInteger())
    credit_taken_cents: Mapped[int | None] = mapped_column(BigInteger())
    outcome: Mapped[CaseOutcome | None] = choice("outcome", CaseOutcome, length=20)
    note: Mapped[str | None]
    settled_user_id: Mapped[UUID | None] = refers("users.id", on_delete="SET NULL")
    settled_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = stamp()
    updated_at: Mapped[datetime] = stamp()
