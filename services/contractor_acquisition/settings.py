"""Settings of contractor acquisition."""

from __future__ import annotations

from shared.settings import Settings as CommonSettings


class Settings(CommonSettings):
    """What every process reads; this service needs nothing of its own yet."""
