"""Jobs as people look at them; the durable truth is core.workflow. Those of the scraper are the view scraping_jobs."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, choice, counter, key, number, refers, stamp, words
from shared.schemas.enums import EnrichmentType, JobStatus


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
