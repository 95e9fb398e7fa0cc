"""Monthly plans: their prices, who has one, and the leads that a paid invoice includes."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import FALSE, Base, between, choice, key, refers, stamp
from shared.schemas.plan_enums import PaymentNews, PlanCode, SubscriptionStatus


class Plan(Base):
    """A price of a plan from a day on; only grows. Owner: marketplace."""

    __tablename__ = "plans"
    __table_args__ = (
        UniqueConstraint("code", "valid_from"),
        between("included_leads", 1, 10000),
        between("grace_days", 0, 30),
        CheckConstraint(
            "monthly_cents > 0 AND monthly_cents % included_leads = 0", name="whole_cents_a_lead"
        ),
    )

    id: Mapped[UUID] = key()
    code: Mapped[PlanCode] = choice("code", PlanCode, length=20)
    monthly_cents: Mapped[int] = mapped_column(BigInteger())
    included_leads: Mapped[int]
    grace_days: Mapped[int]
    valid_from: Mapped[datetime]
    reason: Mapped[str]
    created_at: Mapped[datetime] = stamp()


class PlanSubscription(Base):
    """A contractor's subscription as the processor told it at `asked_at`. Owner: marketplace."""

    __tablename__ = "plan_subscriptions"
    __table_args__ = (
        UniqueConstraint("subscription_ref"),
        Index(
            "uq_plan_subscriptions_live",
            "contractor_id",
            unique=True,
            postgresql_where=text("status NOT IN ('expired', 'incomplete_expired', 'canceled')"),
        ),
        Index("idx_plan_subscriptions_contractor", "contractor_id", "created_at"),
        Index("idx_plan_subscriptions_plan", "plan_id"),
        CheckConstraint("(status = 'past_due') = (past_due_since IS NOT NULL)", name="past_due_has_time"),
    )

    id: Mapped[UUID] = key()
    contractor_id: Mapped[UUID] = refers("contractors.id", on_delete="RESTRICT")
    plan_id: Mapped[UUID] = refers("plans.id", on_delete="RESTRICT")
    status: Mapped[SubscriptionStatus] = choice(
        "status", SubscriptionStatus, length=20, default=SubscriptionStatus.CHECKOUT
    )
    checkout_ref: Mapped[str | None]
    checkout_until: Mapped[datetime]
    subscription_ref: Mapped[str | None]
    current_period_end: Mapped[datetime | None]
    cancel_at_period_end: Mapped[bool] = mapped_column(server_default=FALSE)
    past_due_since: Mapped[datetime | None]
    asked_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = stamp()
    updated_at: Mapped[datetime] = stamp()


class PlanPeriod(Base):
    """The leads that a paid invoice includes, and what each was paid at. Owner: marketplace."""

    __tablename__ = "plan_periods"
    __table_args__ = (
        UniqueConstraint("invoice_ref"),
        Index("idx_plan_periods_subscription", "subscription_id"),
        Index("idx_plan_periods_plan", "plan_id"),
        Index("idx_plan_periods_contractor", "contractor_id", "ends_at"),
        Index("idx_plan_periods_payment", "payment_ref"),
        CheckConstraint("ends_at > starts_at", name="ends_after_start"),
        CheckConstraint(
            "leads >= 0 AND unit_cents > 0 AND amount_cents > 0 AND amount_cents - taken_back_cents >= leads * unit_cents",
            name="paid_ahead",
        ),
        CheckConstraint(
            "taken_back_cents >= 0 AND refunded_cents >= 0 AND lost_cents >= 0"
            " AND refunded_cents + lost_cents >= taken_back_cents AND amount_cents >= refunded_cents + lost_cents",
            name="refund_within_payment",
        ),
    )

    id: Mapped[UUID] = key()
    subscription_id: Mapped[UUID] = refers("plan_subscriptions.id", on_delete="RESTRICT")
    contractor_id: Mapped[UUID] = refers("contractors.id", on_delete="RESTRICT")
    plan_id: Mapped[UUID] = refers("plans.id", on_delete="RESTRICT")
    invoice_ref: Mapped[str]
    payment_ref: Mapped[str | None]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    amount_cents: Mapped[int] = mapped_column(BigInteger())
    leads: Mapped[int]
    unit_cents: Mapped[int] = mapped_column(BigInteger())
    refunded_cents: Mapped[int] = mapped_column(BigInteger(), server_default=text("0"))
    lost_cents: Mapped[int] = mapped_column(BigInteger(), server_default=text("0"))
    taken_back_cents: Mapped[int] = mapped_column(BigInteger(), server_default=text("0"))
    closed_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = stamp()


class EarlyPaymentNews(Base):
    """A refund or dispute of a payment that we had not booked yet, taken when we have. Owner: marketplace."""

    __tablename__ = "early_payment_news"
    __table_args__ = (
        Index("idx_early_payment_news_payment", "payment_ref"),
        Index("idx_early_payment_news_created", "created_at"),
    )

    id: Mapped[UUID] = key()
    payment_ref: Mapped[str]
    kind: Mapped[PaymentNews] = choice("kind", PaymentNews, length=20)
    subject: Mapped[dict[str, Any]] = mapped_column(JSONB())
    occurred_at: Mapped[datetime]
    created_at: Mapped[datetime] = stamp()


class PlanWait(Base):
    """A contractor that waits for a plan, or the leads that are kept for it until `held_until`. Owner: marketplace."""

    __tablename__ = "plan_waits"
    __table_args__ = (
        Index("idx_plan_waits_created", "created_at"),
        CheckConstraint("leads > 0", name="leads_positive"),
    )

    contractor_id: Mapped[UUID] = mapped_column(
        Uuid(), ForeignKey("contractors.id", ondelete="CASCADE"), primary_key=True
    )
    code: Mapped[PlanCode] = choice("code", PlanCode, length=20)
    leads: Mapped[int]
    held_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = stamp()
