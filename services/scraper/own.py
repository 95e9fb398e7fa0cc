"""What only the scraper needs while it runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from services.scraper.hvac.health import HealthDesk
from shared.runtime import Resources


@dataclass(frozen=True, slots=True)
class Own:
    """The scraper's part of the resources."""

    health: HealthDesk


@asynccontextmanager
async def open_own(_: Resources) -> AsyncIterator[Own]:
    """Open it; at the end nothing goes on looking."""
    desk = HealthDesk()
    try:
        yield Own(desk)
    finally:
        await desk.close()
