"""Schema compliance: decisions, consent, suppression, sources, keys. Written only through shared."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, UniqueConstraint, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import (
    COMPLIANCE,
    FALSE,
    Base,
    choice,
    choices,
    key,
    number,
    stamp,
    starts_false,
    starts_true,
    words,
)
from shared.schemas.compliance_enums import (
    CommercialUse,
    ConsentKind,
    ConsentSource,
    ContactChannel,
    ContactPurpose,
    DecisionKind,
    RegistrationKind,
    SuppressionKind,
    SuppressionScope,
    Terms,
)

EMPTY_LIST = text("'{}'::text[]")
EMPTY_OBJECT = text("'{}'::jsonb")


class ContactDecision(Base):
    """An answer of can_contact, can_sell, can_fetch or can_use_image; insert only, chained by hash per day.

    The one change a row knows is compliance.consume_decision: consumed_at and provider_message_id go once
    from NULL to a value. The chain columns are filled at commit by a trigger.
    """

    __tablename__ = "contact_decision"
    __table_args__ = (
        Index("ix_contact_decision_chain", "chain_day", "chain_seq", unique=True),
        Index("ix_contact_decision_recipient", "recipient_hash", "consumed_at"),
        Index("ix_contact_decision_party", "party_type", "party_id", "decided_at"),
        Index("ix_contact_decision_lead", "base_lead_id"),
        Index(
            "ix_contact_decision_erasures",
            "decided_at",
            postgresql_where=text("obligations @> ARRAY['QUEUE_ERASURE']"),
        ),
        Index(
            "uq_contact_decision_use_allowed",
            "workflow_id",
            "source_key",
            "use",
            "policy_version",
            unique=True,
            postgresql_where=text("allow AND kind IN ('fetch', 'image')"),
        ),
        CheckConstraint("allow = (cardinality(reasons) = 0)", name="allow_means_no_reason"),
        CheckConstraint("allow OR consumed_at IS NULL", name="only_allowed_is_consumed"),
        CheckConstraint(
            "kind <> 'contact' OR (channel IS NOT NULL AND purpose IS NOT NULL)", name="contact_is_complete"
        ),
        {"schema": COMPLIANCE},
    )

    id: Mapped[UUID] = key()
    decided_at: Mapped[datetime] = stamp()
    kind: Mapped[DecisionKind] = choice("kind", DecisionKind, default=DecisionKind.CONTACT)
    channel: Mapped[ContactChannel | None] = choice("channel", ContactChannel)
    purpose: Mapped[ContactPurpose | None] = choice("purpose", ContactPurpose)
    party_type: Mapped[str | None]
    party_id: Mapped[UUID | None]
    recipient_hash: Mapped[str | None]
    template_id: Mapped[str | None]
    template_version: Mapped[str | None]
    content_hash: Mapped[str | None]
    touchpoint_id: Mapped[UUID | None]
    base_lead_id: Mapped[UUID | None]
    workflow_id: Mapped[UUID | None]
    source_key: Mapped[str | None]
    use: Mapped[str | None]
    allow: Mapped[bool]
    reasons: Mapped[list[str]] = mapped_column(server_default=EMPTY_LIST)
    obligations: Mapped[list[str]] = mapped_column(server_default=EMPTY_LIST)
    masked_fields: Mapped[dict[str, Any]] = mapped_column(server_default=EMPTY_OBJECT)
    evidence: Mapped[dict[str, Any]] = mapped_column(server_default=EMPTY_OBJECT)
    policy_version: Mapped[str]
    input_hash: Mapped[str]
    earliest_retry_at: Mapped[datetime | None]
    valid_until: Mapped[datetime | None]
    consumed_at: Mapped[datetime | None]
    provider_message_id: Mapped[str | None]
    chain_day: Mapped[date | None]
    chain_seq: Mapped[int | None] = mapped_column(BigInteger())
    prev_hash: Mapped[str | None]
    row_hash: Mapped[str | None]


class ConsentEvent(Base):
    """Consent given or revoked; a revocation is a new row with revoked_at. Insert only."""

    __tablename__ = "consent_event"
    __table_args__ = (
        Index("ix_consent_event_contact", "contact_hash", "recorded_at"),
        Index("ix_consent_event_party", "party_id"),
        {"schema": COMPLIANCE},
    )

    id: Mapped[UUID] = key()
    recorded_at: Mapped[datetime] = stamp()
    party_id: Mapped[UUID | None]
    contact_hash: Mapped[str]
    channel_scope: Mapped[list[str]] = choices("channel_scope", ContactChannel)
    seller: Mapped[str]
    kind: Mapped[ConsentKind] = choice("kind", ConsentKind)
    granted_at: Mapped[datetime | None]
    source: Mapped[ConsentSource] = choice("source", ConsentSource)
    evidence: Mapped[dict[str, Any]] = mapped_column(server_default=EMPTY_OBJECT)
    revoked_at: Mapped[datetime | None]
    revoked_via: Mapped[str | None]
    revocation_text: Mapped[str | None]


class Suppression(Base):
    """A contact key that must not be used; appended, superseded, never deleted. Insert only."""

    __tablename__ = "suppression"
    __table_args__ = (
        UniqueConstraint("value_hash", "kind", "scope", "reason"),
        {"schema": COMPLIANCE},
    )

    id: Mapped[UUID] = key()
    kind: Mapped[SuppressionKind] = choice("kind", SuppressionKind)
    value_hash: Mapped[str]
    scope: Mapped[SuppressionScope] = choice("scope", SuppressionScope)
    reason: Mapped[str]
    source: Mapped[str]
    expires_at: Mapped[datetime | None]
    supersedes: Mapped[UUID | None]
    details: Mapped[dict[str, Any]] = mapped_column(server_default=EMPTY_OBJECT)
    created_at: Mapped[datetime] = stamp()


class SourceRegistry(Base):
    """A host or vendor we may read, with terms, licence and pace (FE-2, FE-4, IM-1)."""

    __tablename__ = "source_registry"
    __table_args__ = (
        Index("ix_source_registry_host", "host"),
        CheckConstraint("requests_per_second > 0", name="rate_positive"),
        CheckConstraint("concurrency > 0", name="concurrency_positive"),
        {"schema": COMPLIANCE},
    )

    source_key: Mapped[str] = mapped_column(primary_key=True)
    host: Mapped[str]
    kind: Mapped[str]
    owner: Mapped[str | None]
    enabled: Mapped[bool] = starts_false()
    disabled_reason: Mapped[str | None]
    tos: Mapped[Terms] = choice("tos", Terms, default=Terms.UNKNOWN)
    tos_basis: Mapped[str | None]
    terms_url: Mapped[str | None]
    terms_hash: Mapped[str | None]
    reviewed_at: Mapped[datetime | None]
    commercial_use: Mapped[CommercialUse] = choice(
        "commercial_use", CommercialUse, default=CommercialUse.UNKNOWN
    )
    government: Mapped[bool] = starts_false()
    licence_id: Mapped[str | None]
    may_display: Mapped[bool] = starts_false()
    may_store: Mapped[bool] = starts_false()
    may_analyse: Mapped[bool] = starts_false()
    may_sell: Mapped[bool] = starts_false()
    licence_expires_on: Mapped[date | None]
    attribution: Mapped[str | None]
    requests_per_second: Mapped[Decimal] = mapped_column(number(8, 4), server_default=text("0.3333"))
    concurrency: Mapped[int] = mapped_column(server_default=text("1"))
    contact: Mapped[str | None]
    newest_row_at: Mapped[datetime | None]
    checked_at: Mapped[datetime | None]
    check_result: Mapped[dict[str, Any] | None]
    sandbox: Mapped[bool] = starts_false()
    created_at: Mapped[datetime] = stamp()
    updated_at: Mapped[datetime] = stamp()


class StatePolicy(Base):
    """The rules of one state in one version (domain/compliance.md 5)."""

    __tablename__ = "state_policy"
    __table_args__ = ({"schema": COMPLIANCE},)

    state: Mapped[str] = mapped_column(words(2), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    effective_from: Mapped[date]
    sale_enabled: Mapped[bool] = starts_true()
    ai_voice_reviewed: Mapped[bool] = starts_false()
    registration_required: Mapped[bool] = starts_false()
    broker_registration_required: Mapped[bool] = mapped_column(server_default=FALSE)
    rules: Mapped[dict[str, Any]] = mapped_column(server_default=EMPTY_OBJECT)
    created_at: Mapped[datetime] = stamp()


class StateRegistration(Base):
    """A filing with a state that a rule asks for, with its number and expiry."""

    __tablename__ = "state_registration"
    __table_args__ = (
        CheckConstraint("expires_on >= filed_on", name="period"),
        Index(
            "uq_state_registration_period",
            "state",
            "kind",
            "number",
            text("coalesce(filed_on, '-infinity'::date)"),
            unique=True,
            postgresql_where=text("withdrawn_at IS NULL"),
        ),
        {"schema": COMPLIANCE},
    )

    id: Mapped[UUID] = key()
    state: Mapped[str] = mapped_column(words(2))
    kind: Mapped[RegistrationKind] = choice("kind", RegistrationKind)
    number: Mapped[str]
    agency: Mapped[str | None]
    source_key: Mapped[str | None]
    filed_on: Mapped[date | None]
    expires_on: Mapped[date | None]
    sandbox: Mapped[bool] = starts_false()
    created_at: Mapped[datetime] = stamp()
    note: Mapped[str | None]
    recorded_by: Mapped[UUID | None]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[UUID | None]
    withdrawn_note: Mapped[str | None]


class DncImport(Base):
    """One load of a do-not-call list; its age decides whether a phone may be shown."""

    __tablename__ = "dnc_import"
    __table_args__ = (
        Index("ix_dnc_import_latest", "list_name", text("registry_version_at DESC")),
        {"schema": COMPLIANCE},
    )

    id: Mapped[UUID] = key()
    list_name: Mapped[str]
    area_codes: Mapped[list[str]] = mapped_column(server_default=EMPTY_LIST)
    registry_version_at: Mapped[datetime]
    imported_at: Mapped[datetime] = stamp()
    row_count: Mapped[int] = mapped_column(BigInteger())
    file_sha256: Mapped[str]
    sandbox: Mapped[bool] = starts_false()


class SubjectKey(Base):
    """A person's data key, wrapped; shredding it makes every ciphertext of that person noise."""

    __tablename__ = "subject_key"
    __table_args__ = (
        CheckConstraint("(wrapped_key IS NULL) = (shredded_at IS NOT NULL)", name="shredded_has_no_key"),
        {"schema": COMPLIANCE},
    )

    subject_id: Mapped[UUID] = mapped_column(Uuid(), primary_key=True)
    wrapped_key: Mapped[bytes | None] = mapped_column(LargeBinary())
    key_id: Mapped[str]
    created_at: Mapped[datetime] = stamp()
    rotated_at: Mapped[datetime | None]
    shredded_at: Mapped[datetime | None]


class Provenance(Base):
    """Where one field of one row came from; a value without it is not shown or sold (PR-13)."""

    __tablename__ = "provenance"
    __table_args__ = (
        Index("ix_provenance_source", "source"),
        {"schema": COMPLIANCE},
    )

    entity: Mapped[str] = mapped_column(primary_key=True)
    entity_id: Mapped[UUID] = mapped_column(primary_key=True)
    field: Mapped[str] = mapped_column(primary_key=True)
    source: Mapped[str]
    licence_id: Mapped[str | None]
    fetched_at: Mapped[datetime]
    confidence: Mapped[Decimal | None] = mapped_column(number(5, 4))
    purpose_allowed: Mapped[list[str]] = mapped_column(server_default=EMPTY_LIST)
