"""What an operator does to a running workflow: cancel, retry, pause, resume. Parent before child, always."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.unit_of_work import UnitOfWorkFactory, trace_headers_json
from shared.errors import Conflict
from shared.workflow import sql
from shared.workflow.specs import workflow_spec
from shared.workflow.transitions import Workflow, end_workflow, lock_workflow

OPEN = ("pending", "running", "waiting")
BEGUN = ("running", "waiting", "done", "skipped")


async def cancel(session: AsyncSession, workflow_id: UUID, *, reason: str = "cancelled by operator") -> int:
    """Cancel an open workflow and its open children; returns how many were cancelled."""
    workflow = await lock_workflow(session, workflow_id)
    if workflow.status not in OPEN:
        raise Conflict(f"workflow {workflow_id} is {workflow.status}", status_now=workflow.status)
    await end_workflow(session, workflow, "cancelled", error={"reason": reason})
    children = (await session.execute(sql.OPEN_CHILDREN, {"workflow_id": workflow_id})).scalars().all()
    for child in children:
        locked = await lock_workflow(session, child)
        if locked.status in OPEN:
            await end_workflow(session, locked, "cancelled", error={"reason": reason})
    return 1 + len(children)


async def cancel_gracefully(session: AsyncSession, workflow_id: UUID) -> bool:
    """Let the running step end the workflow where it is safe to stop; True when nothing ran and it is cancelled now.

    For steps that look at `ctx.asked_to_cancel()`. A worker that dies before it does leaves the wish to the next.
    """
    workflow = await lock_workflow(session, workflow_id)
    if workflow.status not in OPEN:
        raise Conflict(f"workflow {workflow_id} is {workflow.status}", status_now=workflow.status)
    asked = await session.execute(sql.ASK_TO_CANCEL, {"workflow_id": workflow_id})
    if asked.scalar_one_or_none() is not None:
        return False
    await cancel(session, workflow_id)
    return True


async def retry(session: AsyncSession, workflow_id: UUID) -> None:
    """Run a failed or cancelled workflow again, with new time, from the steps that did not finish.

    The dead letters of these steps are resolved. Conflict while another workflow of its kind runs for the
    same subject.
    """
    workflow = await lock_workflow(session, workflow_id)
    if workflow.status not in ("failed", "cancelled"):
        raise Conflict(f"workflow {workflow_id} is {workflow.status}", status_now=workflow.status)
    await _run_unfinished(session, workflow)


async def redrive(session: AsyncSession, workflow_id: UUID, step: str) -> None:
    """Run a step again that was given up: its failed workflow is retried, an optional step runs once more.

    Conflict when the workflow runs already, or when later steps have begun without the optional step.
    """
    workflow = await lock_workflow(session, workflow_id)
    key = {"workflow_id": workflow_id, "name": step}
    states = {row.name: row.status for row in await session.execute(sql.STEP_AND_CHILDREN, key)}
    if states.pop(step, None) != "skipped":
        await retry(session, workflow_id)
        return
    begun = sorted(name for name, status in states.items() if status in BEGUN)
    if begun:
        raise Conflict(f"{', '.join(begun)} went on without step {step} of workflow {workflow_id}")
    await session.execute(sql.TAKE_BACK_SKIPPED_STEP, key)
    await _run_unfinished(session, workflow)


async def _run_unfinished(session: AsyncSession, workflow: Workflow) -> None:
    if workflow.status in OPEN:
        await session.execute(sql.SET_RUNNING, {"workflow_id": workflow.id})
    else:
        await _reopen(session, workflow)
    await session.execute(sql.RESET_FAILED_STEPS, {"workflow_id": workflow.id})
    await session.execute(sql.WAKE_READY_STEPS, {"workflow_id": workflow.id, "headers": trace_headers_json()})


async def _reopen(session: AsyncSession, workflow: Workflow) -> None:
    spec = workflow_spec(workflow.kind)
    try:
        async with session.begin_nested():
            await session.execute(
                sql.REOPEN_WORKFLOW,
                {"workflow_id": workflow.id, "deadline_seconds": spec.deadline_seconds if spec else None},
            )
    except IntegrityError:
        raise Conflict(f"another {workflow.kind} workflow runs for the subject of {workflow.id}") from None


async def pause(session: AsyncSession, workflow_id: UUID) -> int:
    """Claim no further step of this workflow and its children; what runs now runs to its end."""
    return await _set_paused(session, workflow_id, paused=True)


async def resume(session: AsyncSession, workflow_id: UUID) -> int:
    """Go on with a paused workflow and its children."""
    count = await _set_paused(session, workflow_id, paused=False)
    children = (await session.execute(sql.OPEN_CHILDREN, {"workflow_id": workflow_id})).scalars().all()
    for one in (workflow_id, *children):
        await session.execute(sql.WAKE_READY_STEPS, {"workflow_id": one, "headers": trace_headers_json()})
    return count


async def fail_past_deadline(unit_of_work: UnitOfWorkFactory) -> int:
    """Fail every open workflow past its deadline, each in its own transaction; nothing waits for ever."""
    async with unit_of_work() as uow:
        late = (await uow.session.execute(sql.PAST_DEADLINE)).scalars().all()
    for workflow_id in late:
        async with unit_of_work() as uow:
            workflow = await lock_workflow(uow.session, workflow_id)
            if workflow.status in OPEN:
                await end_workflow(uow.session, workflow, "failed", error={"reason": "deadline passed"})
    return len(late)


async def _set_paused(session: AsyncSession, workflow_id: UUID, *, paused: bool) -> int:
    workflow = await lock_workflow(session, workflow_id)
    if workflow.status not in OPEN:
        raise Conflict(f"workflow {workflow_id} is {workflow.status}", status_now=workflow.status)
    rows = await session.execute(sql.SET_PAUSED, {"workflow_id": workflow_id, "paused": paused})
    return len(rows.all())
