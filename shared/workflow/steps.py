"""What a step handler sees: its input, the results before it, one commit, and effects that happen once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.unit_of_work import UnitOfWork, UnitOfWorkFactory
from shared.workflow import control, effects, sql
from shared.workflow.specs import StepSpec, WorkflowSpec, workflow_spec
from shared.workflow.start import Parent, start_many
from shared.workflow.transitions import (
    Lease,
    LeaseLost,
    admit_children,
    advance,
    as_json,
    fence,
    lock_workflow,
)

R = TypeVar("R", bound="StepResources")
PAGE = 50


class StepResources(Protocol):
    """What the library itself needs of a process's resources."""

    @property
    def unit_of_work(self) -> UnitOfWorkFactory:
        """Opens a transaction."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """How an earlier step ended: done with an output, or skipped with a reason."""

    status: str
    output: dict[str, Any]
    reason: str | None

    @property
    def done(self) -> bool:
        """True when the step did its work."""
        return self.status == "done"


class StepCommit(UnitOfWork):
    """The one transaction that ends a step; `output` may still be set inside it."""

    def __init__(self, session: AsyncSession, output: BaseModel | Mapping[str, Any] | None) -> None:
        super().__init__(session)
        self.output = output


@dataclass(slots=True)
class StepContext(Generic[R]):
    """One claimed attempt of one step."""

    resources: R
    lease: Lease
    kind: str
    subject_id: UUID | None
    results: dict[str, StepResult]
    parent_id: UUID | None = None
    progress: dict[str, Any] = field(default_factory=dict)
    ended: bool = field(default=False)

    @property
    def workflow_id(self) -> UUID:
        """The workflow this step belongs to."""
        return self.lease.workflow_id

    @property
    def attempt(self) -> int:
        """The number of this attempt, from 1."""
        return self.lease.attempt

    @asynccontextmanager
    async def commit(self, output: BaseModel | Mapping[str, Any] | None = None) -> AsyncIterator[StepCommit]:
        """End the step: lock, fence, the caller's rows, children ready, events; all or nothing.

        Raises LeaseLost, with everything rolled back, when another worker took the step over.
        """
        async with self.resources.unit_of_work() as uow:
            workflow = await fence(uow.session, self.lease, "done", output=dump(output))
            step_commit = StepCommit(uow.session, output)
            yield step_commit
            said_later = None if step_commit.output is output else dump(step_commit.output)
            await uow.session.flush()
            await step_commit.write_outbox()
            await advance(uow.session, workflow, self.lease.step, lease=self.lease, output=said_later)
        self.ended = True

    @asynccontextmanager
    async def park(self, waiting_for: str) -> AsyncIterator[UnitOfWork]:
        """Wait for a person or for children; rows written in the block commit together with the parking."""
        async with self.resources.unit_of_work() as uow:
            workflow = await fence(
                uow.session, self.lease, "waiting", waiting_for=waiting_for, reason=waiting_for
            )
            yield uow
            await uow.session.flush()
            await advance(uow.session, workflow, self.lease.step, lease=self.lease, outcome="parked")
        self.ended = True

    async def spawn_children(self, kind: str, subjects: Sequence[tuple[UUID, Mapping[str, Any]]]) -> int:
        """Create child workflows in pages of 50, each page one transaction; they run once admitted."""
        spec = _known(kind)
        parent = Parent(self.workflow_id, self.lease.step)
        created = 0
        for first in range(0, len(subjects), PAGE):
            async with self.resources.unit_of_work() as uow:
                await uow.session.execute(sql.LOCK_WORKFLOW, {"workflow_id": self.workflow_id})
                created += len(
                    await start_many(uow.session, spec, subjects[first : first + PAGE], parent=parent)
                )
        return created

    async def wait_for_children(self) -> None:
        """Park until no child is pending or running, at most `child_limit` of them running at once."""
        async with self.park("children"):
            pass
        async with self.resources.unit_of_work() as uow:
            await admit_children(uow.session, self.workflow_id, self.lease.step)

    async def report(self, progress: Mapping[str, Any], session: AsyncSession | None = None) -> None:
        """Show counts of a long step while it runs, and keep them for the attempt after a crash (`progress`).

        With a session the report commits together with the caller's rows, and LeaseLost is raised when
        another worker owns the step, so that counts and rows never part.
        """
        if session is None:
            async with self.resources.unit_of_work() as uow:
                await self._report(progress, uow.session)
            return
        if not await self._report(progress, session):
            raise LeaseLost(f"step {self.lease.step} has another owner")

    async def _report(self, progress: Mapping[str, Any], session: AsyncSession) -> bool:
        self.progress = dict(progress)
        values = {
            "workflow_id": self.workflow_id,
            "name": self.lease.step,
            "token": self.lease.token,
            "output": as_json(self.progress),
        }
        return bool((await session.execute(sql.REPORT, values)).rowcount)  # type: ignore[attr-defined]

    async def asked_to_cancel(self) -> bool:
        """Whether an operator wants this workflow to stop at the next place where that does no harm."""
        key = {"workflow_id": self.workflow_id}
        rows = await self.resources.unit_of_work.alone(sql.CANCEL_REQUESTED, key)
        return bool(rows) and bool(rows[0].cancel_requested)

    async def end_cancelled(self) -> None:
        """End the whole workflow as cancelled; what this step reported stays. LeaseLost for another owner's step."""
        async with self.resources.unit_of_work() as uow:
            await lock_workflow(uow.session, self.workflow_id)
            await self.report(self.progress, uow.session)
            await control.cancel(uow.session, self.workflow_id)
        self.ended = True

    async def effect(
        self,
        purpose: str,
        kind: str,
        request: Mapping[str, Any],
        call: Callable[[str], Awaitable[dict[str, Any]]],
        *,
        look_up: Callable[[str], Awaitable[dict[str, Any] | None]] | None = None,
        idempotent: bool = False,
    ) -> dict[str, Any]:
        """Do one external effect at most once over all attempts of this step; see `effects.once`."""
        return await effects.once(
            self.resources.unit_of_work,
            self._effect_key(purpose),
            kind,
            request,
            call,
            look_up=look_up,
            idempotent=idempotent,
            workflow_id=self.workflow_id,
            step=self.lease.step,
        )

    async def find_out_effect(
        self, purpose: str, look_up: Callable[[str], Awaitable[dict[str, Any] | None]]
    ) -> None:
        """Settle what an earlier attempt of this step left open when the step ends without it; see `effects.find_out`."""
        await effects.find_out(self.resources.unit_of_work, self._effect_key(purpose), look_up)

    async def give_up_effects(self, purposes: Sequence[str], why: str) -> None:
        """Settle questions of this step that stay without an answer; see `effects.give_up`."""
        await effects.give_up(self.resources.unit_of_work, [self._effect_key(one) for one in purposes], why)

    def _effect_key(self, purpose: str) -> str:
        return f"{self.workflow_id}:{self.lease.step}:{purpose}"


StepHandler = Callable[[Any, Any], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Step:
    """A service's declaration: this handler runs that step of that workflow, with this input."""

    workflow: WorkflowSpec
    name: str
    run: StepHandler
    input: type[BaseModel]

    @property
    def spec(self) -> StepSpec:
        """The step's entry in the catalogue."""
        return self.workflow[self.name]


def dump(output: BaseModel | Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A step's output as plain JSON data."""
    if output is None:
        return {}
    return output.model_dump(mode="json") if isinstance(output, BaseModel) else dict(output)


def _known(kind: str) -> WorkflowSpec:
    spec = workflow_spec(kind)
    if spec is None:
        raise ValueError(f"unknown workflow kind {kind}")
    return spec


async def cancelled_quietly(task: asyncio.Task[Any]) -> None:
    """Cancel a task and wait for its end."""
    task.cancel()
    try:
        await task
    except (asyncio.CancelledError, Exception):  # noqa: BLE001 - its own end is all we wait for
        return
