"""A provider client's surroundings in memory: time, money, cost rows, and whatever vendor a test puts behind it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID, uuid4

import httpx

from shared.errors import BudgetExceeded
from shared.providers.base import ClientSettings, ProviderClient, ProviderDeps
from shared.providers.breaker import Breakers
from shared.providers.limiter import RateLimiter
from shared.providers.ports import MemoryUsageLog
from shared.workflow.budget import Reservation
from tests.factories.fetching import OpenGate


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


def surround(http: httpx.AsyncClient, requests: list[httpx.Request]) -> World:
    """Surroundings of clients that speak through `http`."""
    clock, purse, usage = Clock(), Purse(), MemoryUsageLog()
    deps = ProviderDeps(
        http=http,
        guarded_http=http,
        limiter=RateLimiter(None, replicas=1, clock=clock, sleep=clock.sleep),
        breakers=Breakers(clock=clock),
        budget=purse,  # type: ignore[arg-type]
        usage=usage,
        gate=OpenGate(),
        user_agent="Ridgeline/0.1 (+https://ridgeline.example/bot; bot@ridgeline.example)",
        rng=random.Random(7),
        sleep=clock.sleep,
        clock=clock,
    )
    return World(clock, purse, usage, requests, deps, lambda _: httpx.Response(200, json={}))
