"""What operators and buyers see of privacy requests."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from shared.schemas.privacy_enums import IdentityProof, PrivacyKind, PrivacySource, PrivacyStatus


class PrivacyRequestView(BaseModel):
    """A request without its person; `outcome` counts the rows that an erasure changed."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    reference: str
    kind: PrivacyKind
    status: PrivacyStatus
    gpc: bool
    state: str
    received_at: datetime
    acknowledged_at: datetime
    due_at: datetime
    extended_at: datetime | None
    decision_note: str | None
    decided_at: datetime | None
    closed_at: datetime | None
    outcome: dict[str, int]
    identity_proof: IdentityProof | None
    source: PrivacySource
    notices: int
    unacknowledged: int


class PrivacyPerson(BaseModel):
    """Who asks and what they wrote."""

    name: str
    street: str
    city: str
    state: str
    zip: str
    address_key: str
    email: str | None
    phone: str | None
    message: str | None


class PrivacyNoticeView(BaseModel):
    """A sale whose person a buyer must stop using and delete."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    sale_id: UUID | None
    aged_sale_id: UUID | None
    created_at: datetime
    acknowledged_at: datetime | None
