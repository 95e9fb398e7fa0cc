"""Who gets a connection when all are taken."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.db import unit_of_work as module
from shared.db.engine import make_engine, make_session_maker
from shared.db.unit_of_work import unit_of_work_factory

READ = text("SELECT 1")


async def test_who_waits_for_a_connection_comes_before_who_asks_later(database_url: str) -> None:
    callers, served = 100, 0
    served_while_waiting: list[int] = []
    engine = make_engine(database_url, pool_size=12)
    unit_of_work = unit_of_work_factory(make_session_maker(engine))

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
    unit_of_work = unit_of_work_factory(make_session_maker(engine))
    async with unit_of_work():
        with pytest.raises(PoolTimeout, match="no connection came free"):
            async with unit_of_work():
                pass
    async with unit_of_work() as uow:
        assert (await uow.session.execute(READ)).scalar_one() == 1
    await engine.dispose()
