"""Jobs as people look at them; the durable truth is core.workflow."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, choice, counter, key, number, refers, stamp, words
from shared.schemas.enums import EnrichmentType, JobStatus, JobTrigger, ScrapingJobType


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
    """One search for contact data. Owner: enricher. enrichment_data holds no plain personal data."""

    __tablename__ = "enrichment_jobs"
    __table_args__ = (
        Index("idx_enrichment_jobs_lead", "base_lead_id"),
        Index("idx_enrichment_jobs_created", text("created_at DESC")),
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
