"""What reviewers said, how often the models were right, and how far they have drifted."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, between, choice, key, number, refers, stamp, words
from shared.schemas.enums import ImageDomain, RoofCondition
from shared.schemas.review_enums import ComparisonOrigin, DriftVerdict, ReviewVerdict


class Review(Base):
    """One person's opinion on one task; taken back while `undone_at` is set. Owner: ml_inference."""

    __tablename__ = "reviews"
    __table_args__ = (
        Index("idx_reviews_reviewer", "reviewer_id", "created_at"),
        Index(
            "uq_reviews_opinion",
            "task_id",
            "reviewer_id",
            unique=True,
            postgresql_where=text("undone_at IS NULL"),
        ),
        CheckConstraint("verdict = 'rejected' OR condition IS NOT NULL", name="approved_names_a_condition"),
    )

    id: Mapped[UUID] = key()
    task_id: Mapped[UUID] = refers("validation_tasks.id", on_delete="CASCADE")
    reviewer_id: Mapped[UUID | None] = refers("users.id", on_delete="SET NULL")
    verdict: Mapped[ReviewVerdict] = choice("verdict", ReviewVerdict, length=20)
    condition: Mapped[RoofCondition | None] = choice("condition", RoofCondition, length=50)
    corrections: Mapped[dict[str, Any] | None]
    notes: Mapped[str | None]
    seconds_spent: Mapped[int | None]
    undone_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = stamp()


class ConditionComparison(Base):
    """An analysis beside the truth; `truth` is NULL where it was rejected altogether. Owner: ml_inference."""

    __tablename__ = "condition_comparisons"
    __table_args__ = (
        UniqueConstraint("roof_analysis_id", "origin"),
        Index("idx_condition_comparisons_domain", "image_domain", "weights"),
        between("confidence", 0, 1),
    )

    id: Mapped[UUID] = key()
    roof_analysis_id: Mapped[UUID] = refers("roof_analysis.id", on_delete="CASCADE")
    image_domain: Mapped[ImageDomain] = choice("image_domain", ImageDomain, length=20)
    weights: Mapped[str]
    origin: Mapped[ComparisonOrigin] = choice("origin", ComparisonOrigin, length=20)
    said: Mapped[RoofCondition] = choice("said", RoofCondition, length=50)
    truth: Mapped[RoofCondition | None] = choice("truth", RoofCondition, length=50)
    confidence: Mapped[Decimal] = mapped_column(number(5, 4))
    compared_at: Mapped[datetime] = stamp()


class DriftMeasurement(Base):
    """How far one monitor lay from its reference on one day. Owner: ml_inference."""

    __tablename__ = "drift_measurements"
    __table_args__ = (
        Index("idx_drift_measurements_newest", "monitor", "image_domain", text("measured_at DESC")),
    )

    id: Mapped[UUID] = key()
    monitor: Mapped[str] = mapped_column(words(50))
    image_domain: Mapped[ImageDomain] = choice("image_domain", ImageDomain, length=20)
    reference: Mapped[str]
    reference_n: Mapped[int]
    window_n: Mapped[int]
    window_from: Mapped[datetime]
    psi: Mapped[Decimal | None] = mapped_column(number(8, 4))
    ks: Mapped[Decimal | None] = mapped_column(number(5, 4))
    share: Mapped[Decimal | None] = mapped_column(number(5, 4))
    verdict: Mapped[DriftVerdict] = choice("verdict", DriftVerdict, length=20)
    measured_at: Mapped[datetime] = stamp()
