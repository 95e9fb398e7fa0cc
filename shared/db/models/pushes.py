"""People's devices that take notices, and what went to each."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, choice, key, refers, stamp
from shared.schemas.account_enums import PushEnd


class PushSubscription(Base):
    """A browser that takes a person's notices; ended, it keeps neither address nor keys. Owner: marketplace."""

    __tablename__ = "push_subscriptions"
    __table_args__ = (
        Index(
            "idx_push_subscriptions_contractor", "contractor_id", postgresql_where=text("ended_at IS NULL")
        ),
        Index("idx_push_subscriptions_user", "user_id"),
        CheckConstraint(
            "num_nulls(endpoint, p256dh, auth) = CASE WHEN ended_at IS NULL THEN 0 ELSE 3 END",
            name="ended_is_unreachable",
        ),
        CheckConstraint("(ended_at IS NULL) = (ended_why IS NULL)", name="ended_has_a_reason"),
    )

    id: Mapped[UUID] = key()
    user_id: Mapped[UUID] = refers("users.id", on_delete="CASCADE")
    contractor_id: Mapped[UUID] = refers("contractors.id", on_delete="CASCADE")
    device: Mapped[str]
    vapid_key: Mapped[str]
    endpoint: Mapped[str | None] = mapped_column(unique=True)
    p256dh: Mapped[str | None]
    auth: Mapped[str | None]
    created_at: Mapped[datetime] = stamp()
    ended_at: Mapped[datetime | None]
    ended_why: Mapped[PushEnd | None] = choice("ended_why", PushEnd, length=20)


class NoticePush(Base):
    """The message that took a notice to one device. Owner: marketplace."""

    __tablename__ = "notice_pushes"
    __table_args__ = (
        Index("idx_notice_pushes_push", "push_id"),
        Index("idx_notice_pushes_subscription", "subscription_id"),
        Index("idx_notice_pushes_contractor", "contractor_id"),
    )

    notification_id: Mapped[UUID] = refers("notifications.id", on_delete="CASCADE", primary_key=True)
    subscription_id: Mapped[UUID] = refers("push_subscriptions.id", on_delete="CASCADE", primary_key=True)
    contractor_id: Mapped[UUID] = refers("contractors.id", on_delete="CASCADE")
    push_id: Mapped[UUID]
    created_at: Mapped[datetime] = stamp()
