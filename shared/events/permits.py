"""What happens to permits and parcels."""

from __future__ import annotations

from uuid import UUID

from shared.events.base import Event


class PermitScraped(Event):
    """Permits of a city, or of a county and another trade, that we had not seen were stored."""

    name = "permit.scraped"
    city_id: UUID | None = None
    stored: int
    updated: int
    newest_issued_on: str | None = None
    vertical: str = "roofing"
    county_id: UUID | None = None


class PropertyScraped(Event):
    """An assessor's facts about a property were stored."""

    name = "property.scraped"
    base_lead_id: UUID
    found: bool
