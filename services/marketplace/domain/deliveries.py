"""What a buyer's own system is told of a bought lead, and when it is told again."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel

from services.marketplace.domain.aged_export import harmless
from services.marketplace.domain.sold_lead import SoldLead
from shared.schemas.delivery_enums import DeliveryKind, DeliveryStatus

FieldMap = Mapping[str, str]
Record = Mapping[str, str | None]

RETRY_SECONDS: Final = (10.0, 60.0, 300.0, 1800.0, 7200.0)
"""Waits after the first, second ... sending that may yet be taken; after the last one the delivery has failed."""
SOURCE: Final = "Ridgeline"
PHONE_FIELD: Final = "owner_phone"


class DestinationView(BaseModel):
    """Where a buyer's leads go; `secret` is there only in the answer that made it."""

    kind: DeliveryKind
    field_map: str
    address: str
    secret: str | None = None
    updated_at: datetime


class AttemptView(BaseModel):
    """One sending and what came of it."""

    at: datetime
    result: str
    http_status: int | None
    duration_ms: int


class DeliveryView(BaseModel):
    """How a lead stands with a buyer's own system; attempts oldest first."""

    id: UUID
    sale_id: UUID
    address: str
    """Of the house."""
    kind: DeliveryKind
    status: DeliveryStatus
    external_ref: str | None
    error: str | None
    delivered_at: datetime | None
    created_at: datetime
    attempts: list[AttemptView]


class DestinationTest(BaseModel):
    """What a buyer's place made of a message without a lead, in words."""

    works: bool
    words: str


def words_of_test(status: int) -> DestinationTest:
    """What the status says with which an address answered a test."""
    works = 200 <= status < 300
    later = "; leads would be sent again for some hours" if may_take_later(status) else ""
    words = f"It answered {status}{later}." if not works else f"It answered {status}: leads would arrive."
    return DestinationTest(works=works, words=words)


def retry_wait(attempt: int) -> float | None:
    """Seconds until the next sending after this one, from 1; None after the last."""
    return RETRY_SECONDS[attempt - 1] if attempt <= len(RETRY_SECONDS) else None


def may_take_later(status: int) -> bool:
    """Whether a receiver that answered this may take the same lead another time."""
    return status >= 500 or status in {408, 425, 429}


def record_of(lead: SoldLead) -> Record:
    """The lead as flat text, every field there and what is unknown or hidden empty."""
    facts: dict[str, Any] = {
        "sale_id": lead.sale_id,
        "lead_id": lead.id,
        "owner_name": lead.owner_name,
        "owner_phone": lead.owner_phone,
        "owner_email": lead.owner_email,
        "address": lead.address,
        "unit": lead.unit,
        "city": lead.city,
        "state": lead.state,
        "zip": lead.zip,
        "county": lead.county,
        "mailing_address": lead.mailing_address,
        "property_type": lead.property_type,
        "year_built": lead.year_built,
        "sqft": lead.sqft,
        "roof_age_years": lead.roof_age_mid,
        "grade": lead.grade,
        "quality_score": lead.quality_score,
        "lead_class": lead.lead_class,
        "price_paid": lead.price_paid,
        "bought_at": lead.charged_at.isoformat() if lead.charged_at else None,
        "source": SOURCE,
        "notice": lead.notice,
    }
    return {name: None if value is None else str(value) for name, value in facts.items()}


def mapped(record: Record, field_map: FieldMap) -> dict[str, str | None]:
    """The record by the receiver's names."""
    return {theirs: record[ours] for ours, theirs in field_map.items()}


def write_csv(records: Iterable[Record], field_map: FieldMap) -> str:
    """The records as a CSV file by the receiver's names; no cell is a formula, phones stay as they are."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(field_map.values())
    for record in records:
        writer.writerow([_cell(name, record[name] or "") for name in field_map])
    return out.getvalue()


def _cell(name: str, value: str) -> str:
    return harmless("phone" if name == PHONE_FIELD else name, value)
