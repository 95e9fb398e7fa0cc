"""A charge-back as its desk sees it, and what an event of the processor must tell of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel, Field, ValidationError

from shared.errors import InvalidInput
from shared.schemas.buyer_enums import CaseOutcome

ENDED: Final = ("won", "lost", "warning_closed")
"""Words of the processor after which a dispute changes no more."""

KEPT: Final = ("won", "warning_closed")
"""Words of the processor after which the disputed money stays with us."""

LOST: Final = "lost"
"""The processor's word for a dispute whose money the buyer's bank keeps."""


class Dispute(BaseModel):
    """What we take from a dispute of Stripe; its other fields are not ours."""

    id: str = Field(min_length=1, max_length=255)
    payment_intent: str | None = Field(None, max_length=255)
    amount: int = Field(gt=0)
    reason: str = Field("unknown", max_length=100)
    status: str = Field(max_length=50)


class CaseView(BaseModel):
    """A case; its buyer is frozen while `outcome` is empty.

    `booked_cents` is what a lost one took out of the books; `credit_taken_cents` of it were credit for the lead's return,
    which the buyer had not spent and no longer has.
    """

    id: UUID
    contractor_id: UUID
    sale_id: UUID | None
    dispute_ref: str
    charge_ref: str
    amount_cents: int
    reason: str
    processor_status: str
    booked_cents: int | None
    credit_taken_cents: int | None
    outcome: CaseOutcome | None
    note: str | None
    settled_at: datetime | None
    created_at: datetime


def read_dispute(subject: dict[str, Any]) -> Dispute:
    """The dispute of an event; InvalidInput names what is wrong with it."""
    try:
        return Dispute.model_validate(subject)
    except ValidationError as error:
        fields = ", ".join(str(fault["loc"][0]) for fault in error.errors())
        raise InvalidInput(f"This dispute cannot be read: {fields}.") from error
