"""Sales, payments, the ledger, and what buyers saw and were told."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import ZERO, Base, choice, key, number, refers, stamp, words
from shared.schemas.enums import (
    AccountKind,
    NotificationStatus,
    PaymentKind,
    PaymentStatus,
    SaleStatus,
)


class Sale(Base):
    """One attempt to sell one lead to one contractor; a new try is a new row. Owner: marketplace.

    Its id is the charge key. While it is live (reserved, charging, payment_unknown, sold) no second row
    for the lead can exist.
    """

    __tablename__ = "sales"
    __table_args__ = (
        Index(
            "uq_sales_live_lead",
            "base_lead_id",
            unique=True,
            postgresql_where=text("status IN ('reserved', 'charging', 'payment_unknown', 'sold')"),
        ),
        Index("uq_sales_idempotency", "contractor_id", "idempotency_key", unique=True),
        Index("idx_sales_lead", "base_lead_id"),
        Index("idx_sales_contractor", "contractor_id", "status"),
        Index("idx_sales_user", "user_id"),
        Index("idx_sales_decision", "decision_id"),
        Index("idx_sales_expiry", "reserved_until", postgresql_where=text("status = 'reserved'")),
        Index(
            "idx_sales_unsettled",
            "updated_at",
            postgresql_where=text("status IN ('charging', 'payment_unknown')"),
        ),
        Index("idx_sales_revealed", "revealed_at", postgresql_where=text("status = 'sold'")),
        Index("idx_sales_sold", "sold_at", postgresql_where=text("status IN ('sold', 'refunded')")),
        CheckConstraint("price > 0", name="price_positive"),
        CheckConstraint(
            "revealed_at IS NULL OR status IN ('sold', 'refunded')", name="revealed_only_when_sold"
        ),
        CheckConstraint(
            "status NOT IN ('sold', 'refunded') OR (charged_at IS NOT NULL AND charged_cents > 0)",
            name="sold_is_charged",
        ),
        CheckConstraint("credit_cents BETWEEN 0 AND price * 100", name="credit_within_price"),
        CheckConstraint("plan_period_id IS NULL OR credit_cents = 0", name="included_needs_no_credit"),
        Index("idx_sales_plan_period", "plan_period_id", postgresql_where=text("plan_period_id IS NOT NULL")),
    )

    id: Mapped[UUID] = key()
    base_lead_id: Mapped[UUID] = refers("base_leads.id", on_delete="RESTRICT")
    contractor_id: Mapped[UUID] = refers("contractors.id", on_delete="RESTRICT")
    user_id: Mapped[UUID | None] = refers("users.id", on_delete="SET NULL")
    status: Mapped[SaleStatus] = choice("status", SaleStatus, length=20, default=SaleStatus.RESERVED)
    price: Mapped[Decimal] = mapped_column(number(10, 2))
    currency: Mapped[str] = mapped_column(words(3), server_default=text("'USD'"))
    reserved_at: Mapped[datetime] = stamp()
    reserved_until: Mapped[datetime]
    charged_at: Mapped[datetime | None]
    charged_cents: Mapped[int | None] = mapped_column(BigInteger())
    """What the buyer paid in all; `credit_cents` of it by credit, the rest by a charge."""
    credit_cents: Mapped[int] = mapped_column(BigInteger(), server_default=text("0"))
    sold_at: Mapped[datetime | None]
    revealed_at: Mapped[datetime | None]
    released_at: Mapped[datetime | None]
    refunded_at: Mapped[datetime | None]
    provider_ref: Mapped[str | None]
    decline_reason: Mapped[str | None]
    idempotency_key: Mapped[str | None]
    decision_id: Mapped[UUID | None] = refers("compliance.contact_decision.id")
    masked_fields: Mapped[list[str]] = mapped_column(server_default=text("'{}'::text[]"))
    plan_period_id: Mapped[UUID | None] = refers("plan_periods.id", on_delete="RESTRICT")
    created_at: Mapped[datetime] = stamp()
    updated_at: Mapped[datetime] = stamp()


class Payment(Base):
    """Money that moved, or was tried to. A refund is a new row. Owner: marketplace."""

    __tablename__ = "payments"
    __table_args__ = (
        Index("idx_payments_sale", "sale_id"),
        Index("idx_payments_contractor", "contractor_id", "created_at"),
        Index(
            "uq_payments_one_charge",
            "sale_id",
            unique=True,
            postgresql_where=text("kind = 'charge' AND status = 'succeeded'"),
        ),
        CheckConstraint("amount_cents > 0", name="amount_positive"),
    )

    id: Mapped[UUID] = key()
    sale_id: Mapped[UUID | None] = refers("sales.id", on_delete="RESTRICT")
    contractor_id: Mapped[UUID] = refers("contractors.id", on_delete="RESTRICT")
    kind: Mapped[PaymentKind] = choice("kind", PaymentKind, length=20, default=PaymentKind.CHARGE)
    amount_cents: Mapped[int] = mapped_column(BigInteger())
    currency: Mapped[str] = mapped_column(words(3), server_default=text("'USD'"))
    status: Mapped[PaymentStatus] = choice("status", PaymentStatus, length=20, default=PaymentStatus.PENDING)
    provider: Mapped[str] = mapped_column(words(50))
    provider_ref: Mapped[str | None] = mapped_column(unique=True)
    idempotency_key: Mapped[str] = mapped_column(unique=True)
    failure_code: Mapped[str | None]
    details: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    created_at: Mapped[datetime] = stamp()
    updated_at: Mapped[datetime] = stamp()


class LedgerAccount(Base):
    """An account of the double-entry ledger; the balance follows the entries. Owner: marketplace.

    balance_cents = sum of debits - sum of credits, kept by a trigger on ledger_entries.
    """

    __tablename__ = "ledger_accounts"
    __table_args__ = (Index("idx_ledger_accounts_contractor", "contractor_id"),)

    id: Mapped[UUID] = key()
    code: Mapped[str] = mapped_column(words(100), unique=True)
    kind: Mapped[AccountKind] = choice("kind", AccountKind, length=20)
    contractor_id: Mapped[UUID | None] = refers("contractors.id", on_delete="RESTRICT")
    currency: Mapped[str] = mapped_column(words(3), server_default=text("'USD'"))
    balance_cents: Mapped[int] = mapped_column(BigInteger(), server_default=ZERO)
    created_at: Mapped[datetime] = stamp()
    updated_at: Mapped[datetime] = stamp()


class LedgerEntry(Base):
    """One side of a posting; never changed, debits equal credits per transaction_id. Owner: marketplace."""

    __tablename__ = "ledger_entries"
    __table_args__ = (
        Index("idx_ledger_entries_transaction", "transaction_id"),
        Index("idx_ledger_entries_account", "account_id", "created_at"),
        Index("idx_ledger_entries_sale", "sale_id"),
        Index("idx_ledger_entries_payment", "payment_id"),
        CheckConstraint(
            "debit_cents >= 0 AND credit_cents >= 0 AND (debit_cents > 0) <> (credit_cents > 0)",
            name="one_side",
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger(), Identity(always=True), primary_key=True)
    transaction_id: Mapped[UUID]
    account_id: Mapped[UUID] = refers("ledger_accounts.id", on_delete="RESTRICT")
    debit_cents: Mapped[int] = mapped_column(BigInteger(), server_default=ZERO)
    credit_cents: Mapped[int] = mapped_column(BigInteger(), server_default=ZERO)
    sale_id: Mapped[UUID | None] = refers("sales.id", on_delete="RESTRICT")
    payment_id: Mapped[UUID | None] = refers("payments.id", on_delete="RESTRICT")
    description: Mapped[str | None]
    created_at: Mapped[datetime] = stamp()


class Notification(Base):
    """A message to a user of ours; `sent` needs a consumed decision. Owner: marketplace."""

    __tablename__ = "notifications"
    __table_args__ = (
        Index("idx_notifications_contractor", "contractor_id", "created_at"),
        Index("idx_notifications_sale", "sale_id"),
        Index("idx_notifications_user", "user_id"),
        Index("uq_notifications_decision", "decision_id", unique=True),
        Index(
            "uq_notifications_sale_kind",
            "sale_id",
            "kind",
            "channel",
            unique=True,
            postgresql_where=text("kind <> 'storm_at_sold_lead'"),
        ),
        Index(
            "idx_notifications_unread",
            "contractor_id",
            postgresql_where=text("channel = 'in_app' AND read_at IS NULL"),
        ),
        Index("idx_notifications_external", "external_id", postgresql_where=text("channel = 'sms'")),
        CheckConstraint("status <> 'sent' OR decision_id IS NOT NULL", name="sent_has_decision"),
        CheckConstraint(
            "delivery IN ('queued', 'sending', 'sent', 'delivered', 'undelivered', 'failed', 'canceled')",
            name="delivery",
        ),
    )

    id: Mapped[UUID] = key()
    contractor_id: Mapped[UUID] = refers("contractors.id", on_delete="CASCADE")
    user_id: Mapped[UUID | None] = refers("users.id", on_delete="SET NULL")
    channel: Mapped[str] = mapped_column(words(20))
    kind: Mapped[str] = mapped_column(words(50))
    status: Mapped[NotificationStatus] = choice(
        "status", NotificationStatus, length=20, default=NotificationStatus.PENDING
    )
    reason: Mapped[str | None]
    decision_id: Mapped[UUID | None] = refers("compliance.contact_decision.id")
    sale_id: Mapped[UUID | None] = refers("sales.id", on_delete="RESTRICT")
    sent_at: Mapped[datetime | None]
    external_id: Mapped[str | None]
    body_hash: Mapped[str | None]
    created_at: Mapped[datetime] = stamp()
    updated_at: Mapped[datetime] = stamp()
    read_at: Mapped[datetime | None]
    delivery: Mapped[str | None]
    delivery_error: Mapped[str | None]


class NoticeMail(Base):
    """The mail that took a notice to one of its company's people. Owner: marketplace."""

    __tablename__ = "notice_mails"
    __table_args__ = (
        Index("idx_notice_mails_mail", "mail_id"),
        Index("idx_notice_mails_user", "user_id"),
        Index("idx_notice_mails_contractor", "contractor_id"),
    )

    notification_id: Mapped[UUID] = refers("notifications.id", on_delete="CASCADE", primary_key=True)
    user_id: Mapped[UUID] = refers("users.id", on_delete="CASCADE", primary_key=True)
    contractor_id: Mapped[UUID] = refers("contractors.id", on_delete="CASCADE")
    mail_id: Mapped[UUID]
    created_at: Mapped[datetime] = stamp()


class LeadView(Base):
    """A contractor looked at a lead's preview. Owner: marketplace."""

    __tablename__ = "lead_views"
    __table_args__ = (
        Index("idx_lead_views_lead", "base_lead_id", "viewed_at"),
        Index("idx_lead_views_contractor", "contractor_id", "viewed_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger(), Identity(always=True), primary_key=True)
    base_lead_id: Mapped[UUID] = refers("base_leads.id", on_delete="CASCADE")
    contractor_id: Mapped[UUID] = refers("contractors.id", on_delete="CASCADE")
    user_id: Mapped[UUID | None] = mapped_column(Uuid())
    viewed_at: Mapped[datetime] = stamp()
