"""Jobs as people look at them; the durable truth is core.workflow. Those of the scraper are the view scraping_jobs."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import (
    Base,
    between,
    choice,
    counter,
    key,
    number,
    refers,
    stamp,
    subject,
    words,
)
from shared.schemas.enums import EnrichmentType, JobStatus, MatchLevel


class EnrichmentJob(Base):
    """One search for contact data. Owner: enricher. enrichment_data holds no plain personal data.

    sealed_answer is what a request on demand was told, ciphertext bound to subject_id; person_hash finds the person again.
    """

    __tablename__ = "enrichment_jobs"
    __table_args__ = (
        Index("idx_enrichment_jobs_lead", "base_lead_id"),
        Index("idx_enrichment_jobs_created", text("created_at DESC")),
        Index("idx_enrichment_jobs_person", "person_hash", postgresql_where=text("person_hash IS NOT NULL")),
        Index("idx_enrichment_jobs_subject", "subject_id", postgresql_where=text("subject_id IS NOT NULL")),
    )

    id: Mapped[UUID] = key()
    base_lead_id: Mapped[UUID | None] = refers("base_leads.id", on_delete="CASCADE")
    enrichment_type: Mapped[EnrichmentType] = choice("enrichment_type", EnrichmentType, length=50)
    status: Mapped[JobStatus] = choice("status", JobStatus, length=50, default=JobStatus.PENDING)
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    data_found: Mapped[bool | None]
    confidence_score: Mapped[Decimal | None] = mapped_column(number(5, 2))
    cost: Mapped[Decimal | None] = mapped_column(number(10, 4))
    api_calls_made: Mapped[int] = counter()
    sources_tried: Mapped[list[str] | None]
    successful_source: Mapped[str | None] = mapped_column(words(100))
    enrichment_data: Mapped[dict[str, Any] | None]
    error_message: Mapped[str | None]
    created_at: Mapped[datetime] = stamp()

    workflow_id: Mapped[UUID | None] = mapped_column(Uuid())
    subject_id: Mapped[UUID | None] = subject()
    person_hash: Mapped[str | None]
    sealed_answer: Mapped[str | None]


class Geocode(Base):
    """Where an address lies by a geocoder's word, and which addresses it does not know. Owner: enricher."""

    __tablename__ = "geocodes"
    __table_args__ = (
        UniqueConstraint("state", "address_key"),
        CheckConstraint("(match_level = 'none') = (lat IS NULL)", name="found_has_a_point"),
        between("confidence", 0, 1),
    )

    id: Mapped[UUID] = key()
    state: Mapped[str] = mapped_column(words(2))
    address_key: Mapped[str]
    match_level: Mapped[MatchLevel] = choice("match_level", MatchLevel, length=20)
    accuracy: Mapped[str | None] = mapped_column(words(20))
    confidence: Mapped[Decimal] = mapped_column(number(3, 2))
    lat: Mapped[Decimal | None] = mapped_column(number(10, 8))
    lng: Mapped[Decimal | None] = mapped_column(number(11, 8))
    matched_address: Mapped[str | None]
    zip: Mapped[str | None] = mapped_column(words(10))
    time_zone: Mapped[str | None] = mapped_column(words(64))
    source: Mapped[str] = mapped_column(words(100))
    fetched_at: Mapped[datetime] = stamp()
