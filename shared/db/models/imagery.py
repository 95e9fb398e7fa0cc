"""Pictures of houses and what the models made of them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import (
    Base,
    between,
    choice,
    choices,
    key,
    number,
    refers,
    stamp,
    starts_false,
    starts_true,
    words,
)
from shared.schemas.enums import (
    DamageType,
    ImageDomain,
    ImageLevel,
    ImageType,
    JobStatus,
    ModelType,
    RoofCondition,
    RoofType,
    ValidationStatus,
    ValidationTaskState,
    ViewAngle,
)


class PropertyImage(Base):
    """One picture of a house, with the licence it is held under. Owner: image_processor.

    A picture that its vendor alone may show has no key in the store: `original_url` is its address without our key.
    """

    __tablename__ = "property_images"
    __table_args__ = (
        Index(
            "uq_property_images_view",
            "base_lead_id",
            "image_type",
            "view_angle",
            "source",
            "capture_date",
            "level",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text("variant IS NULL"),
        ),
        Index(
            "uq_property_images_made",
            "parent_image_id",
            "variant",
            unique=True,
            postgresql_where=text("parent_image_id IS NOT NULL"),
        ),
        CheckConstraint("(variant IS NULL) = (image_type IN ('satellite', 'street_view'))", name="variant"),
        Index("idx_property_images_lead", "base_lead_id"),
        Index("idx_property_images_type", "image_type"),
        Index("idx_property_images_parent", "parent_image_id"),
        between("quality_score", 0, 100),
        between("heading", 0, 360),
    )

    id: Mapped[UUID] = key()
    base_lead_id: Mapped[UUID] = refers("base_leads.id", on_delete="CASCADE")
    image_type: Mapped[ImageType] = choice("image_type", ImageType, length=50)
    view_angle: Mapped[ViewAngle] = choice("view_angle", ViewAngle, length=50)
    original_url: Mapped[str | None]
    s3_url: Mapped[str | None]
    s3_key: Mapped[str | None]
    s3_bucket: Mapped[str | None] = mapped_column(words(100))
    capture_date: Mapped[date | None]
    image_width: Mapped[int | None]
    image_height: Mapped[int | None]
    file_size_bytes: Mapped[int | None]
    format: Mapped[str | None] = mapped_column(words(10))
    quality_score: Mapped[int | None]
    usable_for_analysis: Mapped[bool] = starts_true()
    processed: Mapped[bool] = starts_false()
    processed_at: Mapped[datetime | None]
    processing_config: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = stamp()

    source: Mapped[str] = mapped_column(words(100))
    licence_id: Mapped[str] = mapped_column(words(100))
    gsd_m: Mapped[Decimal | None] = mapped_column(number(8, 4))
    heading: Mapped[Decimal | None] = mapped_column(number(5, 2))
    image_domain: Mapped[ImageDomain] = choice("image_domain", ImageDomain, length=20)
    sha256: Mapped[str | None]
    parent_image_id: Mapped[UUID | None] = refers("property_images.id", on_delete="SET NULL")
    variant: Mapped[str | None] = mapped_column(words(40))
    """What a picture made of another is: standard, a damage view, an enlargement; NULL for a fetched one."""
    level: Mapped[ImageLevel] = choice("level", ImageLevel, length=10, default=ImageLevel.ROOF)


class RoofAnalysis(Base):
    """What the models say about one roof; the newest is current, older ones stay. Owner: ml_inference."""

    __tablename__ = "roof_analysis"
    __table_args__ = (
        Index("idx_roof_analysis_lead", "base_lead_id"),
        Index("idx_roof_analysis_condition", "overall_condition"),
        Index("idx_roof_analysis_confidence", text("confidence_score DESC")),
        Index(
            "uq_roof_analysis_current",
            "base_lead_id",
            unique=True,
            postgresql_include=["overall_condition", "urgency"],
            postgresql_where=text("is_current"),
        ),
        between("confidence_score", 0, 100),
        between("validation_confidence", 0, 100),
        between("calibrated_confidence", 0, 1),
        between("condition_index", 0, 100),
        between("urgency", 0, 100),
    )

    id: Mapped[UUID] = key()
    base_lead_id: Mapped[UUID] = refers("base_leads.id", on_delete="CASCADE")
    overall_condition: Mapped[RoofCondition | None] = choice("overall_condition", RoofCondition, length=50)
    confidence_score: Mapped[Decimal | None] = mapped_column(number(5, 2))
    damage_detected: Mapped[bool | None]
    damage_types: Mapped[list[str] | None] = choices("damage_types", DamageType)
    damage_severity: Mapped[dict[str, Any] | None]
    damage_locations: Mapped[list[dict[str, Any]] | None]
    damage_areas_sqft: Mapped[dict[str, Any] | None]
    roof_sqft: Mapped[int | None]
    roof_pitch: Mapped[str | None] = mapped_column(words(50))
    roof_type: Mapped[RoofType | None] = choice("roof_type", RoofType, length=50)
    estimated_age: Mapped[int | None]
    estimated_remaining_life: Mapped[int | None]
    repair_cost_low: Mapped[Decimal | None] = mapped_column(number(10, 2))
    repair_cost_high: Mapped[Decimal | None] = mapped_column(number(10, 2))
    replacement_cost_low: Mapped[Decimal | None] = mapped_column(number(10, 2))
    replacement_cost_high: Mapped[Decimal | None] = mapped_column(number(10, 2))
    roi_for_replacement: Mapped[Decimal | None] = mapped_column(number(5, 2))
    classifier_model: Mapped[str | None] = mapped_column(words(100))
    classifier_version: Mapped[str | None] = mapped_column(words(50))
    detector_model: Mapped[str | None] = mapped_column(words(100))
    detector_version: Mapped[str | None] = mapped_column(words(50))
    segmentor_model: Mapped[str | None] = mapped_column(words(100))
    segmentor_version: Mapped[str | None] = mapped_column(words(50))
    validation_status: Mapped[ValidationStatus | None] = choice(
        "validation_status", ValidationStatus, length=50
    )
    validation_confidence: Mapped[Decimal | None] = mapped_column(number(5, 2))
    human_validated: Mapped[bool] = starts_false()
    human_validator_id: Mapped[UUID | None]
    validation_notes: Mapped[str | None]
    validation_date: Mapped[datetime | None]
    analyzed_at: Mapped[datetime] = stamp()
    created_at: Mapped[datetime] = stamp()

    workflow_id: Mapped[UUID | None] = mapped_column(Uuid())
    image_domain: Mapped[ImageDomain] = choice("image_domain", ImageDomain, length=20)
    calibrated_confidence: Mapped[Decimal | None] = mapped_column(number(5, 4))
    class_probabilities: Mapped[dict[str, Any] | None]
    classifier_sha256: Mapped[str | None]
    is_current: Mapped[bool] = starts_true()
    condition_index: Mapped[Decimal | None] = mapped_column(number(5, 2))
    urgency: Mapped[int | None]
    evidence: Mapped[dict[str, Any] | None]
    validation_evidence: Mapped[dict[str, Any] | None]


class MlInferenceJob(Base):
    """One run of one model over one picture. Owner: ml_inference."""

    __tablename__ = "ml_inference_jobs"
    __table_args__ = (
        Index("idx_ml_inference_jobs_lead", "base_lead_id"),
        Index("idx_ml_inference_jobs_image", "property_image_id"),
        Index("idx_ml_inference_jobs_created", text("created_at DESC")),
        Index(
            "uq_ml_inference_jobs_picture", "property_image_id", "model_type", "model_version", unique=True
        ),
    )

    id: Mapped[UUID] = key()
    base_lead_id: Mapped[UUID | None] = refers("base_leads.id", on_delete="CASCADE")
    property_image_id: Mapped[UUID | None] = refers("property_images.id", on_delete="CASCADE")
    model_type: Mapped[ModelType] = choice("model_type", ModelType, length=50)
    model_name: Mapped[str | None] = mapped_column(words(100))
    model_version: Mapped[str | None] = mapped_column(words(50))
    status: Mapped[JobStatus] = choice("status", JobStatus, length=50, default=JobStatus.PENDING)
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    duration_seconds: Mapped[int | None]
    gpu_used: Mapped[bool | None]
    gpu_id: Mapped[int | None]
    memory_used_mb: Mapped[int | None]
    inference_results: Mapped[dict[str, Any] | None]
    confidence_score: Mapped[Decimal | None] = mapped_column(number(5, 2))
    error_message: Mapped[str | None]
    created_at: Mapped[datetime] = stamp()

    image_sha256: Mapped[str | None]


class ValidationTask(Base):
    """An analysis that waits for a person; open until its workflow goes on. Owner: ml_inference."""

    __tablename__ = "validation_tasks"
    __table_args__ = (
        Index("idx_validation_tasks_analysis", "roof_analysis_id"),
        Index("idx_validation_tasks_lead", "base_lead_id"),
        Index("idx_validation_tasks_assignee", "assignee_id"),
        Index("idx_validation_tasks_open", "due_at", postgresql_where=text("state = 'open'")),
        Index(
            "uq_validation_tasks_open", "base_lead_id", unique=True, postgresql_where=text("state = 'open'")
        ),
        between("wanted_reviews", 1, 3),
    )

    id: Mapped[UUID] = key()
    base_lead_id: Mapped[UUID] = refers("base_leads.id", on_delete="CASCADE")
    roof_analysis_id: Mapped[UUID | None] = refers("roof_analysis.id", on_delete="CASCADE")
    workflow_id: Mapped[UUID | None] = mapped_column(Uuid())
    reasons: Mapped[list[str]] = mapped_column(server_default=text("'{}'::text[]"))
    state: Mapped[ValidationTaskState] = choice(
        "state", ValidationTaskState, length=20, default=ValidationTaskState.OPEN
    )
    assignee_id: Mapped[UUID | None] = refers("users.id", on_delete="SET NULL")
    decision: Mapped[dict[str, Any] | None]
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    notes: Mapped[str | None]
    due_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = stamp()
    updated_at: Mapped[datetime] = stamp()

    claimed_at: Mapped[datetime | None]
    claimed_until: Mapped[datetime | None]
    wanted_reviews: Mapped[int] = mapped_column(server_default=text("1"))


class Model(Base):
    """A trained model we can serve, with its measured figures. Owner: ml_inference."""

    __tablename__ = "models"
    __table_args__ = (
        UniqueConstraint("name", "version"),
        Index(
            "uq_models_active",
            "model_type",
            "image_domain",
            unique=True,
            postgresql_where=text("active"),
        ),
    )

    id: Mapped[UUID] = key()
    name: Mapped[str] = mapped_column(words(100))
    version: Mapped[str] = mapped_column(words(50))
    model_type: Mapped[ModelType] = choice("model_type", ModelType, length=50)
    image_domain: Mapped[ImageDomain] = choice("image_domain", ImageDomain, length=20)
    sha256: Mapped[str]
    path: Mapped[str]
    metrics: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    calibration: Mapped[dict[str, Any] | None]
    training_data: Mapped[dict[str, Any] | None]
    licence: Mapped[str | None]
    active: Mapped[bool] = starts_false()
    activated_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = stamp()
    updated_at: Mapped[datetime] = stamp()
