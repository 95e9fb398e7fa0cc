"""Attempt limits in real Redis: exact over processes, however many attempts come at once."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from shared.errors import TooManyRequests
from shared.security.attempts import AttemptLimiter, Claim, Limit

ACCOUNT = Limit("account", attempts=5, window=timedelta(minutes=15))
ADDRESS = Limit("address", attempts=50, window=timedelta(minutes=15))
SLOWED = Limit("slowed", attempts=5, window=timedelta(minutes=15), delays=(0.0, 0.0, 3.0, 60.0))


def patient(redis: Redis) -> AttemptLimiter:
    """A limiter that waits for a busy machine's Redis instead of falling back."""
    return AttemptLimiter(redis, redis_seconds=60)


async def passed(limiter: AttemptLimiter, *claims: Claim, succeed: bool = False) -> bool:
    try:
        async with limiter.attempt(*claims) as attempt:
            await asyncio.sleep(0)
            if succeed:
                attempt.succeed()
    except TooManyRequests:
        return False
    return True


@pytest.mark.fault(28)
async def test_a_thousand_guesses_over_four_processes_are_five(redis: Redis) -> None:
    processes = [patient(redis) for _ in range(4)]

    results = await asyncio.gather(
        *(passed(processes[n % 4], Claim(ACCOUNT, "pat"), Claim(ADDRESS, f"10.0.{n}")) for n in range(1000))
    )

    assert sum(results) == 5


async def test_a_refused_guess_takes_no_slot_of_its_address(redis: Redis) -> None:
    limiter = patient(redis)
    for _ in range(20):
        await passed(limiter, Claim(ACCOUNT, "pat"), Claim(ADDRESS, "10.0.0.1"))

    async with redis.pipeline() as pipeline:
        pipeline.hget(Claim(ADDRESS, "10.0.0.1").key, "used")
        assert await pipeline.execute() == ["5"]


async def test_success_over_processes_leaves_nothing_behind(redis: Redis) -> None:
    processes = [patient(redis) for _ in range(2)]

    results = [await passed(processes[n % 2], Claim(ACCOUNT, "pat"), succeed=True) for n in range(20)]

    assert all(results)
    assert await redis.keys("*") == []


async def test_waits_grow(redis: Redis) -> None:
    limiter = patient(redis)
    claim = Claim(SLOWED, "pat")
    assert [await passed(limiter, claim) for _ in range(4)] == [True, True, True, False]
    await asyncio.sleep(3.1)
    assert await passed(limiter, claim)

    with pytest.raises(TooManyRequests) as refusal:
        async with limiter.attempt(claim):
            pass
    assert 55 < refusal.value.fields["retry_after"] <= 60


async def test_every_count_ends_with_its_window(redis: Redis) -> None:
    await passed(patient(redis), Claim(ACCOUNT, "pat"), Claim(ADDRESS, "10.0.0.1"))

    for key in await redis.keys("*"):
        assert 890_000 < await redis.pttl(key) <= 900_000


async def test_after_redis_was_wiped_a_process_still_knows_its_guesses(redis: Redis) -> None:
    limiter = patient(redis)
    for _ in range(5):
        await passed(limiter, Claim(ACCOUNT, "pat"))
    await redis.flushdb()

    assert not await passed(limiter, Claim(ACCOUNT, "pat"))
    assert await redis.keys("*") == []
