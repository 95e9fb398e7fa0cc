"""Attempt limits while Redis is away: counted locally, with half the limit, and never unlimited."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from shared.errors import TooManyRequests
from shared.security import attempts
from shared.security.attempts import AttemptLimiter, Claim, Limit

ACCOUNT = Limit("account", attempts=5, window=timedelta(minutes=15))
ADDRESS = Limit("address", attempts=50, window=timedelta(minutes=15))


class DeadRedis:
    async def _fail(self) -> None:
        raise RedisConnectionError("refused")

    def eval(self, script: str, numkeys: int, *keys_and_args: Any) -> Awaitable[Any]:
        return self._fail()


class HangingRedis:
    def eval(self, script: str, numkeys: int, *keys_and_args: Any) -> Awaitable[Any]:
        return asyncio.sleep(60)


class PermissiveRedis:
    """A Redis that came back empty and so allows everything."""

    def __init__(self) -> None:
        self.scripts: list[str] = []

    async def _answer(self, script: str) -> int:
        self.scripts.append(script)
        return 0

    def eval(self, script: str, numkeys: int, *keys_and_args: Any) -> Awaitable[Any]:
        return self._answer(script)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def fail(limiter: AttemptLimiter, account: str = "pat", address: str = "10.0.0.1") -> None:
    async with limiter.attempt(Claim(ACCOUNT, account), Claim(ADDRESS, address)):
        pass


async def failures_until_refused(limiter: AttemptLimiter, **subject: str) -> int:
    for count in range(200):
        try:
            await fail(limiter, **subject)
        except TooManyRequests:
            return count
    raise AssertionError("never refused")


@pytest.mark.parametrize("redis", [DeadRedis(), HangingRedis()])
async def test_without_redis_half_the_limit_holds(redis: Any) -> None:
    limiter = AttemptLimiter(redis, redis_seconds=0.01)

    assert await failures_until_refused(limiter) == 2


async def test_a_refusal_says_how_long_to_wait() -> None:
    clock = Clock()
    limiter = AttemptLimiter(DeadRedis(), clock=clock)
    await fail(limiter)
    clock.now += 60
    await fail(limiter)

    with pytest.raises(TooManyRequests) as refusal:
        await fail(limiter)

    assert refusal.value.fields["retry_after"] == pytest.approx(14 * 60)


async def test_the_window_ends() -> None:
    clock = Clock()
    limiter = AttemptLimiter(DeadRedis(), clock=clock)
    assert await failures_until_refused(limiter) == 2

    clock.now += 15 * 60 + 1

    assert await failures_until_refused(limiter) == 2


async def test_success_gives_its_slot_back_and_failures_stay() -> None:
    limiter = AttemptLimiter(DeadRedis())
    await fail(limiter)
    for _ in range(10):
        async with limiter.attempt(Claim(ACCOUNT, "pat")) as attempt:
            attempt.succeed()

    assert await failures_until_refused(limiter) == 1


async def test_a_crash_in_the_attempt_counts_as_failure() -> None:
    limiter = AttemptLimiter(DeadRedis())
    for _ in range(2):
        with pytest.raises(RuntimeError):
            async with limiter.attempt(Claim(ACCOUNT, "pat")):
                raise RuntimeError

    assert await failures_until_refused(limiter) == 0


async def test_one_refused_subject_takes_no_slot_of_the_other() -> None:
    limiter = AttemptLimiter(DeadRedis())
    assert await failures_until_refused(limiter, account="pat") == 2

    for _ in range(100):
        with pytest.raises(TooManyRequests):
            await fail(limiter, account="pat")

    await fail(limiter, account="kim")


async def test_an_address_that_tries_many_accounts_is_stopped() -> None:
    limiter = AttemptLimiter(DeadRedis())
    for tried in range(25):
        await fail(limiter, account=f"account-{tried}")

    with pytest.raises(TooManyRequests):
        await fail(limiter, account="account-25")


async def test_a_redis_that_came_back_empty_does_not_reset_this_process() -> None:
    redis = PermissiveRedis()
    limiter = AttemptLimiter(redis)

    assert await failures_until_refused(limiter) == 5
    assert redis.scripts[-1] == attempts.GIVE_SLOTS_BACK


@pytest.mark.parametrize("redis", [DeadRedis(), PermissiveRedis()])
async def test_a_full_local_table_forgets_the_quiet_and_refuses_nobody_else(
    monkeypatch: pytest.MonkeyPatch, redis: Any
) -> None:
    monkeypatch.setattr(attempts, "MAX_LOCAL_SUBJECTS", 6)
    limiter = AttemptLimiter(redis)

    for n in range(40):
        await fail(limiter, account=f"account-{n}", address=f"10.0.{n}.1")

    assert len(limiter._local._used) == 6


async def test_an_address_that_fills_the_local_table_stays_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "MAX_LOCAL_SUBJECTS", 6)
    limiter = AttemptLimiter(DeadRedis())
    for n in range(25):
        await fail(limiter, account=f"account-{n}")

    for n in range(25, 40):
        with pytest.raises(TooManyRequests):
            await fail(limiter, account=f"account-{n}")
    await fail(limiter, account="kim", address="10.0.0.2")


@pytest.mark.parametrize(
    ("address", "counted_as"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("unknown", "unknown"),
    ],
)
def test_an_ipv6_subscriber_is_one_address(address: str, counted_as: str) -> None:
    assert attempts.network_of(address) == counted_as


def test_a_key_does_not_show_its_subject() -> None:
    assert "pat" not in Claim(ACCOUNT, "pat@example.com").key
