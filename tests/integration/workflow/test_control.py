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
