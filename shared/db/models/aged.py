"""Aged leads: what came in, what is on sale, prices, purchases and quotes."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, choice, counter, key, refers, stamp, subject, words
from shared.schemas.aged_enums import AgeBucket, AgedClass


class AgedLead(Base):
    """A lead of a supplier's file, its person sealed; no row ever changes. Owner: marketplace."""

    __tablename__ = "aged_leads"
    __table_args__ = (
        UniqueConstraint("identity"),
        Index("idx_aged_leads_originated", "originated_at"),
        Index("idx_aged_leads_place", "classification", "state", text("lower(county)")),
        Index("idx_aged_leads_subject", "subject_id"),
        Index("idx_aged_leads_suppression_keys", "suppression_keys", postgresql_using="gin"),
    )

    id: Mapped[UUID] = key()
    identity: Mapped[str]
    classification: Mapped[AgedClass] = choice("classification", AgedClass, length=10)
    originated_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(words(2))
    county: Mapped[str]
    city: Mapped[str]
    zip: Mapped[str | None] = mapped_column(words(10))
    subject_id: Mapped[UUID] = subject()
    person: Mapped[str]
    phone_hash: Mapped[str | None]
    suppression_keys: Mapped[list[str]]
    source: Mapped[str]
    created_at: Mapped[datetime] = stamp()


class AgedInventory(Base):
    """A lead on sale in one age bucket; withdrawn once it has outgrown it unsold. Owner: marketplace."""

    __tablename__ = "aged_inventory"
    __table_args__ = (
        UniqueConstraint("aged_lead_id", "age_bucket"),
        Index(
            "idx_aged_inventory_unsold",
            "age_bucket",
            "created_at",
            "id",
            postgresql_where=text("sold_at IS NULL AND withdrawn_at IS NULL"),
        ),
        CheckConstraint("sold_at IS NULL OR withdrawn_at IS NULL", name="sold_or_withdrawn"),
    )

    id: Mapped[UUID] = key()
    aged_lead_id: Mapped[UUID] = refers("aged_leads.id", on_delete="RESTRICT")
    age_bucket: Mapped[AgeBucket] = choice("age_bucket", AgeBucket, length=20)
    sold_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = stamp()


class AgedPrice(Base):
    """What a lead of a class and age costs; active while it has no end. Owner: marketplace.

    A trigger refuses a second price of the same kind for any moment.
    """

    __tablename__ = "aged_prices"
    __table_args__ = (
        Index(
            "uq_aged_prices_active",
            "classification",
            "age_bucket",
            unique=True,
            postgresql_where=text("effective_until IS NULL"),
        ),
        CheckConstraint("price_cents > 0", name="price_positive"),
        CheckConstraint(
            "effective_until IS NULL OR effective_until > effective_from", name="ends_after_start"
        ),
    )

    id: Mapped[UUID] = key()
    classification: Mapped[AgedClass] = choice("classification", AgedClass, length=10)
    age_bucket: Mapped[AgeBucket] = choice("age_bucket", AgeBucket, length=20)
    price_cents: Mapped[int] = mapped_column(BigInteger())
    effective_from: Mapped[datetime] = stamp()
    effective_until: Mapped[datetime | None]


class AgedPurchase(Base):
    """What one request bought, all of it or nothing. Owner: marketplace."""

    __tablename__ = "aged_purchases"
    __table_args__ = (
        Index("idx_aged_purchases_contractor", "contractor_id", "created_at"),
        Index("idx_aged_purchases_user", "user_id"),
        CheckConstraint("total_cents > 0", name="total_positive"),
    )

    id: Mapped[UUID] = key()
    contractor_id: Mapped[UUID] = refers("contractors.id", on_delete="RESTRICT")
    user_id: Mapped[UUID | None] = refers("users.id", on_delete="SET NULL")
    criteria: Mapped[list[dict[str, Any]]]
    total_cents: Mapped[int] = mapped_column(BigInteger())
    items_replaced: Mapped[int] = counter()
    created_at: Mapped[datetime] = stamp()


class AgedSale(Base):
    """One lead sold in one bucket, at the price and age of that moment. Owner: marketplace."""

    __tablename__ = "aged_sales"
    __table_args__ = (
        UniqueConstraint("aged_inventory_id"),
        Index("idx_aged_sales_purchase", "aged_purchase_id"),
        Index("idx_aged_sales_lead", "aged_lead_id"),
        Index("idx_aged_sales_contractor", "contractor_id", "sold_at"),
        Index("idx_aged_sales_decision", "decision_id"),
        CheckConstraint("price_cents > 0", name="price_positive"),
    )

    id: Mapped[UUID] = key()
    aged_purchase_id: Mapped[UUID] = refers("aged_purchases.id", on_delete="RESTRICT")
    aged_inventory_id: Mapped[UUID] = refers("aged_inventory.id", on_delete="RESTRICT")
    aged_lead_id: Mapped[UUID] = refers("aged_leads.id", on_delete="RESTRICT")
    contractor_id: Mapped[UUID] = refers("contractors.id", on_delete="RESTRICT")
    price_cents: Mapped[int] = mapped_column(BigInteger())
    age_bucket: Mapped[AgeBucket] = choice("age_bucket", AgeBucket, length=20)
    decision_id: Mapped[UUID] = refers("compliance.contact_decision.id")
    sold_at: Mapped[datetime] = stamp()


class AgedQuote(Base):
    """Prices that were named for single items, and until when they hold. Owner: marketplace."""

    __tablename__ = "aged_quotes"
    __table_args__ = (
        Index("idx_aged_quotes_contractor", "contractor_id", "created_at"),
        CheckConstraint("total_cents > 0", name="total_positive"),
        CheckConstraint("expires_at > created_at", name="expires_later"),
    )

    id: Mapped[UUID] = key()
    contractor_id: Mapped[UUID | None] = refers("contractors.id", on_delete="CASCADE")
    items: Mapped[list[dict[str, Any]]] = mapped_column(JSONB())
    total_cents: Mapped[int] = mapped_column(BigInteger())
    created_at: Mapped[datetime] = stamp()
    expires_at: Mapped[datetime]
