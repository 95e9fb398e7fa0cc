"""One bucket a vendor account for all processes, in a real Redis."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from shared.errors import ProviderRateLimited
from shared.providers.limiter import RateLimiter
from shared.runtime.resources import make_redis


class Waits(list[float]):
    """The seconds callers were told to wait, in order; they wait them."""

    async def sleep(self, seconds: float) -> None:
        self.append(seconds)
        await asyncio.sleep(seconds)


async def test_two_processes_together_keep_the_rate(redis: Any) -> None:
    waits = Waits()
    first, second = (RateLimiter(redis, sleep=waits.sleep) for _ in range(2))
    started = time.monotonic()
    await asyncio.gather(
        *(limiter.acquire("v:a", 50, burst=5) for limiter in (first, second) for _ in range(20))
    )
    assert time.monotonic() - started > 0.6
    assert max(waits) < 1


async def test_after_a_loss_of_redis_nobody_starts_with_a_full_burst(redis: Any) -> None:
    limiter = RateLimiter(redis)
    await limiter.acquire("v:a", 10, burst=100)
    await redis.flushdb()
    started = time.monotonic()
    for _ in range(6):
        await limiter.acquire("v:a", 10, burst=100)
    assert time.monotonic() - started > 0.4


async def test_a_pause_told_to_one_holds_for_all(redis: Any) -> None:
    await RateLimiter(redis).pause("v:a", 30)
    with pytest.raises(ProviderRateLimited) as caught:
        await RateLimiter(redis).acquire("v:a", 100, patience=1)
    assert 28 < caught.value.retry_after < 31


async def test_waiting_callers_do_not_wake_at_once(redis: Any) -> None:
    limiter = RateLimiter(redis)
    await limiter.pause("v:a", 0.3)
    woken: list[float] = []

    async def caller() -> None:
        await limiter.acquire("v:a", 20, burst=10)
        woken.append(time.monotonic())

    await asyncio.gather(*(caller() for _ in range(8)))
    woken.sort()
    assert woken[-1] - woken[0] > 0.25


async def test_a_burst_of_refusals_halves_the_rate_for_all(redis: Any) -> None:
    limiter = RateLimiter(redis)
    await limiter.acquire("v:a", 20)
    for _ in range(5):
        await limiter.pause("v:a", 0.1, rate=20)
    waits = Waits()
    other = RateLimiter(redis, sleep=waits.sleep)
    started = time.monotonic()
    for _ in range(6):
        await other.acquire("v:a", 20)
    assert time.monotonic() - started > 0.1 + 6 / 10 - 0.05
    assert sum(waits) < 1


async def test_little_left_slows_all_down(redis: Any) -> None:
    await RateLimiter(redis).observe("v:a", remaining=2, limit=100, reset_seconds=1)
    other = RateLimiter(redis)
    started = time.monotonic()
    for _ in range(3):
        await other.acquire("v:a", 1000, burst=1)
    assert time.monotonic() - started > 0.6


async def test_much_left_changes_nothing(redis: Any) -> None:
    waits = Waits()
    limiter = RateLimiter(redis, sleep=waits.sleep)
    await limiter.observe("v:a", remaining=90, limit=100, reset_seconds=60)
    for _ in range(5):
        await limiter.acquire("v:a", 1000)
    assert sum(waits) <= 5 / 1000


async def test_buckets_do_not_stay_for_ever(redis: Any) -> None:
    limiter = RateLimiter(redis)
    await limiter.acquire("v:a", 10)
    await limiter.observe("v:b", remaining=1, limit=100, reset_seconds=5)
    for key in await redis.keys("rate:*"):
        assert 0 < await redis.ttl(key) < 3600


async def test_while_redis_is_away_callers_go_on_at_their_share() -> None:
    away = make_redis("redis://127.0.0.1:1/0")
    waits = Waits()
    limiter = RateLimiter(away, replicas=2, sleep=waits.sleep)
    started = time.monotonic()
    for _ in range(11):
        await limiter.acquire("v:a", 40)
    await away.aclose()
    assert time.monotonic() - started > 0.4
    assert sum(waits) < 11 / 20 + 0.01
