"""The fake work of the chaos runs: the property workflow's shape, each step with a row, an effect and an event."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import text

from shared.db.unit_of_work import UnitOfWork
from shared.events.base import Event
from shared.runtime.resources import Resources
from shared.runtime.service import Service
from shared.workflow import Step, StepContext, StepSpec, WorkflowSpec, register
from tests.faults.vendor import ask

TABLES = """
CREATE SCHEMA chaos;
CREATE TABLE chaos.work (subject_id uuid NOT NULL, step text NOT NULL, worker text NOT NULL, attempt int NOT NULL);
CREATE TABLE chaos.handled (subject_id uuid NOT NULL, step text NOT NULL);
"""
ADD_WORK = text("INSERT INTO chaos.work VALUES (:subject, :step, :worker, :attempt)")
ADD_HANDLED = text("INSERT INTO chaos.handled (subject_id, step) VALUES (:subject, :step)")


def _step(name: str, *needs: str, optional: bool = False) -> StepSpec:
    return StepSpec(name, "chaos", needs=needs, optional=optional, timeout_seconds=30, max_attempt=20)


SHAPE = (
    _step("scrape", optional=True),
    _step("imagery", optional=True),
    _step("enrich", optional=True),
    _step("preprocess", "imagery"),
    _step("ml", "preprocess"),
    _step("validate", "ml"),
    _step("triggers", "scrape", "validate"),
    _step("score", "triggers", "enrich"),
    _step("publish", "score"),
)
CHAOS = register(
    WorkflowSpec("chaos", SHAPE, description="Nine fake steps in the property workflow's shape.")
)
BARE = register(WorkflowSpec("chaos_bare", SHAPE, description="The same shape, with steps that do nothing."))


class ChaosInput(BaseModel):
    """What each fake step gets."""

    subject_id: UUID
    vendor_port: int = 0


class ChaosStepDone(Event):
    """A fake step ended."""

    name = "chaos.step_done"
    subject_id: UUID
    step: str


async def work(ctx: StepContext[Resources], input: ChaosInput) -> None:
    """One effect outside, then one row and one event in the step's own transaction."""
    step = ctx.lease.step
    form = {"subject": f"{input.subject_id}:{step}"}

    async def call(key: str) -> dict[str, Any]:
        return dict(await ask(input.vendor_port, "charge", key=key, **form))

    async def look_up(key: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = await ask(input.vendor_port, "look_up", key=key)
        return found

    if step in ("scrape", "ml", "score"):
        await ctx.effect("pay", "chaos", form, call, look_up=look_up)
    else:
        await ctx.effect("pay", "chaos", form, call, idempotent=True)
    await asyncio.sleep(0.01)
    async with ctx.commit({"step": step}) as tx:
        values = {
            "subject": input.subject_id,
            "step": step,
            "worker": ctx.lease.worker,
            "attempt": ctx.attempt,
        }
        await tx.session.execute(ADD_WORK, values)
        tx.publish(ChaosStepDone(subject_id=input.subject_id, step=step))


async def bare(_ctx: StepContext[Resources], _input: ChaosInput) -> None:
    """Nothing: what is left is the library's own cost."""


async def handled(event: ChaosStepDone, uow: UnitOfWork, _resources: Resources) -> None:
    """Keep that the event was handled; a second time would be a second row."""
    await uow.session.execute(ADD_HANDLED, {"subject": event.subject_id, "step": event.step})


SERVICE = Service(
    name="chaos",
    summary="Fake steps for the fault suite.",
    steps=[
        *(Step(CHAOS, step.name, work, ChaosInput) for step in SHAPE),
        *(Step(BARE, step.name, bare, ChaosInput) for step in SHAPE),
    ],
    handlers={ChaosStepDone: handled},
    concurrency={"default": 10},
)
