"""Settings of the enricher."""

from __future__ import annotations

from shared.settings import LimitSettings


class EnricherSettings(LimitSettings):
    """The limits of what contact finding may cost, and nothing of its own."""
