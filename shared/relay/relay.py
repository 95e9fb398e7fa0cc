"""Copies unpublished outbox rows to streams and queues; never by a cursor, always by `published_at IS NULL`."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import Row, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.unit_of_work import UnitOfWorkFactory
from shared.queue.producer import WakeUp, enqueue, queue_depths
from shared.streams.messages import StreamEntry, add_to_streams
from shared.telemetry.logging import get_logger
from shared.workflow import metrics, sql

log = get_logger(__name__)

EPOCH_KEY = "ridgeline:epoch"
READY = "ready"
HEALING = "healing"
BATCH = 500

TAKE = text(
    """
    WITH epoch AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared(hashtext('relay-epoch')))
    SELECT taken.* FROM epoch CROSS JOIN LATERAL (
        SELECT id, event_id, topic, key, type, version, payload, headers, created_at
          FROM core.outbox WHERE published_at IS NULL ORDER BY id LIMIT :batch FOR UPDATE SKIP LOCKED
    ) AS taken ORDER BY taken.id
    """
)
MARK = text("UPDATE core.outbox SET published_at = now() WHERE id = ANY (:ids) AND created_at >= :oldest")
HOLD_BACK = text(
    """
    UPDATE core.step SET enqueued_at = NULL
      FROM unnest(CAST(:workflows AS uuid[]), CAST(:steps AS text[])) AS held(workflow_id, name)
     WHERE step.workflow_id = held.workflow_id AND step.name = held.name AND step.status = 'ready'
    """
)
REPUBLISH = text(
    """
    UPDATE core.outbox SET published_at = NULL
     WHERE created_at > now() - interval '24 hours' AND published_at IS NOT NULL AND topic LIKE 'ev.%'
    """
)
TRY_TO_HEAL = text("SELECT pg_try_advisory_xact_lock(hashtext('relay-healer'))")
WAIT_FOR_BATCHES = text("SELECT pg_advisory_xact_lock(hashtext('relay-epoch'))")


class Relay:
    """Moves outbox rows to Redis in batches of 500, at least once, in parallel with other relays."""

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        redis: Redis,
        *,
        poll_seconds: float = 0.05,
        depth_limit: int = 1000,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._redis = redis
        self._poll_seconds = poll_seconds
        self._depth_limit = depth_limit
        self._stopping = False
        self.alive = False

    def stop(self) -> None:
        """Finish the batch in hand and end."""
        self._stopping = True

    async def run_forever(self) -> None:
        """Relay until stopped; a database or Redis that is away is waited for."""
        delay = 0.1
        while not self._stopping:
            try:
                await self.heal_after_redis_loss()
                moved = await self.relay_batch()
                self.alive, delay = True, 0.1
                if moved < BATCH:
                    await asyncio.sleep(self._poll_seconds)
            except (RedisError, SQLAlchemyError, OSError) as error:
                self.alive = False
                log.warning("relay_waits", error=type(error).__name__, delay=delay)
                await asyncio.sleep(delay)
                delay = min(delay * 2, 2.0)

    async def relay_batch(self) -> int:
        """Publish up to 500 rows and mark them, in one transaction; returns how many."""
        async with self._unit_of_work() as uow:
            rows = (await uow.session.execute(TAKE, {"batch": BATCH})).all()
            if not rows:
                return 0
            events = [row for row in rows if not row.topic.startswith("queue.")]
            wake_ups = [_wake_up(row) for row in rows if row.topic.startswith("queue.")]
            if events:
                await add_to_streams(self._redis, [_entry(row) for row in events])
                metrics.RELAYED.labels("event").inc(len(events))
            if wake_ups:
                await self._enqueue_within_limits(uow.session, wake_ups)
                metrics.RELAYED.labels("wake_up").inc(len(wake_ups))
            await uow.session.execute(
                MARK, {"ids": [row.id for row in rows], "oldest": min(row.created_at for row in rows)}
            )
        return len(rows)

    async def _enqueue_within_limits(self, session: AsyncSession, wake_ups: Sequence[WakeUp]) -> None:
        """Queue what fits under the depth limit; the rest stays ready in Postgres for the sweeper."""
        depths = Counter(await queue_depths(self._redis, sorted({wake.queue for wake in wake_ups})))
        fitting: list[WakeUp] = []
        held: list[WakeUp] = []
        for wake in wake_ups:
            depths[wake.queue] += 1
            (fitting if depths[wake.queue] <= self._depth_limit else held).append(wake)
        await enqueue(self._redis, fitting)
        if held:
            await session.execute(
                HOLD_BACK, {"workflows": [w.workflow_id for w in held], "steps": [w.step for w in held]}
            )

    async def heal_after_redis_loss(self) -> bool:
        """When Redis forgot its epoch, publish the last day's events again and let every open step be swept.

        Batches under way end first, or what they added to the lost Redis would be marked published after the
        healing. A Redis lost again before the end has no key to be made ready, and is healed once more.
        """
        if await self._redis.get(EPOCH_KEY) == READY:
            return False
        async with self._unit_of_work() as uow:
            if not (await uow.session.execute(TRY_TO_HEAL)).scalar_one():
                return False
            await uow.session.execute(WAIT_FOR_BATCHES)
            if await self._redis.get(EPOCH_KEY) == READY:
                return False
            await self._redis.set(EPOCH_KEY, HEALING)
            republished = await uow.session.execute(REPUBLISH)
            await uow.session.execute(sql.FORGET_ENQUEUED)
        await self._redis.set(EPOCH_KEY, READY, xx=True)
        log.warning("redis_was_empty", republished=republished.rowcount)  # type: ignore[attr-defined]
        return True


def _entry(row: Row[Any]) -> StreamEntry:
    return StreamEntry(
        row.topic, row.event_id, row.type, row.version, row.key, row.payload, row.headers, row.created_at
    )


def _wake_up(row: Row[Any]) -> WakeUp:
    run_after = row.payload.get("run_after")
    return WakeUp(
        queue=row.topic.removeprefix("queue."),
        workflow_id=UUID(row.payload["workflow_id"]),
        step=row.payload["step"],
        outbox_id=row.id,
        run_after=datetime.fromisoformat(run_after) if run_after else None,
    )
