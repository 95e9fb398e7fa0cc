"""Settings of the enricher."""

from __future__ import annotations

from decimal import Decimal

from pydantic import Field

from shared.settings import Settings


class EnricherSettings(Settings):
    """Caps on what contact finding may cost, USD."""

    lead_cap_usd: Decimal = Field(Decimal("0.50"), alias="ENRICHER_LEAD_CAP_USD")
    city_daily_cap_usd: Decimal = Field(Decimal(50), alias="ENRICHER_CITY_DAILY_CAP_USD")
