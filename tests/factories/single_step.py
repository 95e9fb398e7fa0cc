"""A service's own steps, run one by one in a workflow whose other steps are said to have ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

import orjson
from sqlalchemy import Row, text

from shared.runtime.resources import Resources
from shared.runtime.service import Service
from shared.workflow import start
from shared.workflow.runner import StepRunner

END = text(
    "UPDATE core.step SET status = 'done', output = CAST(:output AS jsonb), finished_at = now()"
    " WHERE workflow_id = :id AND name = :name"
)
MAKE_READY = text(
    "UPDATE core.step SET status = 'ready', run_after = now() WHERE workflow_id = :id AND name = :name"
)
STEP = text("SELECT status, output, reason FROM core.step WHERE workflow_id = :id AND name = :name")


async def begin(resources: Resources, kind: str, subject: UUID | None = None, **given: Any) -> UUID:
    """A new workflow of a kind."""
    async with resources.unit_of_work() as uow:
        started = await start(uow.session, kind, subject_id=subject or uuid4(), input=given)
    return started.workflow_id


async def run_step(
    service: Service,
    resources: Resources,
    workflow: UUID,
    name: str,
    *,
    ended: Mapping[str, Mapping[str, Any]] | None = None,
) -> Row[Any]:
    """The row of a step after this service ran it, the steps in `ended` having given their outputs."""
    async with resources.unit_of_work() as uow:
        for earlier, output in (ended or {}).items():
            values = {"id": workflow, "name": earlier, "output": orjson.dumps(output).decode()}
            await uow.session.execute(END, values)
        await uow.session.execute(MAKE_READY, {"id": workflow, "name": name})
    runner = StepRunner(resources, service.steps, worker="test-worker", lease_seconds=30)
    await runner.run(workflow, name)
    async with resources.unit_of_work() as uow:
        return (await uow.session.execute(STEP, {"id": workflow, "name": name})).one()
