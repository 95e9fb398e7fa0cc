"""Puts wake-ups on ARQ queues in one round trip. Only the relay calls this."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from arq.constants import job_key_prefix
from arq.jobs import serialize_job
from redis.asyncio import Redis

JOB_NAME = "run_step"
EXPIRES_MS = 24 * 3600 * 1000
LATEST_CLOCK_MS = 600 * 1000
"""ARQ takes what is due by the worker's own clock: one that is this late takes a wake-up at once all the same."""


@dataclass(frozen=True, slots=True)
class WakeUp:
    """A hint that a step may be ready; losing it costs a sweep interval, doubling it costs a look."""

    queue: str
    workflow_id: UUID
    step: str
    outbox_id: int
    run_after: datetime | None = None

    @property
    def job_id(self) -> str:
        """Unique per outbox row, so that a relayed-twice row is one job."""
        return f"{self.workflow_id}:{self.step}:{self.outbox_id}"


def to_wire(message: dict[str, Any]) -> bytes:
    """ARQ's job dictionary as JSON; ARQ's default is pickle, which would execute what it reads."""
    return orjson.dumps(message, default=str)


def from_wire(data: bytes) -> dict[str, Any]:
    """ARQ's job dictionary from JSON."""
    message: dict[str, Any] = orjson.loads(data)
    return message


def queue_key(queue: str) -> str:
    """The Redis key of a queue."""
    return f"queue:{queue}"


async def enqueue(redis: Redis, wake_ups: Iterable[WakeUp]) -> None:
    """Put wake-ups on their queues in one pipeline."""
    now_ms = time.time_ns() // 1_000_000
    pipe = redis.pipeline(transaction=False)
    for wake in wake_ups:
        score = int(wake.run_after.timestamp() * 1000) if wake.run_after else now_ms - LATEST_CLOCK_MS
        job = serialize_job(
            JOB_NAME, (str(wake.workflow_id), wake.step), {}, None, now_ms, serializer=to_wire
        )
        pipe.psetex(job_key_prefix + wake.job_id, max(0, score - now_ms) + EXPIRES_MS, job)
        pipe.zadd(queue_key(wake.queue), {wake.job_id: score})
    await pipe.execute()


async def queue_depths(redis: Redis, queues: Sequence[str]) -> dict[str, int]:
    """How many wake-ups wait on each queue."""
    pipe = redis.pipeline(transaction=False)
    for queue in queues:
        pipe.zcard(queue_key(queue))
    return dict(zip(queues, await pipe.execute(), strict=True))
