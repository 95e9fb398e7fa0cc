"""One ARQ worker for one queue, restarted with back-off whenever Redis drops it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from arq.connections import RedisSettings
from arq.worker import Worker, func

from shared.queue.producer import JOB_NAME, from_wire, queue_key, to_wire
from shared.telemetry.logging import get_logger

log = get_logger(__name__)
LASTING_SECONDS = 10.0
RunStep = Callable[[UUID, str], Awaitable[bool]]


class QueueWorker:
    """Runs `run_step(workflow_id, step)` for every wake-up of one queue, `max_jobs` at a time."""

    def __init__(
        self,
        redis_url: str,
        queue: str,
        run_step: RunStep,
        *,
        max_jobs: int,
        poll_seconds: float,
        job_timeout: float,
    ) -> None:
        self._redis_url = redis_url
        self.queue = queue
        self._run_step = run_step
        self._max_jobs = max_jobs
        self._poll_seconds = poll_seconds
        self._job_timeout = job_timeout
        self._worker: Worker | None = None
        self._stopping = False
        self.alive = False

    async def run_forever(self) -> None:
        """Work until stopped; a lost Redis is waited for, never fatal (ARQ itself exits)."""
        failures = 0
        while not self._stopping:
            failures = 0 if await self._serve() else failures + 1
            if not self._stopping:
                await asyncio.sleep(min(0.2 * 2**failures, 5.0))

    async def _serve(self) -> bool:
        """Work until Redis drops us or we are stopped; False when it did not last ten seconds."""
        began = time.monotonic()
        try:
            self._worker = self._build()
            self.alive = True
            await self._worker.async_run()
        except asyncio.CancelledError:
            if not self._stopping:
                raise
        except Exception as error:  # noqa: BLE001 - whatever ends ARQ, the queue must be served again
            log.warning("queue_worker_restarts", queue=self.queue, error=type(error).__name__)
        self.alive = False
        return time.monotonic() - began > LASTING_SECONDS

    def stop_picking(self) -> None:
        """Take no further wake-up; running ones go on."""
        self._stopping = True
        if self._worker is not None:
            self._worker.allow_pick_jobs = False

    async def close(self) -> None:
        """End the worker; called after running steps were drained."""
        self._stopping = True
        if self._worker is not None:
            await self._worker.close()

    def _build(self) -> Worker:
        async def run_step(_: dict[Any, Any], workflow_id: str, step: str) -> None:
            await self._run_step(UUID(workflow_id), step)

        return Worker(
            functions=[func(run_step, name=JOB_NAME, keep_result=0, max_tries=1, timeout=self._job_timeout)],  # type: ignore[arg-type]
            redis_settings=RedisSettings.from_dsn(self._redis_url),
            queue_name=queue_key(self.queue),
            max_jobs=self._max_jobs,
            poll_delay=self._poll_seconds,
            job_timeout=self._job_timeout,
            keep_result=0,
            max_tries=1,
            handle_signals=False,
            health_check_interval=10,
            job_serializer=to_wire,
            job_deserializer=from_wire,
            allow_abort_jobs=False,
        )
