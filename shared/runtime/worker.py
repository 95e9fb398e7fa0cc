"""The worker of a service: its queues, its streams, its heartbeat and, in the orchestrator, the scheduler tick."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from shared.db.unit_of_work import UnitOfWork
from shared.queue import QueueWorker
from shared.runtime.application import Readiness
from shared.runtime.resources import Resources
from shared.runtime.service import Service
from shared.streams import StreamConsumer
from shared.telemetry import metrics as process_metrics
from shared.telemetry.logging import get_logger
from shared.workflow import metrics
from shared.workflow.runner import StepRunner
from shared.workflow.schedule import Scheduler, seed_schedule

log = get_logger(__name__)

BEAT = text(
    """
    INSERT INTO core.worker_heartbeat (worker, service, started_at, beat_at) VALUES (:worker, :service, now(), now())
    ON CONFLICT (worker) DO UPDATE SET beat_at = now()
    """
)
BYE = text("DELETE FROM core.worker_heartbeat WHERE worker = :worker OR beat_at < now() - interval '1 day'")
BEAT_SECONDS = 10.0
LOOP_PROBE_SECONDS = 0.5


class Worker:
    """Everything a service does in the background; started and drained as one."""

    def __init__(self, service: Service, resources: Resources, readiness: Readiness) -> None:
        settings = resources.settings
        self._service = service
        self._resources = resources
        self.runner: StepRunner[Resources] = StepRunner(
            resources, service.steps, worker=resources.worker, lease_seconds=settings.lease_seconds
        )
        self._queues = [
            QueueWorker(
                settings.redis_url.get_secret_value(),
                queue,
                self.runner.run,
                max_jobs=limit,
                poll_seconds=settings.queue_poll_seconds,
                job_timeout=service.longest_step_seconds() + 60,
            )
            for queue, limit in service.queues.items()
        ]
        self._consumer = StreamConsumer(
            resources.redis,
            resources.unit_of_work,
            group=service.name,
            consumer=resources.worker,
            handlers={kind: _bind(handler, resources) for kind, handler in service.handlers.items()},
            claim_idle_seconds=settings.stream_claim_seconds,
            observe=_observe,
        )
        self._scheduler = Scheduler(resources.unit_of_work)
        self._tasks: list[asyncio.Task[None]] = []
        for queue in self._queues:
            readiness.watch(f"queue:{queue.queue}", queue)
        if service.handlers:
            readiness.watch("streams", self._consumer)

    async def start(self) -> None:
        """Seed the service's schedule rows and begin to work."""
        if self._service.schedule:
            async with self._resources.unit_of_work() as uow:
                await seed_schedule(uow.session, self._service.name, tuple(self._service.schedule))
        loops: list[Callable[[], Awaitable[None]]] = [queue.run_forever for queue in self._queues]
        loops += [self._consumer.run_forever, self._beat, self._watch_loop]
        if self._service.ticks_schedule:
            loops.append(self._tick)
        self._tasks = [asyncio.create_task(self._keep(loop)) for loop in loops]

    async def drain(self) -> None:
        """Stop claiming, let running steps end within the drain time, release the rest, say goodbye."""
        for queue in self._queues:
            queue.stop_picking()
        self._consumer.stop()
        await self.runner.drain(self._resources.settings.drain_seconds)
        for queue in self._queues:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(queue.close(), 5)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(SQLAlchemyError, OSError):
            async with self._resources.unit_of_work() as uow:
                await uow.session.execute(BYE, {"worker": self._resources.worker})

    async def _keep(self, loop: Callable[[], Awaitable[None]]) -> None:
        """Run a loop for ever; a loop that raises is logged and started again."""
        while True:
            try:
                await loop()
                return
            except asyncio.CancelledError:
                raise
            except Exception as error:
                log.exception(
                    "background_loop_restarts",
                    loop=loop.__name__,
                    error=type(error).__name__,
                    detail=str(error),
                )
                await asyncio.sleep(1)

    async def _beat(self) -> None:
        while True:
            async with self._resources.unit_of_work() as uow:
                await uow.session.execute(
                    BEAT, {"worker": self._resources.worker, "service": self._service.name}
                )
            await asyncio.sleep(BEAT_SECONDS)

    async def _tick(self) -> None:
        while True:
            await self._scheduler.tick()
            await asyncio.sleep(self._resources.settings.schedule_tick_seconds)

    async def _watch_loop(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(LOOP_PROBE_SECONDS)
            lag = max(0.0, loop.time() - before - LOOP_PROBE_SECONDS)
            process_metrics.LOOP_LAG.labels(self._service.name).observe(lag)


def _bind(handler: Callable[..., Awaitable[None]], resources: Resources) -> Callable[..., Awaitable[None]]:
    async def handle(event: object, uow: UnitOfWork) -> None:
        await handler(event, uow, resources)

    return handle


def _observe(event: str, outcome: str, seconds: float) -> None:
    metrics.STREAM_MESSAGES.labels(event, outcome).inc()
    if outcome == "handled":
        metrics.EVENT_LATENCY.labels(event).observe(seconds)
