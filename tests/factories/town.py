"""The sandbox town served inside a test's own process, so that the test sees what was asked of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import uvicorn

from shared.sandbox.app import create_app
from shared.sandbox.misbehaviour import FaultKind, FaultOrder
from shared.sandbox.settings import SandboxSettings
from shared.sandbox.state import Sandbox
from shared.sandbox.town import Town, place_named


@dataclass(frozen=True)
class ServedTown:
    """A sandbox on a real port, and the object behind it."""

    url: str
    sandbox: Sandbox

    def calls(self, vendor: str) -> int:
        """How many requests have reached a vendor."""
        return int(self.sandbox.misbehaviour.calls(vendor)["calls"])

    def misbehave(self, vendor: str, fault: FaultKind, count: int = 1_000, **options: Any) -> None:
        """Let the vendor's next calls go wrong."""
        self.sandbox.misbehaviour.order(vendor, FaultOrder(fault=fault, count=count, **options))

    def town(self, city: str = "Harrow", state: str = "TX") -> Town:
        """The truth about a town."""
        place = place_named(city, state)
        assert place is not None
        return self.sandbox.towns.of(place)


@asynccontextmanager
async def serving_town(*, parcels: int = 200, today: date | None = None) -> AsyncIterator[ServedTown]:
    """A sandbox that serves until the block ends."""
    day = {"today": today} if today else {}
    app = create_app(SandboxSettings(parcels=parcels, stripe_webhook_url="off", **day))  # type: ignore[arg-type]
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, ws="none"))
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn offers no event to wait for
        await asyncio.sleep(0.01)
    yield ServedTown(f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", app.state.sandbox)
    server.should_exit = True
    await running
