"""Wake-ups as the workers' clocks see them."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from redis.asyncio import Redis

from shared.queue import WakeUp, enqueue
from shared.queue.producer import queue_key

QUEUE = "tests.clocks"
LATE_MS = 300 * 1000


async def due(redis: Redis, *, late_ms: int = 0) -> list[str]:
    """What ARQ would take by a clock that is so late."""
    now_ms = time.time_ns() // 1_000_000 - late_ms
    found: list[str] = await redis.zrangebyscore(queue_key(QUEUE), float("-inf"), now_ms)
    return found


async def test_a_worker_whose_clock_is_five_minutes_late_takes_a_wake_up_at_once(redis: Redis) -> None:
    wake = WakeUp(QUEUE, uuid4(), "scrape", 1)
    await enqueue(redis, [wake])
    assert await due(redis, late_ms=LATE_MS) == [wake.job_id]


async def test_a_wake_up_for_later_waits(redis: Redis) -> None:
    later = WakeUp(QUEUE, uuid4(), "scrape", 1, run_after=datetime.now(UTC) + timedelta(hours=1))
    await enqueue(redis, [later])
    assert await due(redis) == []
    assert await due(redis, late_ms=-3601 * 1000) == [later.job_id]
