"""Settings of the lead generator."""

from __future__ import annotations

from pydantic import Field

from shared.settings import LimitSettings


class LeadGeneratorSettings(LimitSettings):
    """How far a cluster reaches and how many leads it holds."""

    cluster_radius_miles: float = Field(2.0, alias="LEAD_GENERATOR_CLUSTER_RADIUS_MILES", gt=0)
    cluster_max_leads: int = Field(100, alias="LEAD_GENERATOR_CLUSTER_MAX_LEADS", ge=1)
