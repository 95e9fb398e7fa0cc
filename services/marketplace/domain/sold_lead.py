"""What a buyer knows of a lead after paying for it."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from services.marketplace.domain.preview import SOURCE_NOTICE
from services.marketplace.domain.speed import Speed
from shared.schemas.enums import (
    Grade,
    ImageType,
    LeadClass,
    PublishLabel,
    RoofAgeEvidence,
    SaleStatus,
    TriggerType,
    ViewAngle,
)

PERSON_FIELDS: Final = ("owner_name", "owner_email", "owner_phone", "mailing_address")
"""What is sealed until the sale and may still be masked after it."""


class View(BaseModel):
    """An answer that holds its fields and nothing else."""

    model_config = ConfigDict(extra="forbid")


class OwnedLead(View):
    """A lead in the list of what a buyer has bought."""

    id: UUID
    sale_id: UUID
    status: SaleStatus
    price: Decimal
    charged_at: datetime | None
    revealed_at: datetime | None
    address: str
    city: str
    state: str
    zip: str | None
    quality_score: int | None
    grade: Grade | None
    publish_label: PublishLabel | None
    speed: Speed


class Origin(View):
    """Where a field comes from."""

    field: str
    source: str
    date: datetime
    confidence: float | None
    licence: str | None


class LeadTrigger(View):
    """Why the roof needs a look now; for a storm also who reported it, and since when we know."""

    type: TriggerType
    date: datetime | None
    strength: int | None
    details: dict[str, Any] | None
    source: str | None = None
    reported_at: datetime | None = None
    reports: int = 1
    """How many reports of one storm this stands for, itself the strongest."""

    def origin(self) -> Origin | None:
        """Where a storm's figures come from."""
        if self.source is None or self.reported_at is None:
            return None
        return Origin(
            field=self.type, source=self.source, date=self.reported_at, confidence=None, licence=None
        )


class LeadImage(View):
    """A picture of the house."""

    type: ImageType
    angle: ViewAngle
    captured_on: date | None
    key: str | None
    source: str | None


class FieldSource(View):
    """Where a field comes from."""

    field: str
    source: str
    fetched_at: datetime
    confidence: float | None


class SoldLead(View):
    """Everything about a bought lead, the person in it as far as the law lets us show it."""

    owned: Literal[True] = True
    id: UUID
    sale_id: UUID
    price_paid: Decimal
    charged_at: datetime | None
    address: str
    unit: str | None
    city: str
    state: str
    zip: str | None
    county: str | None
    apn: str | None
    lat: Decimal | None
    lng: Decimal | None
    property_value: Decimal | None
    year_built: int | None
    sqft: int | None
    lot_size: Decimal | None
    beds: int | None
    baths: Decimal | None
    property_type: str | None
    owner_occupied: bool | None
    owner_name: str | None
    owner_email: str | None
    owner_email_confidence: Decimal | None
    owner_email_source: str | None
    owner_email_verified: bool
    owner_phone: str | None
    owner_phone_verified: bool
    mailing_address: str | None
    last_sale_on: date | None
    last_sale_price: Decimal | None
    quality_score: int | None
    grade: Grade | None
    score_breakdown: dict[str, Any] | None
    publish_label: PublishLabel | None
    lead_class: LeadClass
    confidence: Decimal | None
    roof_installed_on: date | None
    roof_age_low: int | None
    roof_age_mid: int | None
    roof_age_high: int | None
    roof_age_evidence: RoofAgeEvidence | None
    prospect_reason: list[str]
    roof_analysis: dict[str, Any] | None
    triggers: list[LeadTrigger]
    images: list[LeadImage]
    provenance: list[FieldSource]
    masked: dict[str, list[str]]
    notice: str = SOURCE_NOTICE
