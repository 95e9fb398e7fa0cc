"""What buyers get on paper for their money: receipts and credit notes."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import CORE, Base, choice, key, refers, stamp, words
from shared.schemas.sale_enums import ReceiptKind


class ReceiptNumber(Base):
    """The last number given in a year; written only by the trigger of receipts."""

    __tablename__ = "receipt_numbers"
    __table_args__ = (CheckConstraint("last > 0", name="last_positive"), {"schema": CORE})

    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int]


class Receipt(Base):
    """The receipt of a sale or the credit note of an accepted return; never changed. Owner: marketplace.

    Year and number are the database's: within a year none is missing.
    """

    __tablename__ = "receipts"
    __table_args__ = (
        UniqueConstraint("year", "number"),
        UniqueConstraint("return_id"),
        Index("idx_receipts_contractor", "contractor_id", "created_at", "id"),
        Index("idx_receipts_sale", "sale_id"),
        Index("uq_receipts_sale", "sale_id", unique=True, postgresql_where=text("kind = 'receipt'")),
        CheckConstraint("price_cents > 0", name="price_positive"),
        CheckConstraint(
            "credit_cents >= 0 AND charged_cents >= 0 AND plan_cents >= 0"
            " AND price_cents = credit_cents + charged_cents + plan_cents",
            name="adds_up",
        ),
        CheckConstraint("(kind = 'credit_note') = (return_id IS NOT NULL)", name="credit_note_of_a_return"),
    )

    id: Mapped[UUID] = key()
    kind: Mapped[ReceiptKind] = choice("kind", ReceiptKind, length=20)
    year: Mapped[int]
    number: Mapped[int]
    contractor_id: Mapped[UUID] = refers("contractors.id", on_delete="RESTRICT")
    sale_id: Mapped[UUID] = refers("sales.id", on_delete="RESTRICT")
    return_id: Mapped[UUID | None] = refers("sale_returns.id", on_delete="RESTRICT")
    buyer: Mapped[str] = mapped_column(words(255))
    place: Mapped[str]
    price_cents: Mapped[int] = mapped_column(BigInteger())
    credit_cents: Mapped[int] = mapped_column(BigInteger())
    charged_cents: Mapped[int] = mapped_column(BigInteger())
    plan_cents: Mapped[int] = mapped_column(BigInteger(), server_default=text("0"))
    currency: Mapped[str] = mapped_column(words(3))
    payment_ref: Mapped[str | None]
    sold_at: Mapped[datetime]
    created_at: Mapped[datetime] = stamp()
