"""A workflow of a test's own, and short words for driving it step by step."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from pydantic import BaseModel
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.db.engine import make_session_maker
from shared.db.unit_of_work import UnitOfWorkFactory
from shared.workflow import Step, StepContext, StepSpec, WorkflowSpec, start
from shared.workflow.runner import StepRunner
from shared.workflow.steps import StepHandler

Context = StepContext[Any]

SPEC = WorkflowSpec(
    "test_core",
    (
        StepSpec("a", "tests", max_attempt=2, timeout_seconds=1),
        StepSpec("b", "tests", optional=True, max_attempt=2, timeout_seconds=1),
        StepSpec("c", "tests", needs=("a", "b"), timeout_seconds=1),
        StepSpec("d", "tests", needs=("c",), timeout_seconds=1),
    ),
    child_limit=2,
)


class CoreInput(BaseModel):
    """What the test's steps get."""

    subject_id: UUID | None = None
    word: str = ""


async def do_nothing(_ctx: Context, _input: CoreInput) -> None:
    """A step that succeeds."""


@dataclass(frozen=True)
class CoreResources:
    """All the library asks of resources."""

    unit_of_work: UnitOfWorkFactory


@dataclass
class Core:
    """A kind, its handlers, and a database."""

    unit_of_work: UnitOfWorkFactory
    spec: WorkflowSpec = SPEC
    handlers: dict[str, StepHandler] = field(default_factory=dict)

    def runner(self, *, worker: str = "w", lease_seconds: float = 30.0) -> StepRunner[CoreResources]:
        """A runner of this kind's steps; steps without a handler do nothing."""
        steps = [
            Step(self.spec, step.name, self.handlers.get(step.name, do_nothing), CoreInput)
            for step in self.spec.steps
        ]
        return StepRunner(CoreResources(self.unit_of_work), steps, worker=worker, lease_seconds=lease_seconds)

    async def start(self, *, subject: UUID | None = None, **given: Any) -> UUID:
        """The id of a new workflow, or of the one that runs for the subject."""
        async with self.unit_of_work() as uow:
            run = await start(uow.session, self.spec.kind, subject_id=subject or uuid4(), input=given)
        return run.workflow_id

    async def run(self, workflow: UUID, *steps: str) -> None:
        """Run steps one after the other."""
        for step in steps:
            await self.runner().run(workflow, step)

    async def rows(self, query: str, **values: Any) -> list[Row[Any]]:
        """The rows of a statement, committed."""
        async with self.unit_of_work() as uow:
            result = await uow.session.execute(text(query), values)
            return list(result.all()) if result.returns_rows else []  # type: ignore[attr-defined]

    async def one(self, query: str, **values: Any) -> Any:
        """The first column of the first row."""
        return (await self.rows(query, **values))[0][0]

    async def steps(self, workflow: UUID) -> dict[str, str]:
        """Every step's status."""
        found = await self.rows("SELECT name, status FROM core.step WHERE workflow_id = :id", id=workflow)
        return {row.name: row.status for row in found}

    async def step(self, workflow: UUID, name: str) -> Row[Any]:
        """One step's row."""
        return (
            await self.rows(
                "SELECT * FROM core.step WHERE workflow_id = :id AND name = :name", id=workflow, name=name
            )
        )[0]

    async def status(self, workflow: UUID) -> str:
        """The workflow's status."""
        return str(await self.one("SELECT status FROM core.workflow WHERE id = :id", id=workflow))

    async def wake_ups(self, workflow: UUID) -> list[str]:
        """Steps named by outbox rows of a workflow, in order."""
        found = await self.rows(
            "SELECT payload ->> 'step' AS step FROM core.outbox WHERE key = :id AND topic LIKE 'queue.%' ORDER BY id",
            id=str(workflow),
        )
        return [row.step for row in found]

    async def attempts(self, workflow: UUID, name: str) -> list[str]:
        """How each attempt of a step ended."""
        found = await self.rows(
            "SELECT outcome FROM core.step_attempt WHERE workflow_id = :id AND step_name = :name ORDER BY id",
            id=workflow,
            name=name,
        )
        return [row.outcome for row in found]

    async def expire_lease(self, workflow: UUID, name: str) -> None:
        """Let the lease of a running step be over."""
        await self.rows(
            "UPDATE core.step SET lease_until = now() - interval '1 s' WHERE workflow_id = :id AND name = :name",
            id=workflow,
            name=name,
        )

    async def make_due(self, workflow: UUID) -> None:
        """Let every delay of a workflow's ready steps be over."""
        await self.rows(
            "UPDATE core.step SET run_after = now() - interval '1 s' WHERE workflow_id = :id AND status = 'ready'",
            id=workflow,
        )

    async def violations(self) -> Mapping[str, int]:
        """Broken invariants by name."""
        found = await self.rows(
            "SELECT name, violations FROM core.invariant_violations() WHERE violations > 0"
        )
        return {row.name: row.violations for row in found}


EMPTIED = (
    "workflow",
    "outbox",
    "inbox",
    "dead_letter",
    "effect",
    "budget",
    "budget_reservation",
    "schedule_run",
)


@asynccontextmanager
async def core_unit_of_work(engine: AsyncEngine) -> AsyncIterator[UnitOfWorkFactory]:
    """Units of work that commit; only the core's own tables are emptied, which takes milliseconds."""
    yield UnitOfWorkFactory(make_session_maker(engine))
    async with engine.begin() as connection:
        for table in EMPTIED:
            await connection.execute(text(f"DELETE FROM core.{table}"))
        await connection.execute(text("DELETE FROM core.schedule WHERE job LIKE 'test_%'"))
        await connection.execute(text("DELETE FROM api_usage_logs"))
