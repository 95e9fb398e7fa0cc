"""Companies, the leads they uploaded, and what became of them in their CRM."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, choice, counter, key, refers, stamp, subject, words
from shared.schemas.enums import ProcessingStatus


class CompanyProfile(Base):
    """A tenant of the reactivation manager; of its API key only the hash is kept. Owner: marketplace.

    Its owner's name, phone and e-mail are ciphertext bound to subject_id, the hashes are blind indexes.
    """

    __tablename__ = "company_profiles"
    __table_args__ = (
        UniqueConstraint("owner_email_hash"),
        UniqueConstraint("ghl_location_id"),
        UniqueConstraint("api_key_hash"),
        Index("idx_company_profiles_subject", "subject_id"),
    )

    id: Mapped[UUID] = key()
    company_name: Mapped[str] = mapped_column(words(200))
    subject_id: Mapped[UUID] = subject()
    owner_name: Mapped[str]
    owner_name_hash: Mapped[str]
    owner_phone: Mapped[str]
    owner_phone_hash: Mapped[str]
    owner_email: Mapped[str]
    owner_email_hash: Mapped[str]
    ghl_location_id: Mapped[str] = mapped_column(words(100))
    api_key_hash: Mapped[str] = mapped_column(words(64))
    created_at: Mapped[datetime] = stamp()
    updated_at: Mapped[datetime] = stamp()


class ReactivationLead(Base):
    """A person whom a company once served, each phone once a company. Owner: marketplace.

    Name, phone, e-mail and notes are ciphertext bound to subject_id, the hashes are blind indexes.
    """

    __tablename__ = "reactivation_leads"
    __table_args__ = (
        UniqueConstraint("company_id", "phone_hash", name="uq_reactivation_leads_company_id_phone_hash"),
        UniqueConstraint("id", "company_id", name="uq_reactivation_leads_id_company_id"),
        Index("idx_reactivation_leads_subject", "subject_id"),
    )

    id: Mapped[UUID] = key()
    company_id: Mapped[UUID] = refers("company_profiles.id")
    subject_id: Mapped[UUID] = subject()
    name: Mapped[str]
    phone: Mapped[str]
    phone_hash: Mapped[str]
    email: Mapped[str | None]
    email_hash: Mapped[str | None]
    notes: Mapped[str | None]
    created_at: Mapped[datetime] = stamp()


class LeadProcessingLog(Base):
    """How handing over a lead stands, one row a lead. Owner: marketplace."""

    __tablename__ = "lead_processing_logs"
    __table_args__ = (
        UniqueConstraint("lead_id"),
        CheckConstraint("status <> 'success' OR ghl_contact_id IS NOT NULL", name="success_has_contact"),
        ForeignKeyConstraint(
            ["lead_id", "company_id"],
            ["reactivation_leads.id", "reactivation_leads.company_id"],
            name="fk_lead_processing_logs_lead",
        ),
        Index("idx_lead_processing_logs_company", "company_id", "status", text("updated_at DESC")),
    )

    id: Mapped[UUID] = key()
    lead_id: Mapped[UUID] = mapped_column(Uuid())
    company_id: Mapped[UUID] = mapped_column(Uuid())
    status: Mapped[ProcessingStatus] = choice(
        "status", ProcessingStatus, length=20, default=ProcessingStatus.PENDING
    )
    worker_id: Mapped[str | None] = mapped_column(words(50))
    ghl_contact_id: Mapped[str | None] = mapped_column(words(100))
    error_message: Mapped[str | None]
    attempt_count: Mapped[int] = counter()
    created_at: Mapped[datetime] = stamp()
    updated_at: Mapped[datetime] = stamp()


class CrmConflict(Base):
    """A lead whose phone and e-mail are two contacts of the CRM; an operator says which one it is. Owner: marketplace."""

    __tablename__ = "crm_conflicts"
    __table_args__ = (
        CheckConstraint("(resolved_at IS NULL) = (contact_id IS NULL)", name="resolved"),
        ForeignKeyConstraint(
            ["lead_id", "company_id"],
            ["reactivation_leads.id", "reactivation_leads.company_id"],
            name="fk_crm_conflicts_lead",
        ),
        Index("uq_crm_conflicts_open", "lead_id", unique=True, postgresql_where=text("resolved_at IS NULL")),
    )

    id: Mapped[UUID] = key()
    lead_id: Mapped[UUID] = mapped_column(Uuid())
    company_id: Mapped[UUID] = mapped_column(Uuid())
    contact_ids: Mapped[list[str]]
    contact_id: Mapped[str | None] = mapped_column(words(100))
    resolved_at: Mapped[datetime | None]
    resolved_by: Mapped[str | None]
    created_at: Mapped[datetime] = stamp()
