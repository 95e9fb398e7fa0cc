"""What homeowners ask of us that others must act on."""

from __future__ import annotations

from uuid import UUID

from shared.events.base import Event


class SoldPersonWithdrew(Event):
    """A homeowner whose data a buyer has wants them no longer used; one of the two sales is named."""

    name = "privacy.sold_person_withdrew"
    privacy_request_id: UUID
    contractor_id: UUID
    sale_id: UUID | None = None
    aged_sale_id: UUID | None = None
