"""One step from claim to end, in every way it can end."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from shared.errors import (
    BudgetExceeded,
    Conflict,
    PermanentError,
    ProviderRateLimited,
    ProviderUnavailable,
    Retry,
    Skip,
)
from shared.workflow import LeaseLost, control, resolve_waiting, start
from shared.workflow.steps import StepContext
from tests.factories.core import Context, Core, CoreInput, CoreResources


async def test_whole_workflow_runs_in_order_and_ends_done(core: Core) -> None:
    workflow = await core.start()
    assert await core.wake_ups(workflow) == ["a", "b"]
    await core.run(workflow, "a")
    assert (await core.steps(workflow))["c"] == "pending"
    await core.run(workflow, "b", "c", "d")
    assert set((await core.steps(workflow)).values()) == {"done"}
    assert await core.status(workflow) == "done"
    assert await core.wake_ups(workflow) == ["a", "b", "c", "d"]
    assert await core.violations() == {}


async def test_same_subject_runs_once_at_a_time(core: Core) -> None:
    subject = uuid4()
    first = await core.start(subject=subject)
    assert await core.start(subject=subject) == first
    await core.run(first, "a", "b", "c", "d")
    assert await core.start(subject=subject) != first


async def test_start_survives_the_end_of_the_workflow_it_ran_into(core: Core) -> None:
    """Between the refused insert and the look for the running workflow, that workflow ends."""
    subject = uuid4()
    first = await core.start(subject=subject)
    await core.run(first, "a", "b", "c")
    async with core.unit_of_work() as uow:
        execute, ended = uow.session.execute, False

        async def end_it_first(statement: Any, *given: Any, **named: Any) -> Any:
            nonlocal ended
            if "SELECT id FROM core.workflow" in str(statement) and not ended:
                ended = True
                await core.run(first, "d")
            return await execute(statement, *given, **named)

        uow.session.execute = end_it_first  # type: ignore[method-assign]
        run = await start(uow.session, core.spec.kind, subject_id=subject)
    assert ended
    assert run.new
    assert run.workflow_id != first


async def test_second_wake_up_finds_nothing(core: Core) -> None:
    workflow = await core.start()
    assert await core.runner().run(workflow, "a")
    assert not await core.runner().run(workflow, "a")
    assert not await core.runner().run(workflow, "c")
    assert await core.attempts(workflow, "a") == ["done"]


async def test_twenty_workers_claim_a_step_once(core: Core) -> None:
    workflow = await core.start()
    runners = [core.runner(worker=f"w{i}") for i in range(20)]
    claimed = await asyncio.gather(*(runner.run(workflow, "a") for runner in runners))
    assert sum(claimed) == 1


async def test_results_of_earlier_steps_are_given(core: Core) -> None:
    seen: dict[str, Any] = {}

    async def a(ctx: Context, _: CoreInput) -> dict[str, int]:
        return {"n": 7}

    async def b(ctx: Context, _: CoreInput) -> None:
        raise Skip("no licence")

    async def c(ctx: Context, given: CoreInput) -> None:
        seen.update(ctx.results, word=given.word)

    core.handlers = {"a": a, "b": b, "c": c}
    workflow = await core.start(word="hello")
    await core.run(workflow, "a", "b", "c")
    assert seen["a"].output == {"n": 7}
    assert seen["a"].done
    assert (seen["b"].status, seen["b"].reason) == ("skipped", "no licence")
    assert seen["word"] == "hello"


@pytest.mark.parametrize(
    ("error", "attempt"),
    [
        (RuntimeError("broken"), 1),
        (Retry(5, "later"), 1),
        (ProviderRateLimited("slow down", provider="x", retry_after=99), 0),
        (BudgetExceeded("none left", provider="x", scope="s"), 0),
    ],
)
async def test_failure_is_tried_again_later(core: Core, error: Exception, attempt: int) -> None:
    async def fail(ctx: Context, _: CoreInput) -> None:
        raise error

    core.handlers = {"a": fail}
    workflow = await core.start()
    await core.run(workflow, "a")
    row = await core.step(workflow, "a")
    assert (row.status, row.attempt, row.lease_token) == ("ready", attempt, None)
    assert row.error["type"] == type(error).__name__
    assert await core.one(
        "SELECT run_after > now() FROM core.step WHERE workflow_id = :id AND name = 'a'", id=workflow
    )
    assert not await core.runner().run(workflow, "a")
    assert await core.wake_ups(workflow) == ["a", "b", "a"]
    assert await core.attempts(workflow, "a") == (["released"] if attempt == 0 else ["retry"])


async def test_spent_attempts_end_the_workflow(core: Core) -> None:
    async def fail(ctx: Context, _: CoreInput) -> None:
        raise RuntimeError("broken")

    core.handlers = {"a": fail}
    workflow = await core.start()
    await core.run(workflow, "a")
    await core.make_due(workflow)
    await core.run(workflow, "a")
    assert await core.steps(workflow) == {"a": "dead", "b": "cancelled", "c": "cancelled", "d": "cancelled"}
    assert await core.status(workflow) == "failed"
    assert await core.attempts(workflow, "a") == ["retry", "dead"]
    assert (
        await core.one("SELECT reason FROM core.dead_letter WHERE workflow_id = :id", id=workflow) == "broken"
    )


async def test_optional_step_given_up_lets_the_workflow_go_on(core: Core) -> None:
    async def refuse(ctx: Context, _: CoreInput) -> None:
        raise PermanentError("no such roof")

    core.handlers = {"b": refuse}
    workflow = await core.start()
    await core.run(workflow, "a", "b")
    assert (await core.steps(workflow))["b"] == "skipped"
    assert (await core.steps(workflow))["c"] == "ready"
    assert await core.one("SELECT count(*) FROM core.dead_letter WHERE workflow_id = :id", id=workflow) == 1


async def test_step_that_takes_too_long_is_cancelled(core: Core) -> None:
    ended = asyncio.Event()

    async def sleep(ctx: Context, _: CoreInput) -> None:
        try:
            await asyncio.sleep(30)
        finally:
            ended.set()

    core.handlers = {"a": sleep}
    workflow = await core.start()
    await core.run(workflow, "a")
    assert ended.is_set()
    assert (await core.step(workflow, "a")).error["type"] == "TimeoutError"


async def test_step_whose_workers_all_died_is_buried(core: Core) -> None:
    workflow = await core.start()
    for _ in range(2):
        await core.runner()._claim(workflow, "a")
        await core.expire_lease(workflow, "a")
    await core.run(workflow, "a")
    assert await core.status(workflow) == "failed"
    assert await core.attempts(workflow, "a") == ["lease_expired", "lease_expired", "dead"]


async def test_late_worker_is_fenced_out_and_leaves_no_row(core: Core) -> None:
    workflow = await core.start()
    late, _ = await core.runner()._claim(workflow, "a")
    assert late is not None
    await core.expire_lease(workflow, "a")
    await core.run(workflow, "a")
    context = StepContext(CoreResources(core.unit_of_work), late, core.spec.kind, None, {})
    with pytest.raises(LeaseLost):
        async with context.commit({"late": True}) as tx:
            await tx.database_now()
    assert (await core.step(workflow, "a")).output == {}


async def test_heartbeat_keeps_a_lease_and_its_loss_cancels_the_work(core: Core) -> None:
    reached, cancelled = asyncio.Event(), asyncio.Event()

    async def wait(ctx: Context, _: CoreInput) -> None:
        reached.set()
        try:
            await asyncio.sleep(0.9)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    core.handlers = {"a": wait, "b": wait}
    workflow = await core.start()
    await core.runner(lease_seconds=0.6).run(workflow, "b")
    assert (await core.step(workflow, "b")).status == "done"
    reached.clear()
    running = asyncio.create_task(core.runner(lease_seconds=0.6).run(workflow, "a"))
    await reached.wait()
    await core.rows(
        "UPDATE core.step SET lease_token = gen_random_uuid() WHERE workflow_id = :id AND name = 'a'",
        id=workflow,
    )
    await running
    assert cancelled.is_set()
    assert (await core.step(workflow, "a")).status == "running"


async def test_drain_gives_running_steps_back_uncounted(core: Core) -> None:
    reached = asyncio.Event()

    async def wait(ctx: Context, _: CoreInput) -> None:
        reached.set()
        await asyncio.sleep(30)

    core.handlers = {"a": wait}
    workflow = await core.start()
    runner = core.runner()
    running = asyncio.create_task(runner.run(workflow, "a"))
    await reached.wait()
    await runner.drain(0.05)
    await running
    row = await core.step(workflow, "a")
    assert (row.status, row.attempt, row.reason) == ("ready", 0, "worker stopped")
    assert not await runner.run(workflow, "a")
    assert await core.runner().run(workflow, "b")


async def test_parked_step_waits_for_its_decision(core: Core) -> None:
    async def review(ctx: Context, _: CoreInput) -> None:
        async with ctx.park("review"):
            pass

    core.handlers = {"a": review, "b": review}
    workflow = await core.start()
    await core.run(workflow, "a", "b")
    assert await core.status(workflow) == "waiting"
    async with core.unit_of_work() as uow:
        await resolve_waiting(uow.session, workflow, "a", {"fit": True})
    async with core.unit_of_work() as uow:
        await resolve_waiting(uow.session, workflow, "b", None, skipped_because="not needed")
    assert await core.status(workflow) == "running"
    assert await core.steps(workflow) == {"a": "done", "b": "skipped", "c": "ready", "d": "pending"}
    with pytest.raises(Conflict):
        async with core.unit_of_work() as uow:
            await resolve_waiting(uow.session, workflow, "a", {})


async def test_report_survives_a_crash_and_is_refused_to_a_late_worker(core: Core) -> None:
    seen: list[dict[str, Any]] = []

    async def count(ctx: Context, _: CoreInput) -> None:
        seen.append(dict(ctx.progress))
        await ctx.report({"page": 3})
        raise Retry(0, "again")

    core.handlers = {"a": count}
    workflow = await core.start()
    late, _ = await core.runner()._claim(workflow, "a")
    assert late is not None
    context = StepContext(CoreResources(core.unit_of_work), late, core.spec.kind, None, {})
    await context.report({"page": 4})
    await core.expire_lease(workflow, "a")
    await core.run(workflow, "a")
    assert seen == [{"page": 4}]
    with pytest.raises(LeaseLost):
        async with core.unit_of_work() as uow:
            await context.report({"page": 5}, uow.session)


@pytest.mark.parametrize(
    "error",
    [
        Retry(0, "later"),
        ProviderUnavailable("502", provider="x"),
        ProviderRateLimited("slow down", provider="x", retry_after=1),
        RuntimeError("broken"),
    ],
)
async def test_next_attempt_goes_on_from_the_report_of_a_failed_one(core: Core, error: Exception) -> None:
    seen: list[dict[str, Any]] = []

    async def read(ctx: Context, _: CoreInput) -> dict[str, int]:
        seen.append(dict(ctx.progress))
        if not ctx.progress:
            await ctx.report({"page": 3})
            raise error
        return {"pages": 4}

    core.handlers = {"a": read}
    workflow = await core.start()
    await core.run(workflow, "a")
    await core.make_due(workflow)
    await core.run(workflow, "a")
    assert seen == [{}, {"page": 3}]
    assert (await core.step(workflow, "a")).output == {"pages": 4}


async def test_next_worker_goes_on_from_the_report_of_a_drained_one(core: Core) -> None:
    seen: list[dict[str, Any]] = []
    reached = asyncio.Event()

    async def read(ctx: Context, _: CoreInput) -> None:
        seen.append(dict(ctx.progress))
        if not ctx.progress:
            await ctx.report({"page": 3})
            reached.set()
            await asyncio.sleep(30)

    core.handlers = {"a": read}
    workflow = await core.start()
    runner = core.runner()
    running = asyncio.create_task(runner.run(workflow, "a"))
    await reached.wait()
    await runner.drain(0.05)
    await running
    await core.run(workflow, "a")
    assert seen == [{}, {"page": 3}]


async def test_retried_workflow_goes_on_from_the_report_of_a_dead_step(core: Core) -> None:
    seen: list[dict[str, Any]] = []

    async def read(ctx: Context, _: CoreInput) -> None:
        seen.append(dict(ctx.progress))
        if not ctx.progress:
            await ctx.report({"page": 3})
            raise PermanentError("a column is missing")

    core.handlers = {"a": read}
    workflow = await core.start()
    await core.run(workflow, "a")
    async with core.unit_of_work() as uow:
        await control.retry(uow.session, workflow)
    await core.run(workflow, "a")
    assert seen == [{}, {"page": 3}]


async def test_step_without_a_handler_is_given_up_in_words(core: Core) -> None:
    workflow = await core.start()
    runner = core.runner()
    runner._steps.clear()
    await runner.run(workflow, "a")
    assert "no handler" in (await core.step(workflow, "a")).reason
    assert await core.status(workflow) == "failed"


async def test_a_row_the_database_refuses_leaves_no_value_of_it_behind(
    core: Core, capsys: pytest.CaptureFixture[str]
) -> None:
    insert = text("INSERT INTO core.dead_letter (source, reason) VALUES (:source, 'x')")

    async def write(ctx: Context, _: CoreInput) -> None:
        async with ctx.resources.unit_of_work() as uow:
            await uow.session.execute(insert, {"source": "ada@roofs.example"})

    core.handlers = {"a": write}
    workflow = await core.start()
    for _ in range(2):
        await core.run(workflow, "a")
        await core.make_due(workflow)

    error = (await core.step(workflow, "a")).error
    assert error["detail"] == "IntegrityError 23514 ck_dead_letter_source"
    kept = await core.rows("SELECT to_jsonb(d)::text AS letter FROM core.dead_letter d")
    kept_attempts = await core.rows("SELECT to_jsonb(a)::text AS attempt FROM core.step_attempt a")
    assert len(kept) == 1
    assert "ada@" not in f"{error} {kept} {kept_attempts} {capsys.readouterr().out}"
