"""Settings of the orchestrator."""

from __future__ import annotations

from pydantic import Field

from shared.settings import LimitSettings


class OrchestratorSettings(LimitSettings):
    """Expansion criteria and probe limits; each may be overridden by the environment."""

    health_timeout_seconds: float = Field(2.0, alias="ORCHESTRATOR_HEALTH_TIMEOUT_SECONDS")
    expansion_leads_per_month: int = Field(500, alias="ORCHESTRATOR_EXPANSION_LEADS_PER_MONTH")
    expansion_budget_usd: float = Field(0.0, alias="ORCHESTRATOR_EXPANSION_BUDGET_USD")
