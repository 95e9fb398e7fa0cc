"""Settings of the lead generator."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from shared.settings import LimitSettings


class LeadGeneratorSettings(LimitSettings):
    """How far a cluster reaches and how many leads it holds: at least, and at most."""

    cluster_radius_miles: float = Field(2.0, alias="LEAD_GENERATOR_CLUSTER_RADIUS_MILES", gt=0)
    cluster_min_leads: int = Field(10, alias="LEAD_GENERATOR_CLUSTER_MIN_LEADS", ge=1)
    cluster_max_leads: int = Field(100, alias="LEAD_GENERATOR_CLUSTER_MAX_LEADS", ge=1)

    @model_validator(mode="after")
    def _can_be_cut(self) -> Self:
        if self.cluster_max_leads < 2 * self.cluster_min_leads:
            raise ValueError(
                "LEAD_GENERATOR_CLUSTER_MAX_LEADS must be at least twice LEAD_GENERATOR_CLUSTER_MIN_LEADS"
            )
        return self
