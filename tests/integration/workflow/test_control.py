"""What an operator does: cancel, retry, pause, resume; and what deadlines do."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import pytest

from shared.errors import Conflict, NotFound, PermanentError
from shared.workflow import control
from tests.factories.core import Context, Core, CoreInput


async def fail(_ctx: Context, _input: CoreInput) -> None:
    raise PermanentError("no")


async def test_cancel_ends_the_workflow_and_stops_running_steps(core: Core) -> None:
    reached = asyncio.Event()

    async def wait(ctx: Context, _: CoreInput) -> None:
        reached.set()
        await asyncio.sleep(0.8)

    core.handlers = {"a": wait}
    workflow = await core.start()
    running = asyncio.create_task(core.runner(lease_seconds=0.3).run(workflow, "a"))
    await reached.wait()
    async with core.unit_of_work() as uow:
        assert await control.cancel(uow.session, workflow) == 1
    await running
    assert set((await core.steps(workflow)).values()) == {"cancelled"}
    assert await core.status(workflow) == "cancelled"
    with pytest.raises(Conflict):
        async with core.unit_of_work() as uow:
            await control.cancel(uow.session, workflow)
    with pytest.raises(NotFound):
        async with core.unit_of_work() as uow:
            await control.cancel(uow.session, uuid4())


async def test_retry_runs_again_what_did_not_finish(core: Core) -> None:
    core.handlers = {"a": fail}
    workflow = await core.start()
    await core.run(workflow, "b", "a")
    assert await core.status(workflow) == "failed"
    async with core.unit_of_work() as uow:
        await control.retry(uow.session, workflow)
    assert await core.steps(workflow) == {"a": "ready", "b": "done", "c": "pending", "d": "pending"}
    core.handlers = {}
    await core.run(workflow, "a", "c", "d")
    assert await core.status(workflow) == "done"
    with pytest.raises(Conflict):
        async with core.unit_of_work() as uow:
            await control.retry(uow.session, workflow)


async def test_retry_is_refused_while_the_subject_runs_elsewhere(core: Core) -> None:
    core.handlers = {"a": fail}
    subject = uuid4()
    first = await core.start(subject=subject)
    await core.run(first, "a")
    await core.start(subject=subject)
    with pytest.raises(Conflict):
        async with core.unit_of_work() as uow:
            await control.retry(uow.session, first)


async def test_deadline_fails_what_is_open_and_retry_gives_new_time(core: Core) -> None:
    workflow = await core.start()
    await core.rows(
        "UPDATE core.workflow SET deadline_at = now() - interval '1 s' WHERE id = :id", id=workflow
    )
    assert await control.fail_past_deadline(core.unit_of_work) == 1
    assert await core.status(workflow) == "failed"
    async with core.unit_of_work() as uow:
        await control.retry(uow.session, workflow)
    assert await control.fail_past_deadline(core.unit_of_work) == 0
    assert await core.status(workflow) == "running"


async def test_paused_workflow_is_not_claimed_until_resumed(core: Core) -> None:
    workflow = await core.start()
    async with core.unit_of_work() as uow:
        assert await control.pause(uow.session, workflow) == 1
    assert not await core.runner().run(workflow, "a")
    async with core.unit_of_work() as uow:
        await control.resume(uow.session, workflow)
    assert await core.wake_ups(workflow) == ["a", "b", "a", "b"]
    assert await core.runner().run(workflow, "a")


async def spawn(core: Core, count: int) -> tuple[UUID, list[UUID]]:
    """A parent whose step `a` waits for `count` children of the same kind."""

    async def fan_out(ctx: Context, _: CoreInput) -> None:
        assert await ctx.spawn_children(core.spec.kind, [(uuid4(), {}) for _ in range(count)]) == count
        await ctx.wait_for_children()

    core.handlers = {"a": fan_out}
    parent = await core.start()
    await core.run(parent, "a")
    core.handlers = {}
    rows = await core.rows(
        "SELECT id FROM core.workflow WHERE parent_id = :id ORDER BY created_at, id", id=parent
    )
    return parent, [row.id for row in rows]


async def test_children_run_at_most_two_at_once_and_wake_their_parent(core: Core) -> None:
    parent, children = await spawn(core, 5)
    assert (await core.step(parent, "a")).waiting_for == "children"
    for _ in range(5):
        statuses = [await core.status(child) for child in children]
        assert statuses.count("running") == min(2, 5 - statuses.count("done"))
        running = children[statuses.index("running")]
        await core.run(running, "a", "b", "c", "d")
        await core.run(parent, "a")
    row = await core.step(parent, "a")
    assert row.status == "done"
    assert row.output["done"] == 5


async def test_parent_cancelled_takes_its_children_along(core: Core) -> None:
    parent, children = await spawn(core, 3)
    async with core.unit_of_work() as uow:
        assert await control.pause(uow.session, parent) == 4
    async with core.unit_of_work() as uow:
        assert await control.cancel(uow.session, parent) == 4
    assert {await core.status(child) for child in children} == {"cancelled"}


async def test_children_page_by_page(core: Core) -> None:
    _, children = await spawn(core, 120)
    assert len(children) == 120


async def give_up_b(core: Core) -> UUID:
    """A workflow whose optional step was given up once, with a dead letter."""
    tries: list[int] = []

    async def refuse_once(ctx: Context, _: CoreInput) -> dict[str, bool]:
        tries.append(1)
        if len(tries) == 1:
            raise PermanentError("no such roof")
        return {"found": True}

    core.handlers = {**core.handlers, "b": refuse_once}
    workflow = await core.start()
    await core.run(workflow, "b")
    return workflow


async def open_letters(core: Core, workflow: UUID) -> int:
    return int(
        await core.one(
            "SELECT count(*) FROM core.dead_letter WHERE workflow_id = :id AND resolved_at IS NULL",
            id=workflow,
        )
    )


async def redrive(core: Core, workflow: UUID, step: str) -> None:
    async with core.unit_of_work() as uow:
        await control.redrive(uow.session, workflow, step)


async def test_retry_resolves_the_letters_of_the_steps_it_runs_again(core: Core) -> None:
    async def refuse(ctx: Context, _: CoreInput) -> None:
        raise PermanentError("never")

    core.handlers = {"a": refuse}
    workflow = await core.start()
    await core.run(workflow, "a")
    assert await open_letters(core, workflow) == 1
    async with core.unit_of_work() as uow:
        await control.retry(uow.session, workflow)
    assert await open_letters(core, workflow) == 0


async def test_optional_step_given_up_runs_again_while_nothing_went_on_without_it(core: Core) -> None:
    workflow = await give_up_b(core)
    await redrive(core, workflow, "b")
    assert await core.steps(workflow) == {"a": "ready", "b": "ready", "c": "pending", "d": "pending"}
    await core.run(workflow, "a", "b", "c", "d")
    assert (await core.step(workflow, "b")).output == {"found": True}
    assert await core.status(workflow) == "done"
    assert await open_letters(core, workflow) == 0
    assert await core.violations() == {}


async def test_step_that_is_only_ready_waits_for_the_optional_step_once_more(core: Core) -> None:
    workflow = await give_up_b(core)
    await core.run(workflow, "a")
    assert (await core.steps(workflow))["c"] == "ready"
    await redrive(core, workflow, "b")
    assert not await core.runner().run(workflow, "c")
    await core.run(workflow, "b", "c", "d")
    assert await core.status(workflow) == "done"


async def test_optional_step_is_refused_once_others_went_on_without_it(core: Core) -> None:
    workflow = await give_up_b(core)
    await core.run(workflow, "a", "c")
    with pytest.raises(Conflict, match="c went on without step b"):
        await redrive(core, workflow, "b")
    assert (await core.steps(workflow))["b"] == "skipped"
    assert await open_letters(core, workflow) == 1


async def test_optional_step_of_a_failed_workflow_runs_again_with_the_rest(core: Core) -> None:
    async def refuse(ctx: Context, _: CoreInput) -> None:
        raise PermanentError("never")

    core.handlers = {"a": refuse}
    workflow = await give_up_b(core)
    await core.run(workflow, "a")
    assert await core.status(workflow) == "failed"
    await redrive(core, workflow, "b")
    assert await core.steps(workflow) == {"a": "ready", "b": "ready", "c": "pending", "d": "pending"}
    assert await open_letters(core, workflow) == 0


async def test_letter_of_a_workflow_that_runs_again_is_refused(core: Core) -> None:
    workflow = await core.start()
    with pytest.raises(Conflict, match="is running"):
        await redrive(core, workflow, "a")
