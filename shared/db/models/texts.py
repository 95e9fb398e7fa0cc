"""Texts to contractors: numbers they proved, the text that took a notice, words that came in."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import COMPLIANCE, Base, refers, stamp


class TextNumber(Base):
    """A number to text a person at, from the asking to its end; its consent is in consent_event. Owner: marketplace."""

    __tablename__ = "text_numbers"
    __table_args__ = (
        Index("uq_text_numbers_user", "user_id", unique=True, postgresql_where=text("ended_at IS NULL")),
        Index("idx_text_numbers_user", "user_id"),
        Index("idx_text_numbers_contractor", "contractor_id"),
        Index("idx_text_numbers_phone", "phone_hash"),
        CheckConstraint("area_code ~ '^[2-9][0-9]{2}$'", name="area_code"),
        CheckConstraint("groups <@ ARRAY['leads', 'territories', 'plan', 'account']", name="groups"),
        CheckConstraint("reassigned IN ('yes', 'no', 'no_data')", name="reassigned"),
        CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended"),
    )

    id: Mapped[UUID] = mapped_column(Uuid(), primary_key=True)
    user_id: Mapped[UUID] = refers("users.id", on_delete="CASCADE")
    contractor_id: Mapped[UUID] = refers("contractors.id", on_delete="CASCADE")
    subject_id: Mapped[UUID]
    phone: Mapped[str]
    phone_hash: Mapped[str]
    area_code: Mapped[str]
    groups: Mapped[list[str]]
    evidence: Mapped[dict[str, Any]]
    code_hash: Mapped[str]
    code_until: Mapped[datetime]
    tries: Mapped[int] = mapped_column(server_default=text("0"))
    line_type: Mapped[str | None]
    line_type_at: Mapped[datetime | None]
    reassigned: Mapped[str | None]
    reassigned_at: Mapped[datetime | None]
    refused: Mapped[list[str]] = mapped_column(server_default=text("'{}'::text[]"))
    confirmed_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None]
    created_at: Mapped[datetime] = stamp()


class NoticeText(Base):
    """The text that took a notice to one of its company's people. Owner: marketplace."""

    __tablename__ = "notice_texts"
    __table_args__ = (
        Index("idx_notice_texts_text", "text_id"),
        Index("idx_notice_texts_user", "user_id"),
        Index("idx_notice_texts_contractor", "contractor_id"),
    )

    notification_id: Mapped[UUID] = refers("notifications.id", on_delete="CASCADE", primary_key=True)
    user_id: Mapped[UUID] = refers("users.id", on_delete="CASCADE", primary_key=True)
    contractor_id: Mapped[UUID] = refers("contractors.id", on_delete="CASCADE")
    text_id: Mapped[UUID]
    created_at: Mapped[datetime] = stamp()


class TextKeyword(Base):
    """STOP, START or HELP as it came in, one row a message of the vendor's. Insert only."""

    __tablename__ = "text_keyword"
    __table_args__ = (
        Index("ix_text_keyword_phone", "phone_hash", "recorded_at"),
        CheckConstraint("keyword IN ('stop', 'start', 'help')", name="keyword"),
        {"schema": COMPLIANCE},
    )

    message_id: Mapped[str] = mapped_column(primary_key=True)
    phone_hash: Mapped[str]
    keyword: Mapped[str]
    recorded_at: Mapped[datetime] = stamp()
