"""A provider client over an in-memory vendor, with a clock and a purse that tests can look into."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio

from shared.errors import BudgetExceeded
from shared.providers.base import ClientSettings, ProviderClient, ProviderDeps
from shared.providers.breaker import Breakers
from shared.providers.limiter import RateLimiter
from shared.providers.ports import MemoryUsageLog
from shared.providers.settings import ProviderSettings
from shared.workflow.budget import Reservation


@dataclass
class Clock:
    """Time that passes only when somebody sleeps."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@dataclass
class Purse:
    """A budget in memory that keeps what became of every reservation."""

    cap: Decimal = Decimal(1000)
    open: dict[UUID, Decimal] = field(default_factory=dict)
    settled: list[Decimal] = field(default_factory=list)
    released: list[Decimal] = field(default_factory=list)
    scopes: list[str] = field(default_factory=list)

    async def reserve(self, caps: dict[str, Decimal], amount: Decimal, *, provider: str) -> Reservation:
        if sum(self.settled) + sum(self.open.values()) + amount > self.cap:
            raise BudgetExceeded("the purse is empty", provider=provider)
        reservation = Reservation(uuid4(), amount)
        self.open[reservation.id] = amount
        self.scopes = list(caps)
        return reservation

    async def settle(self, reservation: Reservation, actual: Decimal) -> None:
        del self.open[reservation.id]
        self.settled.append(actual)

    async def release(self, reservation: Reservation) -> None:
        self.released.append(self.open.pop(reservation.id))


Handler = Callable[[httpx.Request], httpx.Response]


@dataclass
class World:
    """Everything around a client; `answer` decides what the vendor says."""

    clock: Clock
    purse: Purse
    usage: MemoryUsageLog
    requests: list[httpx.Request]
    deps: ProviderDeps
    answer: Handler

    def client(self, name: str = "vendor", **settings: object) -> ProviderClient:
        defaults: dict[str, object] = {
            "base_url": "https://vendor.test",
            "requests_per_second": 1e6,
            "burst": 1e6,
        }
        return ProviderClient(name, ClientSettings(**{**defaults, **settings}), self.deps)  # type: ignore[arg-type]


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    clock, purse, usage = Clock(), Purse(), MemoryUsageLog()
    requests: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return made.answer(request)

    async with httpx.AsyncClient(transport=httpx.MockTransport(handle)) as http:
        deps = ProviderDeps(
            http=http,
            guarded_http=http,
            limiter=RateLimiter(None, replicas=1, clock=clock, sleep=clock.sleep),
            breakers=Breakers(clock=clock),
            budget=purse,  # type: ignore[arg-type]
            usage=usage,
            user_agent="Ridgeline/0.1 (+https://ridgeline.example/bot; bot@ridgeline.example)",
            rng=random.Random(7),
            sleep=clock.sleep,
            clock=clock,
        )
        made = World(clock, purse, usage, requests, deps, lambda _: httpx.Response(200, json={}))
        yield made


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> ProviderSettings:
    """Settings that no variable of the outside reaches."""
    for name in ("SANDBOX_URL", "EMAIL_FINDERS", "RIDGELINE_ENVIRONMENT"):
        monkeypatch.delenv(name, raising=False)
    return ProviderSettings(
        socrata_base_url="https://data.town.test",
        arcgis_base_url="https://gis.town.test",
        hunter_api_key="hunter-secret",  # type: ignore[arg-type]
        zerobounce_api_key="zero-secret",  # type: ignore[arg-type]
        stripe_secret_key="sk_test_secret",  # type: ignore[arg-type]
        sendgrid_api_key="SG.secret",  # type: ignore[arg-type]
        streetview_api_key="street-secret",  # type: ignore[arg-type]
    )
