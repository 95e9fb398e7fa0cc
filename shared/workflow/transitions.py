"""The moves of steps and workflows, each inside the caller's transaction and under the workflow's lock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.unit_of_work import trace_headers_json
from shared.errors import Conflict, NotFound
from shared.workflow import sql
from shared.workflow.specs import workflow_spec

LIVE = ("running", "waiting")


class LeaseLost(Exception):
    """Another worker owns this step now, or its workflow ended; everything written here is rolled back."""


@dataclass(frozen=True, slots=True)
class Workflow:
    """What the lock on a workflow shows."""

    id: UUID
    status: str
    kind: str
    parent_id: UUID | None
    parent_step: str | None
    paused: bool


@dataclass(frozen=True, slots=True)
class Lease:
    """A claimed step: who holds it, by which token, for which attempt."""

    workflow_id: UUID
    step: str
    token: UUID
    worker: str
    attempt: int
    started_at: datetime


def as_json(value: Any) -> str | None:
    """JSON text of a value, None for None."""
    return None if value is None else orjson.dumps(value, default=str).decode()


async def lock_workflow(session: AsyncSession, workflow_id: UUID) -> Workflow:
    """Lock the workflow row; everything that joins or counts its steps goes through here."""
    row = (await session.execute(sql.LOCK_WORKFLOW, {"workflow_id": workflow_id})).one_or_none()
    return _seen(workflow_id, row)


def _seen(workflow_id: UUID, row: Row[Any] | None) -> Workflow:
    if row is None:
        raise NotFound(f"there is no workflow {workflow_id}", workflow_id=str(workflow_id))
    return Workflow(workflow_id, row.status, row.kind, row.parent_id, row.parent_step, row.paused)


async def fence(
    session: AsyncSession,
    lease: Lease,
    status: str,
    *,
    output: Any = None,
    reason: str | None = None,
    error: Any = None,
    waiting_for: str | None = None,
    delay_seconds: float = 0.0,
    give_back: bool = False,
) -> Workflow:
    """Move a claimed step under the workflow's lock; LeaseLost when the token no longer holds.

    Without an output the step keeps what it reported, for its next attempt.
    """
    row = (
        await session.execute(
            sql.FENCE,
            {
                "workflow_id": lease.workflow_id,
                "name": lease.step,
                "token": lease.token,
                "status": status,
                "output": as_json(output),
                "reason": reason,
                "error": as_json(error),
                "waiting_for": waiting_for,
                "delay_seconds": delay_seconds,
                "give_back": 1 if give_back else 0,
            },
        )
    ).one_or_none()
    workflow = _seen(lease.workflow_id, row)
    if workflow.status not in LIVE:
        raise LeaseLost(f"workflow {lease.workflow_id} is {workflow.status}")
    if row is None or not row.moved:
        raise LeaseLost(f"step {lease.step} of {lease.workflow_id} has another owner")
    return workflow


async def advance(
    session: AsyncSession,
    workflow: Workflow,
    step: str,
    *,
    lease: Lease | None = None,
    outcome: str = "done",
    error: Any = None,
    output: Any = None,
) -> None:
    """Free the children of a finished or parked step, write its history, and end the workflow when nothing is open.

    An output replaces the one that the fence wrote.
    """
    row = (
        await session.execute(
            sql.ADVANCE,
            {
                "workflow_id": workflow.id,
                "name": step,
                "headers": trace_headers_json(),
                "outcome": outcome,
                "attempt": lease.attempt if lease else None,
                "worker": lease.worker if lease else None,
                "started_at": lease.started_at if lease else None,
                "error": as_json(error),
                "output": as_json(output),
            },
        )
    ).one()
    if row.freed or row.active:
        if workflow.status == "waiting":
            await _set_status(session, workflow, "running")
        return
    if row.waiting:
        if workflow.status != "waiting":
            await _set_status(session, workflow, "waiting")
            await _wake_parent(session, workflow)
        return
    await end_workflow(session, workflow, "done")


async def end_workflow(session: AsyncSession, workflow: Workflow, status: str, *, error: Any = None) -> None:
    """Close a locked workflow: done, failed or cancelled; its parent is woken."""
    if status != "done":
        await session.execute(
            sql.CLOSE_OPEN_STEPS, {"workflow_id": workflow.id, "reason": f"workflow {status}"}
        )
    await _set_status(session, workflow, status, error=error)
    await _wake_parent(session, workflow)


async def bury(session: AsyncSession, lease: Lease, *, optional: bool, reason: str, error: Any) -> None:
    """Give a step up: a dead letter, then the workflow goes on without it (optional step) or fails."""
    workflow = await fence(session, lease, "skipped" if optional else "dead", reason=reason, error=error)
    await session.execute(
        sql.INSERT_DEAD_LETTER,
        {"workflow_id": lease.workflow_id, "name": lease.step, "reason": reason, "error": as_json(error)},
    )
    if optional:
        await advance(session, workflow, lease.step, lease=lease, outcome="skipped", error=error)
        return
    await end_workflow(session, workflow, "failed", error={"step": lease.step, "reason": reason})
    await _write_history(session, workflow, lease, "dead", error)


async def reschedule(
    session: AsyncSession, lease: Lease, *, delay_seconds: float, reason: str, error: Any, give_back: bool
) -> None:
    """Put a step back to ready, to be woken after the delay."""
    workflow = await fence(
        session, lease, "ready", reason=reason, error=error, delay_seconds=delay_seconds, give_back=give_back
    )
    await _write_history(session, workflow, lease, "released" if give_back else "retry", error)
    await session.execute(
        sql.WAKE_STEP, {"workflow_id": lease.workflow_id, "name": lease.step, "headers": trace_headers_json()}
    )


async def resolve_waiting(
    session: AsyncSession, workflow_id: UUID, step: str, output: Any, *, skipped_because: str | None = None
) -> None:
    """Finish a parked step with a person's decision; Conflict when it does not wait."""
    workflow = await lock_workflow(session, workflow_id)
    moved = await session.execute(
        sql.FINISH_WAITING,
        {
            "workflow_id": workflow_id,
            "name": step,
            "output": as_json(output),
            "reason": skipped_because,
            "status": "skipped" if skipped_because else "done",
        },
    )
    if moved.rowcount != 1:  # type: ignore[attr-defined]
        raise Conflict(f"step {step} of workflow {workflow_id} does not wait", workflow_id=str(workflow_id))
    await advance(session, workflow, step)


async def admit_children(session: AsyncSession, workflow_id: UUID, step: str) -> bool:
    """Start as many pending children as the limit allows; finish the waiting step when none is open. True at the end."""
    workflow = await lock_workflow(session, workflow_id)
    waiting_for = (
        await session.execute(sql.WAITING_STEP, {"workflow_id": workflow_id, "name": step})
    ).scalar_one_or_none()
    if waiting_for != "children" or workflow.status not in LIVE or workflow.paused:
        return False
    key = {"workflow_id": workflow_id, "name": step}
    counts = (await session.execute(sql.CHILD_COUNTS, key)).one()
    if counts.pending == 0 and counts.running == 0:
        await resolve_waiting(session, workflow_id, step, counts._asdict())
        return True
    spec = workflow_spec(workflow.kind)
    slots = (spec.child_limit if spec else 10) - counts.running
    if slots > 0 and counts.pending:
        await session.execute(sql.ADMIT_CHILDREN, {**key, "slots": slots, "headers": trace_headers_json()})
    return False


async def _set_status(session: AsyncSession, workflow: Workflow, status: str, *, error: Any = None) -> None:
    await session.execute(
        sql.END_WORKFLOW, {"workflow_id": workflow.id, "status": status, "error": as_json(error)}
    )


async def _wake_parent(session: AsyncSession, workflow: Workflow) -> None:
    if workflow.parent_id is not None:
        await session.execute(
            sql.WAKE_STEP,
            {
                "workflow_id": workflow.parent_id,
                "name": workflow.parent_step,
                "headers": trace_headers_json(),
            },
        )


async def _write_history(
    session: AsyncSession, workflow: Workflow, lease: Lease, outcome: str, error: Any
) -> None:
    await session.execute(
        sql.INSERT_HISTORY,
        {
            "workflow_id": workflow.id,
            "name": lease.step,
            "attempt": lease.attempt,
            "worker": lease.worker,
            "started_at": lease.started_at,
            "outcome": outcome,
            "error": as_json(error),
        },
    )
