"""What only the orchestrator opens: the look at the backlog before new work is taken."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.orchestrator.repository import SystemRepository
from shared.db.unit_of_work import UnitOfWorkFactory
from shared.errors import Unavailable
from shared.runtime import Resources

LONGEST_WAIT_SECONDS = 600.0
FRESH_SECONDS = 5.0


class BehindWithWork(Unavailable):
    """Steps that are due wait too long: new cities and properties would only make them wait longer."""

    code = "behind-with-work"


class Backlog:
    """How long the oldest step that is due waits, looked up at most every five seconds."""

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work
        self._read_at = -FRESH_SECONDS
        self._oldest_seconds = 0.0

    async def refuse_when_behind(self) -> None:
        """Raise BehindWithWork while the oldest step that is due waits longer than ten minutes."""
        if time.monotonic() - self._read_at >= FRESH_SECONDS:
            async with self._unit_of_work() as uow:
                self._oldest_seconds = await SystemRepository(uow.session).oldest_ready_seconds()
            self._read_at = time.monotonic()
        if self._oldest_seconds > LONGEST_WAIT_SECONDS:
            raise BehindWithWork(
                f"the oldest step waits for {self._oldest_seconds:.0f} seconds; try again later",
                retry_after=60,
            )


@asynccontextmanager
async def open_own(resources: Resources) -> AsyncIterator[Backlog]:
    """The backlog of this process's database."""
    yield Backlog(resources.unit_of_work)
