"""FAULTS 11 to 13 on a real vendor process: slow answers, a storm of 429, the last cent of a budget."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import text

from shared.errors import BudgetExceeded, ProviderError, ProviderRateLimited, ProviderTimeout
from shared.providers.base import ClientSettings, ProviderClient, ProviderDeps, ProviderRequest
from shared.providers.breaker import BreakerOpen, Breakers
from shared.providers.limiter import RateLimiter
from shared.providers.outcomes import Repeat
from shared.providers.ports import MemoryUsageLog
from shared.workflow.budget import Budget
from tests.factories.fetching import OpenGate


@dataclass
class Vendor:
    """A server with a limit of its own; above it comes 429 with Retry-After."""

    port: int = 0
    slow_seconds: float = 0.0
    per_second: float = float("inf")
    retry_after: int = 1
    served: int = 0
    refused: list[float] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    connections: list[Any] = field(default_factory=list)
    stopped: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.append((asyncio.current_task(), writer))
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                with suppress(TimeoutError):
                    async with asyncio.timeout(self.slow_seconds):
                        await self.stopped.wait()
                writer.write(self._answer())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.transport.abort()

    def _answer(self) -> bytes:
        now = time.monotonic()
        self.times = [t for t in self.times if t > now - 1]
        if len(self.times) >= self.per_second:
            self.refused.append(now)
            head = f"HTTP/1.1 429 Too Many\r\nRetry-After: {self.retry_after}\r\nContent-Length: 0\r\n\r\n"
            return head.encode()
        self.times.append(now)
        self.served += 1
        return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


@asynccontextmanager
async def running(vendor: Vendor) -> AsyncIterator[Vendor]:
    server = await asyncio.start_server(vendor.handle, "127.0.0.1", 0)
    vendor.port = server.sockets[0].getsockname()[1]
    try:
        yield vendor
    finally:
        server.close()
        vendor.stopped.set()
        for _, writer in vendor.connections:
            writer.transport.abort()
        await asyncio.gather(*(task for task, _ in vendor.connections))


@pytest_asyncio.fixture
async def deps(redis: Any, unit_of_work: Any) -> AsyncIterator[ProviderDeps]:
    async with httpx.AsyncClient(trust_env=False, limits=httpx.Limits(max_connections=100)) as http:
        yield ProviderDeps(
            http=http,
            guarded_http=http,
            limiter=RateLimiter(redis),
            breakers=Breakers(),
            budget=Budget(unit_of_work),
            usage=MemoryUsageLog(),
            gate=OpenGate(),
            user_agent="Ridgeline/0.1",
        )


def client(name: str, vendor: Vendor, deps: ProviderDeps, **settings: Any) -> ProviderClient:
    defaults: dict[str, Any] = {
        "base_url": f"http://127.0.0.1:{vendor.port}",
        "requests_per_second": 1000,
        "burst": 1000,
    }
    return ProviderClient(name, ClientSettings(**{**defaults, **settings}), deps)


async def test_a_slow_vendor_times_out_and_is_left_alone_while_others_go_on(deps: ProviderDeps) -> None:
    request = ProviderRequest(endpoint="/x")
    async with running(Vendor(slow_seconds=120)) as slow, running(Vendor()) as quick:
        sick = client("slow", slow, deps, timeout_seconds=2, tries=1)
        fine = client("quick", quick, deps)
        hanging = [asyncio.create_task(sick.call(request)) for _ in range(20)]
        answers = await asyncio.gather(*(fine.call(request) for _ in range(50)))
        assert all(answer.found for answer in answers)
        assert not any(task.done() for task in hanging)
        ends = await asyncio.gather(*hanging, return_exceptions=True)
        assert all(isinstance(end, ProviderTimeout) for end in ends)
        asked = len(slow.connections)
        with pytest.raises(BreakerOpen):
            await sick.call(request)
        assert len(slow.connections) == asked
        assert (await fine.call(request)).found


async def test_a_storm_of_429_falls_under_the_limit_and_loses_nothing(deps: ProviderDeps) -> None:
    work, done = 60, 0
    async with running(Vendor(per_second=20)) as vendor:
        one = client("storm", vendor, deps, requests_per_second=36, burst=5, patience_seconds=5)

        async def worker() -> None:
            nonlocal done
            while True:  # a step that is told to wait waits and comes again
                try:
                    await one.call(ProviderRequest(endpoint="/x", repeat=Repeat.ONCE))
                except ProviderRateLimited as error:
                    await asyncio.sleep(min(error.retry_after, 2))
                    continue
                except ProviderError:
                    continue
                done += 1
                return

        async with asyncio.timeout(30):
            await asyncio.gather(*(worker() for _ in range(work)))
    assert done == vendor.served == work
    # One window of refusals, then the rate is under the vendor's limit.
    assert vendor.refused
    assert vendor.refused[-1] - vendor.refused[0] < 2


async def test_the_last_cent_is_spent_once(deps: ProviderDeps, committed_db: Any) -> None:
    async with running(Vendor()) as vendor:
        dear = client("dear", vendor, deps, daily_cap=Decimal("0.40"))
        request = ProviderRequest(endpoint="/x", cost=Decimal("0.01"), repeat=Repeat.ONCE)
        results = await asyncio.gather(*(dear.call(request) for _ in range(100)), return_exceptions=True)
    assert sum(1 for result in results if isinstance(result, BudgetExceeded)) == 60
    assert vendor.served == 40
    async with committed_db() as session:
        scope = f"provider:dear:{datetime.now(UTC).date()}"
        row = (
            await session.execute(text("SELECT * FROM core.budget WHERE scope = :scope"), {"scope": scope})
        ).one()
    assert (row.spent, row.reserved) == (Decimal("0.40"), 0)
