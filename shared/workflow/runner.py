"""Runs one step: claim, heartbeat, handler, and the right end for every way it can go."""

from __future__ import annotations

import asyncio
import random
import time
import traceback
from collections.abc import Iterable
from typing import Any, Generic, TypeVar
from uuid import UUID, uuid4

from pydantic import ValidationError
from sqlalchemy import Row

from shared.db.faults import words_of
from shared.db.rows import all_rows
from shared.errors import (
    BudgetExceeded,
    PermanentError,
    PolicyViolation,
    ProviderError,
    ProviderRateLimited,
    Retry,
    RidgelineError,
    Skip,
)
from shared.telemetry.context import trace_from, use_trace
from shared.telemetry.logging import get_logger
from shared.workflow import metrics, sql
from shared.workflow.steps import Step, StepContext, StepResources, StepResult, cancelled_quietly
from shared.workflow.transitions import Lease, LeaseLost, admit_children, advance, bury, fence, reschedule

log = get_logger(__name__)
R = TypeVar("R", bound=StepResources)

BACKOFF_BASE_SECONDS = 2.0
BACKOFF_CAP_SECONDS = 900.0
BUDGET_WAIT_SECONDS = 60.0


def backoff_seconds(attempt: int, rng: random.Random) -> float:
    """Full-jitter exponential delay before the next attempt: 2 s base, 15 minutes cap."""
    return rng.uniform(0.2, min(BACKOFF_CAP_SECONDS, BACKOFF_BASE_SECONDS * 2 ** (attempt - 1)))


class StepRunner(Generic[R]):
    """Runs the steps a service declares; one instance a process."""

    def __init__(
        self,
        resources: R,
        steps: Iterable[Step],
        *,
        worker: str,
        lease_seconds: float,
        rng: random.Random | None = None,
    ) -> None:
        self._resources = resources
        self._steps = {(step.workflow.kind, step.name): step for step in steps}
        self._worker = worker
        self._lease_seconds = lease_seconds
        self._rng = rng or random.Random()
        self.draining = False
        self.running: set[asyncio.Task[Any]] = set()

    async def run(self, workflow_id: UUID, step_name: str) -> bool:
        """Run a step if it is there to be claimed; False for a duplicate or early wake-up."""
        if self.draining:
            return False
        lease, row = await self._claim(workflow_id, step_name)
        if lease is None or row is None:
            await self._admit_children_if_waiting(workflow_id, step_name)
            return False
        trace = trace_from({"traceparent": row.traceparent, "x-correlation-id": row.correlation_id})
        with use_trace(trace), all_rows():
            task = asyncio.current_task()
            if task is not None:
                self.running.add(task)
            try:
                await self._run_claimed(lease, row)
            finally:
                if task is not None:
                    self.running.discard(task)
        return True

    async def _admit_children_if_waiting(self, workflow_id: UUID, step_name: str) -> None:
        """Treat a wake-up of a step that waits for children as a child's end."""
        key = {"workflow_id": workflow_id, "name": step_name}
        waiting = await self._resources.unit_of_work.alone(sql.WAITING_STEP, key)
        if waiting and waiting[0].waiting_for == "children":
            async with self._resources.unit_of_work() as uow:
                await admit_children(uow.session, workflow_id, step_name)

    async def _claim(self, workflow_id: UUID, step_name: str) -> tuple[Lease | None, Row[Any] | None]:
        token = uuid4()
        rows = await self._resources.unit_of_work.alone(
            sql.CLAIM,
            {
                "workflow_id": workflow_id,
                "name": step_name,
                "token": token,
                "worker": self._worker,
                "lease_seconds": self._lease_seconds,
            },
        )
        if not rows:
            return None, None
        row = rows[0]
        return Lease(workflow_id, step_name, token, self._worker, row.attempt, row.started_at), row

    async def _run_claimed(self, lease: Lease, row: Row[Any]) -> None:
        began = time.perf_counter()
        try:
            outcome = await self._attempt(lease, row)
        except LeaseLost as lost:
            outcome = "lease_lost"
            metrics.LEASES_LOST.labels(row.kind, lease.step).inc()
            log.warning(
                "step_lease_lost", step=lease.step, workflow_id=str(lease.workflow_id), reason=str(lost)
            )
        metrics.STEP_SECONDS.labels(row.kind, lease.step, outcome).observe(time.perf_counter() - began)
        metrics.STEP_ATTEMPTS.labels(row.kind, lease.step, outcome).inc()

    async def _attempt(self, lease: Lease, row: Row[Any]) -> str:
        step = self._steps.get((row.kind, lease.step))
        if step is None:
            return await self._give_up(lease, row, f"no handler for step {lease.step} of {row.kind}", {})
        if lease.attempt > row.max_attempt:
            return await self._give_up(lease, row, "its worker was lost on every attempt", {})
        try:
            await self._handle(step, lease, row)
        except LeaseLost:
            raise
        except asyncio.CancelledError:
            return await self._release(lease)
        except Skip as skip:
            return await self._skip(lease, skip)
        except Exception as error:  # noqa: BLE001 - every other failure of a handler is classified here
            return await self._failed(lease, row, error)
        return "done"

    async def _handle(self, step: Step, lease: Lease, row: Row[Any]) -> None:
        """Run the handler under its timeout while the lease is extended; losing the lease cancels it."""
        context: StepContext[R] = StepContext(
            self._resources,
            lease,
            row.kind,
            row.subject_id,
            {
                name: StepResult(r["status"], r["output"] or {}, r["reason"])
                for name, r in (row.results or {}).items()
            },
            row.parent_id,
            dict(row.progress or {}),
        )
        payload = step.input.model_validate({"subject_id": row.subject_id, **row.input})
        work = asyncio.ensure_future(step.run(context, payload))
        beat = asyncio.ensure_future(self._heartbeat(lease, work))
        try:
            async with asyncio.timeout(row.timeout_seconds):
                output = await work
        except asyncio.CancelledError:
            if beat.done() and not beat.cancelled() and beat.result() == "lost":
                raise LeaseLost(f"step {lease.step} lost its lease while running") from None
            raise
        finally:
            await cancelled_quietly(work)
            await cancelled_quietly(beat)
        if not context.ended:
            async with context.commit(output):
                pass

    async def _heartbeat(self, lease: Lease, work: asyncio.Future[Any]) -> str:
        while True:
            await asyncio.sleep(self._lease_seconds / 3)
            try:
                kept = await self._resources.unit_of_work.alone(
                    sql.HEARTBEAT,
                    {
                        "workflow_id": lease.workflow_id,
                        "name": lease.step,
                        "token": lease.token,
                        "lease_seconds": self._lease_seconds,
                    },
                )
            except Exception as error:  # noqa: BLE001 - a database that is away does not end the work
                log.warning("heartbeat_failed", step=lease.step, error=type(error).__name__)
                continue
            if not kept:
                work.cancel()
                return "lost"

    async def _failed(self, lease: Lease, row: Row[Any], error: Exception) -> str:
        details = describe(error)
        delay, free, permanent = classify(error, backoff_seconds(max(1, lease.attempt), self._rng))
        log.warning(
            "step_failed",
            step=lease.step,
            workflow_id=str(lease.workflow_id),
            attempt=lease.attempt,
            error=details["type"],
            detail=details["detail"],
            permanent=permanent,
        )
        if permanent or (not free and lease.attempt >= row.max_attempt):
            return await self._give_up(lease, row, details["detail"], details)
        async with self._resources.unit_of_work() as uow:
            await reschedule(
                uow.session,
                lease,
                delay_seconds=delay,
                reason=details["detail"][:500],
                error=details,
                give_back=free,
            )
        return "retry"

    async def _give_up(self, lease: Lease, row: Row[Any], reason: str, error: dict[str, Any]) -> str:
        async with self._resources.unit_of_work() as uow:
            await bury(uow.session, lease, optional=row.optional, reason=reason[:500], error=error)
        return "dead"

    async def _skip(self, lease: Lease, skip: Skip) -> str:
        async with self._resources.unit_of_work() as uow:
            workflow = await fence(
                uow.session, lease, "skipped", reason=skip.reason, error=skip.details or None
            )
            await advance(uow.session, workflow, lease.step, lease=lease, outcome="skipped")
        return "skipped"

    async def _release(self, lease: Lease) -> str:
        """Hand a step back at shutdown: ready at once, the attempt not counted."""
        async with self._resources.unit_of_work() as uow:
            await reschedule(
                uow.session, lease, delay_seconds=0, reason="worker stopped", error=None, give_back=True
            )
        return "released"

    async def drain(self, seconds: float) -> None:
        """Stop claiming, give running steps `seconds` to end, then release them."""
        self.draining = True
        if self.running:
            await asyncio.wait(set(self.running), timeout=seconds)
        for task in list(self.running):
            task.cancel()
        if self.running:
            await asyncio.wait(set(self.running), timeout=5)


def classify(error: Exception, delay: float) -> tuple[float, bool, bool]:
    """(seconds to wait, attempt not counted, never again) for a handler's failure."""
    if isinstance(error, Retry):
        return error.after, error.free, False
    if isinstance(error, BudgetExceeded):
        return BUDGET_WAIT_SECONDS, True, False
    if isinstance(error, ProviderRateLimited) or not getattr(error, "consumes_attempt", True):
        return max(delay, float(getattr(error, "retry_after", 0.0))), True, False
    if isinstance(error, ProviderError):
        return delay, False, not error.retryable
    if isinstance(error, (PermanentError, ValidationError, PolicyViolation)):
        return 0.0, False, True
    if isinstance(error, RidgelineError):
        return delay, False, error.status < 500
    return delay, False, False


def describe(error: BaseException) -> dict[str, Any]:
    """An error as facts for the step row: type, code, words, and where it came from."""
    detail = (
        getattr(error, "reason", None)
        or getattr(error, "detail", None)
        or words_of(error)
        or type(error).__name__
    )
    return {
        "type": type(error).__name__,
        "code": getattr(error, "code", None),
        "detail": str(detail)[:2000],
        "where": traceback.format_exception(error)[-3:-1],
    }
