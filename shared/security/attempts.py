"""Limits on attempts (logins, sign-ups): counted in Redis over all processes, and locally besides.

A slot is taken before the attempt and given back only on success, so that parallel guesses cannot
outrun the count. When Redis is away the local count goes on with half the limit: closed rather than open.
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from redis.exceptions import RedisError

from shared.errors import TooManyRequests
from shared.telemetry.logging import get_logger

MAX_LOCAL_SUBJECTS = 10_000
REDIS_SECONDS = 0.5

log = get_logger(__name__)

# KEYS: one hash per limited subject. ARGV: for each key its limit, its window and its delays (ms, commas).
# Answers 0, or the milliseconds to wait; takes a slot of every key or of none.
TAKE_SLOTS = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local wait = 0
for i, key in ipairs(KEYS) do
  local used = tonumber(redis.call('HGET', key, 'used') or '0')
  local again = tonumber(redis.call('HGET', key, 'again') or '0')
  if used >= tonumber(ARGV[i * 3 - 2]) then
    wait = math.max(wait, redis.call('PTTL', key), 1)
  elseif again > now then
    wait = math.max(wait, again - now)
  end
end
if wait > 0 then return wait end
for i, key in ipairs(KEYS) do
  local used = redis.call('HINCRBY', key, 'used', 1)
  if used == 1 then redis.call('PEXPIRE', key, ARGV[i * 3 - 1]) end
  local n = 0
  for delay in string.gmatch(ARGV[i * 3], '[^,]+') do
    n = n + 1
    if n == used then redis.call('HSET', key, 'again', now + tonumber(delay)) end
  end
end
return 0
"""

GIVE_SLOTS_BACK = """
for _, key in ipairs(KEYS) do
  if redis.call('EXISTS', key) == 1 then
    if redis.call('HINCRBY', key, 'used', -1) <= 0 then redis.call('DEL', key)
    else redis.call('HDEL', key, 'again') end
  end
end
return 0
"""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `attempts` failures a window, with growing waits (seconds) after each of the first ones."""

    name: str
    attempts: int
    window: timedelta
    delays: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """One limit on one subject (an account, an address)."""

    limit: Limit
    subject: str

    @property
    def key(self) -> str:
        """The Redis key, which does not show the subject."""
        return f"attempts:{self.limit.name}:{hashlib.sha256(self.subject.encode()).hexdigest()[:32]}"


def network_of(address: str) -> str:
    """The address as attempts are counted: a subscriber has one IPv4 address, and 2^64 of IPv6."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    return str(ip.ipv4_mapped or ipaddress.IPv6Network((int(ip), 64), strict=False))


class Attempt:
    """An attempt that holds its slots until it succeeds."""

    def __init__(self) -> None:
        self.has_succeeded = False

    def succeed(self) -> None:
        """Give the slots back at the end: this was no failure."""
        self.has_succeeded = True


class ScriptRunner(Protocol):
    """The one thing we ask of a Redis client."""

    def eval(self, script: str, numkeys: int, *keys_and_args: str) -> Awaitable[str] | str:
        """Run a Lua script."""


class AttemptLimiter:
    """Counts attempts per subject in Redis and in this process."""

    def __init__(
        self,
        redis: ScriptRunner,
        *,
        clock: Callable[[], float] = time.monotonic,
        redis_seconds: float = REDIS_SECONDS,
    ) -> None:
        self._redis = redis
        self._local = LocalWindows(clock)
        self._redis_seconds = redis_seconds

    @asynccontextmanager
    async def attempt(self, *claims: Claim) -> AsyncIterator[Attempt]:
        """A block that is one attempt; TooManyRequests with `retry_after` when a subject has none left."""
        await self._take(claims)
        attempt = Attempt()
        try:
            yield attempt
        finally:
            if attempt.has_succeeded:
                await self._give_back(claims)

    async def _take(self, claims: Sequence[Claim]) -> None:
        arguments: list[str] = []
        for claim in claims:
            window_ms = int(claim.limit.window.total_seconds() * 1000)
            delays_ms = ",".join(str(int(delay * 1000)) for delay in claim.limit.delays)
            arguments += [str(claim.limit.attempts), str(window_ms), delays_ms]
        wait_ms = await self._run(TAKE_SLOTS, claims, arguments)
        shared_count = wait_ms is not None
        wait = (wait_ms or 0) / 1000
        if not wait:
            wait = self._local.take(claims, share=1.0 if shared_count else 0.5)
            if wait and shared_count:
                await self._run(GIVE_SLOTS_BACK, claims, [])
        if wait:
            raise TooManyRequests("Too many attempts; wait before the next one.", retry_after=wait)

    async def _give_back(self, claims: Sequence[Claim]) -> None:
        self._local.give_back(claims)
        await self._run(GIVE_SLOTS_BACK, claims, [])

    async def _run(self, script: str, claims: Sequence[Claim], arguments: Sequence[str]) -> int | None:
        """The script's answer; None when Redis is away or too slow."""
        try:
            async with asyncio.timeout(self._redis_seconds):
                answer = self._redis.eval(script, len(claims), *(claim.key for claim in claims), *arguments)
                return int(answer if isinstance(answer, str) else await answer)
        except (RedisError, OSError, TimeoutError):
            log.warning("attempt_limits_local", limits=[claim.limit.name for claim in claims])
            return None


class LocalWindows:
    """The count of this process: it bounds guesses while Redis is away and after it came back empty.

    A full table forgets whoever was quiet longest: guesses on many subjects refuse nobody else, and the address
    that sends them is refused by its own limit, as each of its attempts keeps its count young.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._used: dict[str, tuple[int, float]] = {}

    def take(self, claims: Sequence[Claim], *, share: float) -> float:
        """Take a slot of every subject within `share` of its limit, or none and the seconds to wait."""
        now = self._clock()
        current = [(claim, *self._current(claim, now)) for claim in claims]
        waits = [
            ends - now for claim, used, ends in current if used >= max(1, int(claim.limit.attempts * share))
        ]
        for claim, used, ends in current:
            self._keep(claim.key, used if waits else used + 1, ends)
        return max(waits, default=0.0)

    def give_back(self, claims: Sequence[Claim]) -> None:
        """Return one slot of every subject."""
        for claim in claims:
            used, ends = self._current(claim, self._clock())
            self._keep(claim.key, used - 1, ends)

    def _current(self, claim: Claim, now: float) -> tuple[int, float]:
        used, ends = self._used.get(claim.key, (0, 0.0))
        return (used, ends) if ends > now else (0, now + claim.limit.window.total_seconds())

    def _keep(self, key: str, used: int, ends: float) -> None:
        """Write a count down as the youngest; the oldest makes room."""
        self._used.pop(key, None)
        if used <= 0:
            return
        if len(self._used) >= MAX_LOCAL_SUBJECTS:
            del self._used[next(iter(self._used))]
        self._used[key] = (used, ends)
