"""Settings of the enricher."""

from __future__ import annotations

from decimal import Decimal

from pydantic import Field

from shared.settings import LimitSettings


class EnricherSettings(LimitSettings):
    """The limits of what contact finding may cost, and what its vendors are expected to find."""

    hit_shares: str = Field("", alias="ENRICHER_HIT_SHARES")
    """Hits in a question, `hunter=0.35,attom=0.45`; with the prices they make the order in which vendors are asked."""

    hourly_leads: int = Field(100, alias="ENRICHER_HOURLY_LEADS", ge=1)
    search_again_days: int = Field(90, alias="ENRICHER_SEARCH_AGAIN_DAYS", ge=1)
    requests_daily_cap_usd: Decimal = Field(Decimal(5), alias="ENRICHER_REQUESTS_DAILY_CAP_USD", ge=0)
    """What requests on demand about houses that are no leads may cost together in a day."""

    geocode_batch: int = Field(10_000, alias="ENRICHER_GEOCODE_BATCH", ge=1, le=10_000)
