"""A lead as the people who run the platform see it: the house and why it is a lead, never the person in it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from services.marketplace.domain.sold_lead import LeadTrigger, Origin
from shared.schemas.enums import (
    Grade,
    LeadClass,
    LeadStatus,
    PublishLabel,
    RoofAgeEvidence,
    RoofMaterial,
)
from shared.schemas.roof_analysis import RoofAnalysisView


class View(BaseModel):
    """An answer that holds its fields and nothing else."""

    model_config = ConfigDict(extra="forbid")


class ScoreFactor(View):
    """Points of one factor out of its maximum, and the fact they rest on."""

    name: str
    points: int
    maximum: int
    basis: str


class DeskSummary(View):
    """A lead in the desk's list."""

    id: UUID
    address: str
    city: str
    state: str
    status: LeadStatus
    status_reason: str | None
    quality_score: int | None
    grade: Grade | None
    price: Decimal | None
    publish_label: PublishLabel | None
    prospect_reason: list[str]
    sandbox: bool
    created_at: datetime


class DeskPage(View):
    """A page of leads, best first; `next_after` continues it."""

    items: list[DeskSummary]
    next_after: str | None


class DeskLead(DeskSummary):
    """Everything about a lead but its people."""

    unit: str | None
    zip: str | None
    county: str | None
    apn: str | None
    time_zone: str
    lead_class: LeadClass
    property_value: Decimal | None
    year_built: int | None
    sqft: int | None
    lot_size: Decimal | None
    beds: int | None
    baths: Decimal | None
    property_type: str | None
    owner_occupied: bool | None
    last_sale_on: date | None
    last_sale_price: Decimal | None
    confidence: Decimal | None
    review_reason: str | None
    roof_installed_on: date | None
    roof_age_low: int | None
    roof_age_mid: int | None
    roof_age_high: int | None
    roof_age_evidence: RoofAgeEvidence | None
    roof_material: RoofMaterial | None
    available_until: datetime | None
    held: list[str]
    """Of the person only which fields we hold."""
    score: list[ScoreFactor]
    triggers: list[LeadTrigger]
    origins: dict[str, Origin]
    analysis: RoofAnalysisView | None = None
    analysis_missing: str | None = None
    """Why there is no analysis to show."""


def score_factors(breakdown: dict[str, Any] | None) -> list[ScoreFactor]:
    """The stored explanation of a score as factors, the weightiest first."""
    factors = [
        ScoreFactor(name=name, points=part["points"], maximum=part["max"], basis=str(part["basis"]))
        for name, part in (breakdown or {}).items()
    ]
    return sorted(factors, key=lambda factor: (-factor.maximum, factor.name))


def origins_by_field(origins: Sequence[dict[str, Any]]) -> dict[str, Origin]:
    """The origin of each field."""
    return {row["field"]: Origin(**row) for row in origins}
