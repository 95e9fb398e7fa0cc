"""Finds what a lost hint or a dead worker left behind, and keeps the streams and partitions trim."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from shared.db.unit_of_work import UnitOfWorkFactory
from shared.relay import quality
from shared.telemetry.logging import get_logger
from shared.workflow import metrics, sql
from shared.workflow.budget import Budget
from shared.workflow.control import fail_past_deadline

log = get_logger(__name__)

SWEEP_BATCH = 2000
KEEP_STREAM_SECONDS = 24 * 3600
TRY_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtext('ridgeline-sweeper'))")

READY = text(
    """
    SELECT queue, count(*) AS ready, coalesce(extract(epoch FROM now() - min(run_after)), 0) AS oldest
      FROM core.step WHERE status = 'ready' AND run_after <= now() GROUP BY queue
    """
)
OPEN = text(
    "SELECT kind, status, count(*) AS n FROM core.workflow WHERE status IN ('pending','running','waiting') GROUP BY 1, 2"
)
OUTBOX = text(
    """
    SELECT count(*) AS rows, coalesce(extract(epoch FROM now() - min(created_at)), 0) AS oldest
      FROM core.outbox WHERE published_at IS NULL
    """
)
DEAD = text("SELECT source, count(*) AS n FROM core.dead_letter WHERE resolved_at IS NULL GROUP BY source")
INVARIANTS = text("SELECT name, violations FROM core.invariant_violations()")


class Sweeper:
    """Puts ready or abandoned steps back on their queues; one at a time over all replicas."""

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        redis: Redis,
        *,
        every_seconds: float = 5.0,
        after_seconds: float = 30.0,
        invariants_every_seconds: float = 60.0,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._redis = redis
        self._every_seconds = every_seconds
        self._after_seconds = after_seconds
        self._invariants_every_seconds = invariants_every_seconds
        self._budget = Budget(unit_of_work)
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """End after the round in hand."""
        self._stopping.set()

    async def run_forever(self) -> None:
        """Sweep, measure and trim until stopped; one failing duty does not stop the others."""
        measured_at = 0.0
        while not self._stopping.is_set():
            await self._guard(self.sweep)
            await self._guard(self._measure)
            if time.monotonic() - measured_at > self._invariants_every_seconds:
                measured_at = time.monotonic()
                for duty in (self._check_invariants, self._measure_quality, self._expire, self.trim_streams):
                    await self._guard(duty)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), self._every_seconds)

    async def sweep(self) -> int:
        """Wake steps that are ready but not queued, or whose lease ran out; returns how many."""
        async with self._unit_of_work() as uow:
            if not (await uow.session.execute(TRY_LOCK)).scalar_one():
                return 0
            swept = await uow.session.execute(
                sql.SWEEP, {"after_seconds": self._after_seconds, "batch": SWEEP_BATCH}
            )
        count: int = swept.rowcount  # type: ignore[attr-defined]
        if count:
            metrics.SWEPT.inc(count)
            log.info("steps_swept", count=count)
        return count

    async def trim_streams(self) -> None:
        """Trim what is a day old from each stream, but nothing that one of its groups has not acknowledged."""
        old = f"{int((time.time() - KEEP_STREAM_SECONDS) * 1000)}-0"
        async for key in self._redis.scan_iter(match="ev.*", _type="stream"):
            floor = await self._oldest_needed(key)
            below = old if floor is None else min(floor, old, key=_entry_order)
            await self._redis.xtrim(key, minid=below, approximate=True)

    async def _oldest_needed(self, stream: str) -> str | None:
        try:
            groups = await self._redis.xinfo_groups(stream)
        except ResponseError:
            return None
        floors: list[str] = []
        for group in groups:
            pending = await self._redis.xpending(stream, group["name"])
            metrics.STREAM_LAG.labels(stream, group["name"]).set(group.get("lag") or 0)
            floors.append(str(pending["min"] or group["last-delivered-id"]))
        return min(floors, key=_entry_order) if floors else None

    async def _measure(self) -> None:
        async with self._unit_of_work() as uow:
            ready = (await uow.session.execute(READY)).all()
            workflows = (await uow.session.execute(OPEN)).all()
            outbox = (await uow.session.execute(OUTBOX)).one()
            dead = (await uow.session.execute(DEAD)).all()
        for gauge in (metrics.STEPS_READY, metrics.OLDEST_READY, metrics.WORKFLOWS, metrics.DEAD_LETTERS):
            gauge.clear()
        for row in ready:
            metrics.STEPS_READY.labels(row.queue).set(row.ready)
            metrics.OLDEST_READY.labels(row.queue).set(float(row.oldest))
        for row in workflows:
            metrics.WORKFLOWS.labels(row.kind, row.status).set(row.n)
        for row in dead:
            metrics.DEAD_LETTERS.labels(row.source).set(row.n)
        metrics.OUTBOX_UNPUBLISHED.set(outbox.rows)
        metrics.OUTBOX_OLDEST.set(float(outbox.oldest))

    async def _check_invariants(self) -> None:
        async with self._unit_of_work() as uow:
            rows = (await uow.session.execute(INVARIANTS)).all()
        for row in rows:
            metrics.INVARIANT_VIOLATIONS.labels(row.name).set(row.violations)
            if row.violations:
                log.error("invariant_broken", invariant=row.name, violations=row.violations)

    async def _measure_quality(self) -> None:
        async with self._unit_of_work() as uow:
            await quality.measure(uow.session)

    async def _expire(self) -> None:
        await fail_past_deadline(self._unit_of_work)
        await self._budget.expire()
        await self._budget.reconcile()

    async def _guard(self, duty: Callable[[], Awaitable[object]]) -> None:
        try:
            await duty()
        except (SQLAlchemyError, RedisError, OSError) as error:
            log.warning("sweeper_waits", duty=duty.__name__, error=type(error).__name__)


def _entry_order(entry_id: str) -> tuple[int, int]:
    milliseconds, _, sequence = entry_id.partition("-")
    return int(milliseconds), int(sequence or 0)
