"""Token buckets inside one process, the fallback while Redis is away."""

from __future__ import annotations

from typing import Any

import pytest

from shared.errors import ProviderRateLimited
from shared.providers.limiter import LocalBuckets, RateLimiter


class Time:
    def __init__(self) -> None:
        self.now, self.slept = 100.0, 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept += seconds


class DeadRedis:
    def __init__(self) -> None:
        self.asked = 0

    async def eval(self, *_: Any) -> Any:
        self.asked += 1
        raise ConnectionError("away")


def test_a_new_bucket_does_not_start_full() -> None:
    buckets = LocalBuckets(clock=Time())
    waits = [buckets.take("k", 10, burst=5, patience=60) for _ in range(3)]
    assert waits == pytest.approx([0.0, 0.1, 0.2])


def test_rest_fills_it_up_to_the_burst() -> None:
    clock = Time()
    buckets = LocalBuckets(clock=clock)
    buckets.take("k", 10, burst=5, patience=60)
    clock.now += 100
    waits = [buckets.take("k", 10, burst=5, patience=60) for _ in range(6)]
    assert waits == pytest.approx([0, 0, 0, 0, 0, 0.1])


def test_impatient_callers_take_nothing() -> None:
    buckets = LocalBuckets(clock=Time())
    buckets.take("k", 0.1, burst=1, patience=60)
    assert buckets.take("k", 0.1, burst=1, patience=5) == pytest.approx(-10)
    assert buckets.take("k", 0.1, burst=1, patience=60) == pytest.approx(10)


def test_after_a_pause_callers_do_not_all_wake_at_once() -> None:
    buckets = LocalBuckets(clock=Time())
    buckets.pause("k", 30)
    waits = [buckets.take("k", 2, burst=10, patience=60) for _ in range(4)]
    assert min(waits) >= 30
    assert waits == pytest.approx([30.5, 31.0, 31.5, 32.0])


def test_a_burst_of_refusals_halves_the_rate_once_and_not_for_ever() -> None:
    clock = Time()
    buckets = LocalBuckets(clock=clock)
    buckets.take("k", 10, burst=1, patience=60)
    for _ in range(5):
        buckets.pause("k", 1, rate=10)
    waits = [buckets.take("k", 10, burst=1, patience=60) for _ in range(3)]
    assert waits == pytest.approx([1.2, 1.4, 1.6])
    clock.now += 40
    waits = [buckets.take("k", 10, burst=1, patience=60) for _ in range(3)]
    assert waits == pytest.approx([0, 0.1, 0.2])


def test_a_shorter_pause_does_not_shorten_a_longer_one() -> None:
    buckets = LocalBuckets(clock=Time())
    buckets.pause("k", 30)
    buckets.pause("k", 1)
    assert buckets.take("k", 10, burst=1, patience=60) >= 30


async def test_keys_do_not_wait_for_each_other() -> None:
    clock = Time()
    limiter = RateLimiter(None, replicas=1, clock=clock, sleep=clock.sleep)
    await limiter.acquire("a", 1)
    await limiter.acquire("b", 1)
    assert clock.slept == 0


async def test_without_redis_each_process_takes_its_share() -> None:
    clock, redis = Time(), DeadRedis()
    limiter = RateLimiter(redis, replicas=4, clock=clock, sleep=clock.sleep)
    for _ in range(11):
        await limiter.acquire("k", 8)
    assert clock.slept == pytest.approx(10 / (8 / 4))


async def test_a_dead_redis_is_not_asked_every_time() -> None:
    clock, redis = Time(), DeadRedis()
    limiter = RateLimiter(redis, replicas=1, clock=clock, sleep=clock.sleep)
    for _ in range(50):
        await limiter.acquire("k", 1000)
    assert redis.asked == 1
    clock.now += 10
    await limiter.acquire("k", 1000)
    assert redis.asked == 2


async def test_too_long_a_wait_is_told_at_once() -> None:
    clock = Time()
    limiter = RateLimiter(None, replicas=1, clock=clock, sleep=clock.sleep)
    await limiter.pause("vendor:account", 100)
    with pytest.raises(ProviderRateLimited) as caught:
        await limiter.acquire("vendor:account", 1, patience=10)
    assert caught.value.retry_after > 99
    assert caught.value.provider == "vendor"
