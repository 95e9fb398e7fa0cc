"""Settings of the lead generator."""

from __future__ import annotations

from pydantic import Field

from shared.settings import Settings


class LeadGeneratorSettings(Settings):
    """Caps that hold where a city's row has none of its own."""

    daily_prospect_cap: int = Field(200, alias="LEAD_GENERATOR_DAILY_PROSPECT_CAP", ge=0)
    cluster_radius_miles: float = Field(2.0, alias="LEAD_GENERATOR_CLUSTER_RADIUS_MILES", gt=0)
    cluster_max_leads: int = Field(100, alias="LEAD_GENERATOR_CLUSTER_MAX_LEADS", ge=1)
