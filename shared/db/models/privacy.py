"""What people ask about their own data, and what follows from it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import FALSE, Base, between, choice, counter, key, refers, stamp, subject, words
from shared.schemas.privacy_enums import IdentityProof, PrivacyKind, PrivacySource, PrivacyStatus


class PrivacyRequest(Base):
    """A person's request. Owner: marketplace.

    `person` is ciphertext bound to subject_id and goes with an erasure; what is left is the proof of it.
    """

    __tablename__ = "privacy_requests"
    __table_args__ = (
        Index("idx_privacy_requests_open", "due_at", postgresql_where=text("closed_at IS NULL")),
        Index("idx_privacy_requests_newest", "received_at", "id"),
        Index("idx_privacy_requests_subject", "subject_id"),
        Index("idx_privacy_requests_decided_user", "decided_user_id"),
        Index("idx_privacy_requests_suppression_keys", "suppression_keys", postgresql_using="gin"),
        Index("idx_privacy_requests_drop", "drop_ref", postgresql_where=text("source = 'drop'")),
        CheckConstraint("drop_ref IS NULL OR source = 'drop'", name="drop_ref_of_drop"),
        CheckConstraint("due_at > received_at", name="due_later"),
        CheckConstraint(
            "(closed_at IS NOT NULL) = (status IN ('carried_out', 'refused'))", name="closed_when_ended"
        ),
    )

    id: Mapped[UUID] = key()
    reference: Mapped[str] = mapped_column(words(20), unique=True)
    kind: Mapped[PrivacyKind] = choice("kind", PrivacyKind, length=20)
    status: Mapped[PrivacyStatus] = choice("status", PrivacyStatus, length=20, default=PrivacyStatus.RECEIVED)
    gpc: Mapped[bool] = mapped_column(server_default=FALSE)
    subject_id: Mapped[UUID] = subject()
    person: Mapped[str | None]
    suppression_keys: Mapped[list[str]] = mapped_column(server_default=text("'{}'::text[]"))
    state: Mapped[str] = mapped_column(words(2))
    received_at: Mapped[datetime] = stamp()
    acknowledged_at: Mapped[datetime]
    due_at: Mapped[datetime]
    extended_at: Mapped[datetime | None]
    decided_user_id: Mapped[UUID | None] = refers("users.id", on_delete="SET NULL")
    decision_note: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    outcome: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    updated_at: Mapped[datetime] = stamp()
    identity_proof: Mapped[IdentityProof | None] = choice("identity_proof", IdentityProof, length=20)
    source: Mapped[PrivacySource] = choice("source", PrivacySource, length=20, default=PrivacySource.PERSON)
    drop_ref: Mapped[str | None]


class PrivacySubject(Base):
    """A person whose key a request's erasure destroyed. Owner: marketplace."""

    __tablename__ = "privacy_subjects"
    __table_args__ = (Index("idx_privacy_subjects_subject", "subject_id"),)

    privacy_request_id: Mapped[UUID] = mapped_column(
        Uuid(), ForeignKey("privacy_requests.id", ondelete="CASCADE"), primary_key=True
    )
    subject_id: Mapped[UUID] = mapped_column(
        Uuid(), ForeignKey("compliance.subject_key.subject_id"), primary_key=True
    )


class PrivacyNotice(Base):
    """What a buyer was told to stop using and delete. Owner: marketplace."""

    __tablename__ = "privacy_notices"
    __table_args__ = (
        Index("idx_privacy_notices_contractor", "contractor_id", "created_at"),
        Index("idx_privacy_notices_sale", "sale_id"),
        Index("idx_privacy_notices_aged_sale", "aged_sale_id"),
        UniqueConstraint("privacy_request_id", "sale_id"),
        UniqueConstraint("privacy_request_id", "aged_sale_id"),
        CheckConstraint("num_nonnulls(sale_id, aged_sale_id) = 1", name="one_sale"),
    )

    id: Mapped[UUID] = key()
    privacy_request_id: Mapped[UUID] = refers("privacy_requests.id", on_delete="RESTRICT")
    contractor_id: Mapped[UUID] = refers("contractors.id", on_delete="RESTRICT")
    sale_id: Mapped[UUID | None] = refers("sales.id", on_delete="RESTRICT")
    aged_sale_id: Mapped[UUID | None] = refers("aged_sales.id", on_delete="RESTRICT")
    created_at: Mapped[datetime] = stamp()
    acknowledged_at: Mapped[datetime | None]


class PrivacyCode(Base):
    """Six digits mailed to prove who asks, and the session they open. Owner: marketplace.

    `person` is the address as it was typed, ciphertext bound to subject_id; of the digits only a keyed hash is kept.
    One code of a house and address is live.
    """

    __tablename__ = "privacy_codes"
    __table_args__ = (
        Index(
            "uq_privacy_codes_live",
            "suppression_keys",
            unique=True,
            postgresql_where=text("used_at IS NULL AND withdrawn_at IS NULL"),
        ),
        Index("idx_privacy_codes_subject", "subject_id"),
        Index("idx_privacy_codes_request", "privacy_request_id"),
        Index("idx_privacy_codes_expiry", "expires_at"),
        between("tries", 0, 5),
        CheckConstraint(
            "(used_at IS NULL) = (session_until IS NULL) AND (used_at IS NULL) = (privacy_request_id IS NULL)",
            name="used_opens_a_session",
        ),
    )

    id: Mapped[UUID] = mapped_column(Uuid(), primary_key=True)
    subject_id: Mapped[UUID] = subject()
    person: Mapped[str | None]
    suppression_keys: Mapped[list[str]]
    code_hash: Mapped[str] = mapped_column(words(64))
    tries: Mapped[int] = counter()
    expires_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]
    session_until: Mapped[datetime | None]
    privacy_request_id: Mapped[UUID | None] = refers("privacy_requests.id", on_delete="RESTRICT")
    created_at: Mapped[datetime] = stamp()
