"""Events arrive at least once and have one effect; what nobody can read is parked, never dropped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from shared.db.unit_of_work import UnitOfWork
from shared.errors import PermanentError
from shared.streams import StreamConsumer, StreamEntry, add_to_streams
from tests.factories.core import Core
from tests.factories.events import TestedEvent

STREAM = TestedEvent.stream()


class Seen:
    """A handler that writes down what it saw and fails on bad words."""

    def __init__(self) -> None:
        self.words: list[str] = []

    async def handle(self, event: TestedEvent, _uow: UnitOfWork) -> None:
        if event.word == "raise":
            raise RuntimeError("cannot")
        if event.word == "refuse":
            raise PermanentError("never")
        self.words.append(event.word)


def entry(word: str, **changed: object) -> StreamEntry:
    payload = {"subject_id": str(uuid4()), "word": word}
    values: tuple[Any, ...] = (
        STREAM,
        uuid4(),
        TestedEvent.name,
        TestedEvent.version,
        "k",
        payload,
        {},
        datetime.now(UTC),
    )
    made = StreamEntry(*values)
    for name, value in changed.items():
        object.__setattr__(made, name, value)
    return made


@asynccontextmanager
async def consuming(
    core: Core, redis: Redis, seen: Seen, *, consumer: str = "c1"
) -> AsyncIterator[StreamConsumer]:
    part = StreamConsumer(
        redis, core.unit_of_work, group="tests", consumer=consumer, handlers={TestedEvent: seen.handle},
        claim_idle_seconds=0.1,
    )  # fmt: skip
    task = asyncio.create_task(part.run_forever())
    try:
        yield part
    finally:
        part.stop()
        await asyncio.wait_for(task, 20)


async def until(condition: Callable[[], bool | Awaitable[bool]]) -> None:
    for _ in range(600):
        answer = condition()
        if answer if isinstance(answer, bool) else await answer:
            return
        await asyncio.sleep(0.05)
    pytest.fail("it did not come about")


async def parked(core: Core) -> list[tuple[str, int]]:
    rows = await core.rows("SELECT reason, attempts FROM core.dead_letter ORDER BY created_at, reason")
    return [(row.reason, row.attempts) for row in rows]


async def pending(redis: Redis) -> int:
    return int((await redis.xpending(STREAM, "tests"))["pending"])


async def test_same_event_twice_has_one_effect(core: Core, redis: Redis) -> None:
    seen = Seen()
    twice = entry("hello")
    await add_to_streams(redis, [twice, entry("other"), twice])
    async with consuming(core, redis, seen):
        await until(lambda: len(seen.words) == 2)
        await add_to_streams(redis, [twice, entry("last")])
        await until(lambda: "last" in seen.words)
    assert sorted(seen.words) == ["hello", "last", "other"]
    assert await pending(redis) == 0


async def test_what_cannot_be_read_or_handled_is_parked_and_others_go_on(core: Core, redis: Redis) -> None:
    seen = Seen()
    await redis.xadd(STREAM, {"garbage": "yes"})
    await redis.xadd(STREAM, entry("x").fields() | {"payload": "{no json"})  # type: ignore[arg-type]
    await add_to_streams(redis, [entry("x", version=9), entry("raise"), entry("refuse"), entry("good")])
    async with consuming(core, redis, seen):
        await until(lambda: seen.words == ["good"])

        async def all_parked() -> bool:
            return len(await parked(core)) == 5

        await until(all_parked)

        async def nothing_pending() -> bool:
            return await pending(redis) == 0

        await until(nothing_pending)
    reasons = dict(await parked(core))
    assert reasons["field 'type' is missing"] == 1
    assert reasons["unknown event tested.happened version 9"] == 1
    assert reasons["never"] == 1
    assert reasons["RuntimeError: cannot"] == 6
    assert any(reason.startswith("not readable") for reason in reasons)


async def test_entries_of_a_dead_consumer_are_taken_over(core: Core, redis: Redis) -> None:
    await redis.xgroup_create(STREAM, "tests", id="0", mkstream=True)
    await add_to_streams(redis, [entry("left behind")])
    await redis.xreadgroup("tests", "dead", {STREAM: ">"})
    seen = Seen()
    async with consuming(core, redis, seen):
        await until(lambda: seen.words == ["left behind"])


async def test_group_lost_with_redis_is_made_again_from_the_beginning(core: Core, redis: Redis) -> None:
    seen = Seen()
    async with consuming(core, redis, seen):
        await add_to_streams(redis, [entry("before")])
        await until(lambda: seen.words == ["before"])
        await redis.delete(STREAM)
        await add_to_streams(redis, [entry("after")])
        await until(lambda: seen.words == ["before", "after"])


async def test_two_consumers_share_the_work(core: Core, redis: Redis) -> None:
    seen = Seen()
    async with consuming(core, redis, seen, consumer="c1"), consuming(core, redis, seen, consumer="c2"):
        await add_to_streams(redis, [entry(str(i)) for i in range(100)])
        await until(lambda: len(seen.words) >= 100)
    assert sorted(seen.words, key=int) == [str(i) for i in range(100)]
