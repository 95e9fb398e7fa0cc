"""Promo codes and who redeemed them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import FALSE, Base, key, refers, stamp, words


class PromoCode(Base):
    """A code that gives credit for leads; it may be ended early and changes no other way. Owner: marketplace."""

    __tablename__ = "promo_codes"
    __table_args__ = (
        UniqueConstraint("code"),
        Index("idx_promo_codes_user", "user_id"),
        CheckConstraint("code ~ '^[A-Z0-9-]{4,40}$'", name="code_plain"),
        CheckConstraint("credit_cents > 0", name="credit_positive"),
        CheckConstraint("most > 0", name="most_positive"),
    )

    id: Mapped[UUID] = key()
    code: Mapped[str] = mapped_column(words(40))
    credit_cents: Mapped[int] = mapped_column(BigInteger())
    most: Mapped[int]
    new_buyers: Mapped[bool] = mapped_column(server_default=FALSE)
    valid_until: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    reason: Mapped[str]
    user_id: Mapped[UUID] = refers("users.id", on_delete="RESTRICT")
    created_at: Mapped[datetime] = stamp()


class PromoRedemption(Base):
    """What a company was given for a code, once; insert only. Owner: marketplace."""

    __tablename__ = "promo_redemptions"
    __table_args__ = (
        UniqueConstraint("promo_id", "contractor_id"),
        Index("idx_promo_redemptions_contractor", "contractor_id"),
        Index("idx_promo_redemptions_user", "user_id"),
    )

    id: Mapped[UUID] = key()
    promo_id: Mapped[UUID] = refers("promo_codes.id", on_delete="RESTRICT")
    contractor_id: Mapped[UUID] = refers("contractors.id", on_delete="RESTRICT")
    user_id: Mapped[UUID] = refers("users.id", on_delete="RESTRICT")
    credit_cents: Mapped[int] = mapped_column(BigInteger())
    created_at: Mapped[datetime] = stamp()
