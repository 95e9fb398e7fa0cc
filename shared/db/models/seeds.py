"""Seeds: invented contacts that show whether a buyer passes its leads on."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, key, refers, stamp, words


class Seed(Base):
    """An invented contact for one buyer; with `aged_sale_id` it is in that purchase's files. Owner: marketplace."""

    __tablename__ = "seeds"
    __table_args__ = (
        UniqueConstraint("email"),
        Index("idx_seeds_contractor", "contractor_id", "created_at"),
        Index("idx_seeds_aged_sale", "aged_sale_id"),
        Index("idx_seeds_user", "user_id"),
        CheckConstraint("(aged_sale_id IS NULL) = (handed_at IS NULL)", name="handed_or_waiting"),
        Index("idx_seeds_alarm", "created_at", "id", postgresql_where=text("alarm_at IS NOT NULL")),
        CheckConstraint("alarm_at IS NULL OR handed_at IS NOT NULL", name="alarm_after_handing"),
        CheckConstraint("(settled_at IS NULL) = (settled_note IS NULL)", name="settled_with_a_note"),
        CheckConstraint("settled_at IS NULL OR settled_at >= alarm_at", name="settled_after_alarm"),
    )

    id: Mapped[UUID] = key()
    contractor_id: Mapped[UUID] = refers("contractors.id", on_delete="RESTRICT")
    first_name: Mapped[str] = mapped_column(words(100))
    last_name: Mapped[str] = mapped_column(words(100))
    email: Mapped[str] = mapped_column(words(255))
    aged_sale_id: Mapped[UUID | None] = refers("aged_sales.id", on_delete="RESTRICT")
    handed_at: Mapped[datetime | None]
    alarm_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    settled_note: Mapped[str | None] = mapped_column(words(255))
    reason: Mapped[str] = mapped_column(words(255))
    user_id: Mapped[UUID | None] = refers("users.id", on_delete="SET NULL")
    created_at: Mapped[datetime] = stamp()


class SeedSighting(Base):
    """A contact that reached a seed; of its sender only the domain is kept. Insert only. Owner: marketplace."""

    __tablename__ = "seed_sightings"
    __table_args__ = (
        UniqueConstraint("seed_id", "seen_at", "sender_domain"),
        Index("idx_seed_sightings_contractor", "contractor_id"),
        Index("idx_seed_sightings_user", "user_id"),
    )

    id: Mapped[UUID] = key()
    seed_id: Mapped[UUID] = refers("seeds.id", on_delete="RESTRICT")
    contractor_id: Mapped[UUID] = refers("contractors.id", on_delete="RESTRICT")
    sender_domain: Mapped[str] = mapped_column(words(255))
    by_buyer: Mapped[bool]
    seen_at: Mapped[datetime]
    note: Mapped[str] = mapped_column(words(255))
    user_id: Mapped[UUID | None] = refers("users.id", on_delete="SET NULL")
    created_at: Mapped[datetime] = stamp()
