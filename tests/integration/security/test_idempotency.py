"""Idempotency-Key in the database (FAULTS row 29): one execution, everybody else waits and replays."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest
from sqlalchemy import text

from shared.db.unit_of_work import UnitOfWork, UnitOfWorkFactory
from shared.http.idempotency import Answer, IdempotencyKeyReused, RequestInProgress, answer_once


class Deed:
    """Something that must happen once; each run inserts a verticals row and takes a while."""

    def __init__(self, *, fails: int = 0) -> None:
        self.runs = 0
        self.fails = fails

    async def __call__(self, uow: UnitOfWork) -> Answer:
        self.runs += 1
        if self.runs <= self.fails:
            raise RuntimeError("the deed failed")
        await uow.session.execute(
            text("INSERT INTO core.config (key, value) VALUES (:key, '1')"), {"key": f"deed-{uuid4()}"}
        )
        await asyncio.sleep(0.05)
        return Answer(201, {"run": self.runs})


async def send(
    factory: UnitOfWorkFactory, deed: Deed, *, key: str = "key-1", scope: str = "test", body: object = None
) -> Answer:
    async with factory() as uow:
        return await answer_once(uow.session, lambda: deed(uow), scope=scope, key=key, request=body)


async def deeds(factory: UnitOfWorkFactory) -> int:
    async with factory() as uow:
        count = await uow.session.execute(text("SELECT count(*) FROM core.config WHERE key LIKE 'deed-%'"))
        return int(count.scalar_one())


@pytest.mark.fault(29)
async def test_twenty_parallel_copies_run_once_and_get_one_answer(unit_of_work: UnitOfWorkFactory) -> None:
    deed = Deed()

    answers = await asyncio.gather(*(send(unit_of_work, deed) for _ in range(20)))

    assert answers == [Answer(201, {"run": 1})] * 20
    assert (deed.runs, await deeds(unit_of_work)) == (1, 1)


async def test_after_a_failure_the_next_copy_runs(unit_of_work: UnitOfWorkFactory) -> None:
    deed = Deed(fails=2)

    results = await asyncio.gather(*(send(unit_of_work, deed) for _ in range(6)), return_exceptions=True)

    assert sum(isinstance(result, RuntimeError) for result in results) == 2
    assert [result for result in results if isinstance(result, Answer)] == [Answer(201, {"run": 3})] * 4
    assert await deeds(unit_of_work) == 1


@pytest.mark.fault(29)
async def test_the_same_key_with_another_request_is_refused(unit_of_work: UnitOfWorkFactory) -> None:
    deed = Deed()
    await send(unit_of_work, deed, body={"a": 1, "b": 2})
    await send(unit_of_work, deed, body={"b": 2, "a": 1})

    with pytest.raises(IdempotencyKeyReused):
        await send(unit_of_work, deed, body={"a": 2})
    assert deed.runs == 1


async def test_another_caller_has_other_keys(unit_of_work: UnitOfWorkFactory) -> None:
    deed = Deed()
    await send(unit_of_work, deed, scope="one")
    await send(unit_of_work, deed, scope="other")

    assert deed.runs == 2


async def test_a_request_begun_in_another_transaction_is_in_progress(unit_of_work: UnitOfWorkFactory) -> None:
    async with unit_of_work() as uow:
        await uow.session.execute(
            text(
                "INSERT INTO core.request_key (scope, key, request_hash) "
                "VALUES ('test', 'key-1', encode(sha256('null'), 'hex'))"
            )
        )

    with pytest.raises(RequestInProgress):
        await send(unit_of_work, Deed())
