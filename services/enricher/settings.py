"""Settings of the enricher."""

from __future__ import annotations

from pydantic import Field

from shared.settings import LimitSettings


class EnricherSettings(LimitSettings):
    """The limits of what contact finding may cost, and what its vendors are expected to find."""

    hit_shares: str = Field("", alias="ENRICHER_HIT_SHARES")
    """Verified hits in a question, `hunter=0.35,fullcontact=0.65`; with the prices they make the waterfall's order."""
