"""What happens to leads."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from shared.events.base import Event


class LeadCreated(Event):
    """A parcel became a prospect: a lead in processing."""

    name = "lead.created"
    base_lead_id: UUID
    city_id: UUID


class EnrichmentCompleted(Event):
    """Contact finding for a lead ended, with or without a find."""

    name = "enrichment.completed"
    base_lead_id: UUID
    email_found: bool


class ImagesProcessed(Event):
    """A lead's images are stored, standardised and graded."""

    name = "images.processed"
    base_lead_id: UUID
    usable: int


class MlInferenceCompleted(Event):
    """A lead's roof was analysed."""

    name = "ml_inference.completed"
    base_lead_id: UUID
    condition: str
    confidence: float


class LeadScored(Event):
    """A lead has a score and, from 60 points, a price."""

    name = "lead.scored"
    base_lead_id: UUID
    score: int
    grade: str | None


class LeadPublished(Event):
    """A lead is on sale."""

    name = "lead.published"
    base_lead_id: UUID
    city_id: UUID | None
    label: str | None


class TerritoryChanged(Event):
    """A place was given to one buyer alone or came back to all; the leads in it have another price."""

    name = "lead.territory_changed"
    territory_id: UUID
    city_id: UUID


class LeadSold(Event):
    """A lead was charged and belongs to one buyer."""

    name = "lead.sold"
    base_lead_id: UUID
    sale_id: UUID
    contractor_id: UUID


class SoldLeadStruck(Event):
    """A storm struck the house of a sold lead."""

    name = "lead.sold_struck"
    base_lead_id: UUID
    event_type: str
    struck_on: date
    distance_miles: float
    source: str
