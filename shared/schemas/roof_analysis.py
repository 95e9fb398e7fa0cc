"""A roof's current analysis as ml_inference tells it to other services."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from shared.schemas.enums import (
    DamageType,
    ImageDomain,
    ImageLevel,
    ImageType,
    RoofCondition,
    ValidationStatus,
    ViewAngle,
)
from shared.schemas.review import ValidationEvidence
from shared.schemas.roof_evidence import RoofEvidence


class View(BaseModel):
    """An answer that does not change."""

    model_config = ConfigDict(frozen=True)


class PictureView(View):
    """A picture of the house and the terms it is shown under."""

    id: UUID
    image_type: ImageType
    view_angle: ViewAngle
    level: ImageLevel | None
    source: str
    licence_id: str
    attribution: str | None
    capture_date: date | None
    gsd_m: float | None
    width: int | None
    height: int | None


class RoofAnalysisView(View):
    """What the models and their reviewers say about one roof, and what it rests on."""

    id: UUID
    base_lead_id: UUID
    condition: RoofCondition | None
    confidence: float | None
    """Calibrated, 0..1."""
    probabilities: dict[RoofCondition, float] | None
    image_domain: ImageDomain
    damage_types: list[DamageType] | None
    roof_sqft: int | None
    roof_pitch: str | None
    estimated_age: int | None
    estimated_remaining_life: int | None
    urgency: int | None
    repair_cost_low: Decimal | None
    repair_cost_high: Decimal | None
    replacement_cost_low: Decimal | None
    replacement_cost_high: Decimal | None
    validation_status: ValidationStatus | None
    validation_date: datetime | None
    human_validated: bool
    analyzed_at: datetime
    evidence: RoofEvidence | None
    validation: ValidationEvidence | None
    pictures: list[PictureView]
