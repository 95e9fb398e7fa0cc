"""Rate limits shared by every process: one token bucket a vendor account in Redis, local while it is away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog
from redis.exceptions import RedisError

from shared.errors import ProviderRateLimited

log = structlog.get_logger(__name__)

SLOW_DOWN_SHARE = 0.15
"""CONSISTENCY 7: below this share of the vendor's allowance the rest is spread over the time to its reset."""
RECOVERY_SECONDS = 30.0
"""How long the rate stays halved after a refusal."""
_REDIS_SECONDS = 0.5
_REDIS_PAUSE_SECONDS = 2.0

# A missing bucket starts with one token, not a full burst: after a loss of Redis nobody knows what was
# spent. `at` in the future is a pause; tokens below zero are places in the queue, so that waiting callers
# do not all wake at once.
_TAKE = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1e6
local rate, burst, patience = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local bucket = redis.call('HMGET', KEYS[1], 'tokens', 'at', 'slow_rate', 'slow_until')
local tokens, at = tonumber(bucket[1]) or 1, tonumber(bucket[2]) or now
if (tonumber(bucket[4]) or 0) > now then rate = math.min(rate, tonumber(bucket[3])) end
tokens = math.min(burst, tokens + math.max(0, now - at) * rate) - 1
local wait = math.max(0, at - now) + math.max(0, -tokens / rate)
if wait > patience then return tostring(-wait) end
redis.call('HSET', KEYS[1], 'tokens', tokens, 'at', math.max(at, now))
redis.call('PEXPIRE', KEYS[1], math.ceil((wait + burst / rate + 120) * 1000))
return tostring(wait)
"""
# The first refusal after a time of peace also halves the rate for a while: what was right is not known, and
# the refusals of one burst, which all come together, count as one.
_PAUSE = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1e6
local until_at, rate, recovery = now + tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local bucket = redis.call('HMGET', KEYS[1], 'at', 'slow_rate', 'slow_until')
local at = tonumber(bucket[1]) or 0
if at <= now and rate > 0 then
  local present = rate
  if (tonumber(bucket[3]) or 0) > now then present = math.min(rate, tonumber(bucket[2])) end
  redis.call('HSET', KEYS[1], 'slow_rate', math.max(rate / 16, present / 2), 'slow_until', until_at + recovery)
end
if until_at > at then redis.call('HSET', KEYS[1], 'tokens', 0, 'at', until_at) end
redis.call('PEXPIRE', KEYS[1], math.ceil((tonumber(ARGV[1]) + recovery + 120) * 1000))
return 0
"""
_SLOW = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1e6
redis.call('HSET', KEYS[1], 'slow_rate', ARGV[1], 'slow_until', now + tonumber(ARGV[2]))
local life = math.ceil((tonumber(ARGV[2]) + 120) * 1000)
if redis.call('PTTL', KEYS[1]) < life then redis.call('PEXPIRE', KEYS[1], life) end
return 0
"""


@dataclass(slots=True)
class _LocalBucket:
    tokens: float
    at: float
    slow_rate: float = float("inf")
    slow_until: float = 0.0


class LocalBuckets:
    """The same buckets inside one process."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: dict[str, _LocalBucket] = {}

    def take(self, key: str, rate: float, *, burst: float, patience: float) -> float:
        """Seconds to wait for the token just taken; negative and nothing taken where patience is shorter."""
        now, bucket = self._clock(), self._bucket(key)
        if bucket.slow_until > now:
            rate = min(rate, bucket.slow_rate)
        tokens = min(burst, bucket.tokens + max(0.0, now - bucket.at) * rate) - 1
        wait = max(0.0, bucket.at - now) + max(0.0, -tokens / rate)
        if wait > patience:
            return -wait
        bucket.tokens, bucket.at = tokens, max(bucket.at, now)
        return wait

    def pause(self, key: str, seconds: float, *, rate: float = 0.0) -> None:
        """Let nobody through for so long; with a rate, halve it afterwards, once for a burst of refusals."""
        bucket, now = self._bucket(key), self._clock()
        until = now + seconds
        if bucket.at <= now and rate > 0:
            present = min(rate, bucket.slow_rate) if bucket.slow_until > now else rate
            bucket.slow_rate, bucket.slow_until = max(rate / 16, present / 2), until + RECOVERY_SECONDS
        if until > bucket.at:
            bucket.tokens, bucket.at = 0.0, until

    def slow_down(self, key: str, rate: float, seconds: float) -> None:
        """Hold the rate down for so long."""
        bucket = self._bucket(key)
        bucket.slow_rate, bucket.slow_until = rate, self._clock() + seconds

    def _bucket(self, key: str) -> _LocalBucket:
        if key not in self._buckets:
            self._buckets[key] = _LocalBucket(tokens=1.0, at=self._clock())
        return self._buckets[key]


class RateLimiter:
    """Token buckets in Redis, one script a step; while Redis is away, this process's share of the rate."""

    def __init__(
        self,
        redis: Any | None,
        *,
        replicas: int = 2,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._redis = redis
        self._replicas = max(1, replicas)
        self._clock = clock
        self._sleep = sleep
        self._local = LocalBuckets(clock=clock)
        self._redis_back_at = 0.0

    async def acquire(self, key: str, rate: float, *, burst: float = 1.0, patience: float = 30.0) -> None:
        """Return when the key may go; ProviderRateLimited at once where the wait is over `patience` seconds."""
        answer = await self._run(_TAKE, key, rate, burst, patience)
        if answer is None:
            share = rate / self._replicas
            wait = self._local.take(key, share, burst=max(1.0, burst / self._replicas), patience=patience)
        else:
            wait = float(answer)
        if wait < 0:
            raise ProviderRateLimited(
                "our own rate limit", retry_after=-wait, provider=key.partition(":")[0], may_have_acted=False
            )
        if wait > 0:
            await self._sleep(wait)

    async def wait(self, key: str, requests_per_second: float) -> None:
        """Return when a host may be asked again (the fetcher's pacer)."""
        await self.acquire(key, requests_per_second, patience=120.0)

    async def pause(self, key: str, seconds: float, *, rate: float = 0.0) -> None:
        """Hold back every process for so long, the vendor said so; with a rate, go on at half of it."""
        self._local.pause(key, seconds, rate=rate / self._replicas)
        await self._run(_PAUSE, key, seconds, rate, RECOVERY_SECONDS)

    async def observe(
        self,
        key: str,
        *,
        remaining: float,
        limit: float,
        reset_seconds: float,
        share: float = SLOW_DOWN_SHARE,
    ) -> None:
        """Slow everybody down when less than this share of the vendor's allowance is left before its reset."""
        if reset_seconds <= 0 or limit <= 0 or remaining > share * limit:
            return
        if remaining < 1:
            await self.pause(key, reset_seconds)
            return
        rate = remaining / reset_seconds
        self._local.slow_down(key, rate, reset_seconds)
        await self._run(_SLOW, key, rate, reset_seconds)

    async def _run(self, script: str, key: str, *arguments: float) -> Any | None:
        """The script's answer, or None while Redis is away."""
        if self._redis is None or self._clock() < self._redis_back_at:
            return None
        try:
            async with asyncio.timeout(_REDIS_SECONDS):
                return await self._redis.eval(script, 1, f"rate:{key}", *arguments)
        except (RedisError, OSError, TimeoutError) as error:
            self._redis_back_at = self._clock() + _REDIS_PAUSE_SECONDS
            log.warning("rate_limit_local", reason=type(error).__name__)
            return None
