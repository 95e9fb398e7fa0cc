"""Jobs as people look at them; the durable truth is core.workflow."""

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
from shared.schemas.enums import EnrichmentType, JobStatus, JobTrigger, MatchLevel, ScrapingJobType


class ScrapingJob(Base):
    """One reading of one source. Owner: scraper."""

    __tablename__ = "scraping_jobs"
    __table_args__ = (
        Index("idx_scraping_jobs_status", "status"),
        Index("idx_scraping_jobs_city", "city", "state"),
        Index("idx_scraping_jobs_type", "job_type"),
        Index("idx_scraping_jobs_created", text("created_at DESC")),
        Index("idx_scraping_jobs_parent", "parent_job_id"),
        Index("idx_scraping_jobs_workflow", "workflow_id"),
        CheckConstraint("processed_items = succeeded_items + failed_items", name="items_add_up"),
    )

    id: Mapped[UUID] = key()
    job_type: Mapped[ScrapingJobType] = choice("job_type", ScrapingJobType, length=50)
    city: Mapped[str | None] = mapped_column(words(100))
    state: Mapped[str | None] = mapped_column(words(2))
    config: Mapped[dict[str, Any] | None]
    status: Mapped[JobStatus] = choice("status", JobStatus, length=50, default=JobStatus.PENDING)
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    duration_seconds: Mapped[int | None]
    total_items: Mapped[int] = counter()
    processed_items: Mapped[int] = counter()
    succeeded_items: Mapped[int] = counter()
    failed_items: Mapped[int] = counter()
    results: Mapped[dict[str, Any] | None]
    error_message: Mapped[str | None]
    error_stack: Mapped[str | None]
    retry_count: Mapped[int] = counter()
    max_retries: Mapped[int] = mapped_column(server_default=text("3"))
    next_retry_at: Mapped[datetime | None]
    triggered_by: Mapped[JobTrigger | None] = choice("triggered_by", JobTrigger, length=100)
    parent_job_id: Mapped[UUID | None] = refers("scraping_jobs.id", on_delete="SET NULL")
    created_at: Mapped[datetime] = stamp()

    workflow_id: Mapped[UUID | None] = mapped_column(Uuid())


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
