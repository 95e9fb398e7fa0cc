"""Who gets a connection when all are taken, and what a statement alone leaves behind."""

from __future__ import annotations

import asyncio
import gc
import types
from collections.abc import Coroutine, Generator
from typing import Any

import psycopg
import pytest
from sqlalchemy import TextClause, text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.db import unit_of_work as module
from shared.db.engine import SessionMaker, make_engine, make_session_maker
from shared.db.unit_of_work import UnitOfWorkFactory

READ = text("SELECT 1")


async def test_who_waits_for_a_connection_comes_before_who_asks_later(database_url: str) -> None:
    callers, served = 100, 0
    served_while_waiting: list[int] = []
    engine = make_engine(database_url, pool_size=12)
    unit_of_work = UnitOfWorkFactory(make_session_maker(engine))

    async def call_again_and_again() -> None:
        nonlocal served
        for _ in range(20):
            before = served
            async with unit_of_work() as uow:
                await uow.session.execute(READ)
                served += 1
                served_while_waiting.append(served - before)

    await asyncio.gather(*(call_again_and_again() for _ in range(callers)))
    await engine.dispose()
    assert max(served_while_waiting) < 2 * callers


async def test_a_wait_without_end_is_an_error(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_QUEUE_SECONDS", 0.05)
    engine = make_engine(database_url, pool_size=1)
    unit_of_work = UnitOfWorkFactory(make_session_maker(engine))
    async with unit_of_work():
        with pytest.raises(PoolTimeout, match="no connection came free"):
            async with unit_of_work():
                pass
    async with unit_of_work() as uow:
        assert (await uow.session.execute(READ)).scalar_one() == 1
    await engine.dispose()


async def test_a_statement_alone_is_kept_and_the_next_transaction_is_one_again(
    database_url: str, committed_db: SessionMaker
) -> None:
    engine = make_engine(database_url, pool_size=1)
    unit_of_work = UnitOfWorkFactory(make_session_maker(engine))

    async def twice(statement: TextClause) -> None:
        async with unit_of_work() as uow:
            await uow.session.execute(statement, {"scope": "rolled back"})
            await uow.session.execute(statement, {"scope": "alone"})

    add = text("INSERT INTO core.budget (scope, cap) VALUES (:scope, 1) RETURNING scope")
    rename = text("UPDATE core.budget SET scope = 'kept' WHERE scope = :scope")
    kept = text("SELECT scope FROM core.budget WHERE scope = ANY (:scopes)")

    assert [row.scope for row in await unit_of_work.alone(add, {"scope": "alone"})] == ["alone"]
    with pytest.raises(IntegrityError):
        await twice(add)
    assert await unit_of_work.alone(rename, {"scope": "alone"}) == []

    async with committed_db() as session:
        rows = (await session.execute(kept, {"scopes": ["alone", "rolled back", "kept"]})).all()
    await engine.dispose()
    assert [row.scope for row in rows] == ["kept"]


async def test_a_task_cancelled_at_any_moment_leaves_no_transaction_open(
    database_url: str, committed_db: SessionMaker
) -> None:
    name = "cancelled"
    engine = make_engine(database_url, pool_size=1, application_name=name)
    unit_of_work = UnitOfWorkFactory(make_session_maker(engine))

    async def work() -> None:
        async with unit_of_work() as uow:
            await uow.session.execute(text("SELECT pg_sleep(0.02)"))

    for moment in range(12):
        task = asyncio.create_task(work())
        await asyncio.sleep(0.003 * moment)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        async with committed_db.begin() as session:
            left = "SELECT state FROM pg_stat_activity WHERE application_name = :name AND state <> 'idle'"
            assert list((await session.execute(text(left), {"name": name})).scalars()) == [], moment
        async with unit_of_work() as uow:
            assert (await uow.session.execute(READ)).scalar_one() == 1
    await engine.dispose()


async def test_a_task_cancelled_wherever_it_waits_gives_its_connection_back(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        psycopg.waiting, "MAX_BUSY_TIME", 0.0
    )  # so that the driver lets others run at every call
    engine = make_engine(database_url, pool_size=1)
    unit_of_work = UnitOfWorkFactory(make_session_maker(engine))

    async def work() -> None:
        async with unit_of_work() as uow:
            await uow.session.execute(READ)
        await unit_of_work.alone(READ, {})

    waits = 0
    await work()
    while await cancelled_at(waits, work()):
        waits += 1
        assert engine.pool.checkedout() == 0, waits  # type: ignore[attr-defined]
        gc.collect()  # a connection that only the collector finds is an error
    await engine.dispose()
    assert waits > 5


async def cancelled_at(wait: int, work: Coroutine[Any, Any, None]) -> bool:
    """Whether some work that is cancelled where it waits the nth time was cancelled; it may have ended before."""

    @types.coroutine
    def watched() -> Generator[Any, Any, None]:
        steps, error, passed = work.__await__(), None, 0
        while True:
            try:
                future = steps.throw(error) if error else steps.send(None)
            except StopIteration:
                return
            if passed == wait:
                task.cancel()
            passed += 1
            error = None
            try:
                yield future
            except BaseException as thrown:  # noqa: BLE001 - it is the work's own
                error = thrown

    async def run() -> None:
        await watched()

    task = asyncio.create_task(run())
    await asyncio.wait([task])
    return task.cancelled()


async def test_connections_that_died_in_the_pool_are_passed_over(
    database_url: str, committed_db: SessionMaker
) -> None:
    name, size = "soon-dead", 3
    engine = make_engine(database_url, pool_size=size, application_name=name)
    unit_of_work = UnitOfWorkFactory(make_session_maker(engine))

    async def backend() -> int:
        async with unit_of_work() as uow:
            await asyncio.sleep(0.2)  # so that each has a connection of its own
            return int((await uow.session.execute(text("SELECT pg_backend_pid()"))).scalar_one())

    before = await asyncio.gather(*(backend() for _ in range(size)))
    async with committed_db.begin() as session:
        killed = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = :name"
        assert list((await session.execute(text(killed), {"name": name})).scalars()) == [True] * size
    after = await asyncio.gather(*(backend() for _ in range(size)))
    await engine.dispose()
    assert len(set(before)) == len(set(after)) == size
    assert not set(before) & set(after)


async def test_one_lost_statement_alone_renews_the_whole_pool(
    database_url: str, committed_db: SessionMaker
) -> None:
    name, size = "lost-alone", 3
    engine = make_engine(database_url, pool_size=size, application_name=name)
    unit_of_work = UnitOfWorkFactory(make_session_maker(engine))
    wait = text("SELECT pg_sleep(0.1)")
    await asyncio.gather(*(unit_of_work.alone(wait, {}) for _ in range(size)))
    async with committed_db.begin() as session:
        killed = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = :name"
        assert list((await session.execute(text(killed), {"name": name})).scalars()) == [True] * size
    with pytest.raises(OperationalError):
        await unit_of_work.alone(READ, {})
    await asyncio.gather(*(unit_of_work.alone(wait, {}) for _ in range(size)))
    await engine.dispose()


async def test_a_plain_session_is_a_transaction_too(database_url: str) -> None:
    engine = make_engine(database_url, pool_size=1)
    add = text("INSERT INTO core.budget (scope, cap) VALUES ('plain', 1)")
    count = text("SELECT count(*) FROM core.budget WHERE scope = 'plain'")

    async def twice() -> None:
        async with make_session_maker(engine).begin() as session:
            await session.execute(add)
            await session.execute(add)

    with pytest.raises(IntegrityError):
        await twice()
    async with engine.connect() as connection:
        assert (await connection.execute(count)).scalar_one() == 0
    await engine.dispose()


async def test_a_transaction_knows_its_time_and_another_begins_later(database_url: str) -> None:
    engine = make_engine(database_url, pool_size=1)
    unit_of_work = UnitOfWorkFactory(make_session_maker(engine))
    async with unit_of_work() as uow:
        told = await uow.database_now()
        assert told == (await uow.session.execute(text("SELECT now()"))).scalar_one()
    async with unit_of_work() as uow:
        assert await uow.database_now() > told
    await engine.dispose()
