"""Small forms of the suite, each aimed at one promise of the core that a planted bug would break."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import uvloop
from sqlalchemy import text

from shared.relay import Relay, Sweeper
from shared.relay.relay import EPOCH_KEY, READY
from shared.runtime.application import Readiness
from shared.runtime.resources import Resources, open_resources
from shared.runtime.worker import Worker
from shared.settings import Settings
from shared.workflow import LeaseLost, Step, StepContext, StepSpec, WorkflowSpec, register, start
from shared.workflow.runner import StepRunner
from tests.faults.chaos import prepare, settings_for
from tests.faults.plane import own_plane
from tests.faults.report import Finding, Report
from tests.faults.work import ADD_WORK, SERVICE, ChaosInput, ChaosStepDone

PLANE = "RIDGELINE_FAULTS_PLANE"
JOIN = register(
    WorkflowSpec(
        "chaos_join",
        (
            StepSpec("a", "chaos"),
            StepSpec("b", "chaos"),
            StepSpec("c", "chaos"),
            StepSpec("d", "chaos", needs=("a", "b", "c")),
        ),
    )
)
Form = Callable[[Resources], Awaitable[tuple[bool, str]]]


def form(check: Form, name: str) -> Callable[[Report], None]:
    """A form that runs one check on the plane named by the environment, or on one of its own."""

    def run(report: Report) -> None:
        named = os.environ.get(PLANE)
        if named:
            database_url, redis_url = named.split("|")
            ok, seen = _run(check, _settings(database_url, redis_url))
        else:
            with own_plane() as plane:
                prepare(plane)
                ok, seen = _run(check, settings_for(plane))
        report.add(Finding("core", name, ok, seen))

    return run


def _settings(database_url: str, redis_url: str) -> Settings:
    return Settings.model_validate({"DATABASE_URL": database_url, "REDIS_URL": redis_url})


def _run(check: Form, settings: Settings) -> tuple[bool, str]:
    async def on_resources() -> tuple[bool, str]:
        async with open_resources("chaos", settings) as resources:
            await resources.redis.flushdb()
            await resources.redis.set(EPOCH_KEY, READY)
            return await check(resources)

    return uvloop.run(on_resources())


async def joins(resources: Resources) -> tuple[bool, str]:
    """Three siblings end at the same moment; the step after them must become ready every time."""

    async def overlapping(ctx: StepContext[Resources], _input: ChaosInput) -> None:
        async with ctx.commit():
            await asyncio.sleep(0.05)

    runner = StepRunner(
        resources,
        [Step(JOIN, name, overlapping, ChaosInput) for name in "abcd"],
        worker="w",
        lease_seconds=30,
    )
    rounds = 25
    workflows = [await _start(resources, "chaos_join") for _ in range(rounds)]
    for workflow in workflows:
        await asyncio.gather(*(runner.run(workflow, name) for name in "abc"))
    fired = text(
        "SELECT count(*) FROM core.step WHERE workflow_id = ANY (:ids) AND name = 'd' AND status = 'ready'"
    )
    async with resources.unit_of_work() as uow:
        count = (await uow.session.execute(fired, {"ids": workflows})).scalar_one()
    return count == rounds, f"{count} of {rounds} joins fired"


async def zombies(resources: Resources) -> tuple[bool, str]:
    """A worker whose lease ran out commits late: refused while the next one works, and after it ended."""
    runner = StepRunner(resources, SERVICE.steps, worker="w", lease_seconds=30)
    refused = 0
    for ended in (False, True):
        workflow = await _start(resources, "chaos_bare")
        late, _ = await runner._claim(workflow, "scrape")
        await _expire_lease(resources, workflow)
        if ended:
            await runner.run(workflow, "scrape")
        else:
            await runner._claim(workflow, "scrape")
        assert late is not None
        context = StepContext(resources, late, "chaos_bare", workflow, {})
        try:
            async with context.commit() as tx:
                values = {"subject": workflow, "step": "scrape", "worker": "late", "attempt": 1}
                await tx.session.execute(ADD_WORK, values)
        except LeaseLost:
            refused += 1
    async with resources.unit_of_work() as uow:
        rows = (
            await uow.session.execute(text("SELECT count(*) FROM chaos.work WHERE worker = 'late'"))
        ).scalar_one()
    return refused == 2 and rows == 0, f"{refused} of 2 late commits refused, {rows} rows of theirs"


async def lost_hints(resources: Resources) -> tuple[bool, str]:
    """Every wake-up is lost after it was queued; the sweeper alone brings the steps back."""
    workflows = [await _start(resources, "chaos_bare") for _ in range(10)]
    relay = Relay(resources.unit_of_work, resources.redis)
    while await relay.relay_batch():
        pass
    await resources.redis.flushdb()
    await resources.redis.set(EPOCH_KEY, READY)
    sweeper = Sweeper(resources.unit_of_work, resources.redis, every_seconds=0.2, after_seconds=0.5)
    worker = Worker(SERVICE, resources, Readiness())
    await worker.start()
    tasks = [asyncio.create_task(part.run_forever()) for part in (relay, sweeper)]
    done = text("SELECT count(*) FROM core.workflow WHERE id = ANY (:ids) AND status = 'done'")
    count = 0
    for _ in range(120):
        async with resources.unit_of_work() as uow:
            count = (await uow.session.execute(done, {"ids": workflows})).scalar_one()
        if count == len(workflows):
            break
        await asyncio.sleep(0.25)
    relay.stop()
    sweeper.stop()
    await asyncio.wait(tasks, timeout=5)
    await worker.drain()
    return count == len(
        workflows
    ), f"{count} of {len(workflows)} workflows done after their wake-ups were lost"


async def outbox_order(resources: Resources) -> tuple[bool, str]:
    """A transaction that began first commits last; its event is relayed all the same."""
    relay = Relay(resources.unit_of_work, resources.redis)
    rounds = 20
    for _ in range(rounds):
        async with resources.unit_of_work() as slow:
            slow.publish(ChaosStepDone(subject_id=uuid4(), step="slow"))
            await slow.write_outbox()
            async with resources.unit_of_work() as quick:
                quick.publish(ChaosStepDone(subject_id=uuid4(), step="quick"))
            await relay.relay_batch()
        await relay.relay_batch()
    length = await resources.redis.xlen(ChaosStepDone.stream())
    return length == 2 * rounds, f"{length} of {2 * rounds} events on the stream"


async def _start(resources: Resources, kind: str) -> UUID:
    async with resources.unit_of_work() as uow:
        return (await start(uow.session, kind, subject_id=uuid4())).workflow_id


async def _expire_lease(resources: Resources, workflow: UUID) -> None:
    expire = text(
        "UPDATE core.step SET lease_until = now() - interval '1 s' WHERE workflow_id = :id AND status = 'running'"
    )
    async with resources.unit_of_work() as uow:
        await uow.session.execute(expire, {"id": workflow})


FORMS: dict[str, Callable[[Report], None]] = {
    "joins": form(joins, "joins fire when siblings overlap"),
    "zombies": form(zombies, "late workers are fenced out"),
    "lost-hints": form(lost_hints, "lost wake-ups are swept up"),
    "outbox-order": form(outbox_order, "late commits are relayed"),
}
