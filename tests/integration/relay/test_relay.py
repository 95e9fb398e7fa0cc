"""Outbox rows reach Redis at least once, whoever dies; wake-ups stay within limits."""

from __future__ import annotations

import asyncio
from uuid import uuid4

from redis.asyncio import Redis

from shared.queue.producer import queue_key
from shared.relay import Relay, Sweeper
from shared.relay.relay import EPOCH_KEY, HEALING, READY
from tests.factories.core import Core
from tests.factories.events import TestedEvent

QUEUE = queue_key("tests.default")


async def publish(core: Core, count: int) -> None:
    async with core.unit_of_work() as uow:
        uow.publish([TestedEvent(subject_id=uuid4()) for _ in range(count)])


async def unpublished(core: Core) -> int:
    return int(await core.one("SELECT count(*) FROM core.outbox WHERE published_at IS NULL"))


async def test_two_relays_add_each_row_once(core: Core, redis: Redis) -> None:
    await publish(core, 1200)
    relays = [Relay(core.unit_of_work, redis) for _ in range(2)]
    while await unpublished(core):
        await asyncio.gather(*(relay.relay_batch() for relay in relays))
    assert await redis.xlen(TestedEvent.stream()) == 1200


async def test_wake_ups_beyond_the_limit_stay_in_the_database(core: Core, redis: Redis) -> None:
    for _ in range(5):
        await core.start()
    assert await Relay(core.unit_of_work, redis, depth_limit=4).relay_batch() == 10
    assert await redis.zcard(QUEUE) == 4
    assert (
        await core.one("SELECT count(*) FROM core.step WHERE status = 'ready' AND enqueued_at IS NULL") == 6
    )
    assert await Sweeper(core.unit_of_work, redis).sweep() == 6


async def test_lost_redis_gets_the_events_of_the_day_again(core: Core, redis: Redis) -> None:
    relay = Relay(core.unit_of_work, redis)
    assert await relay.heal_after_redis_loss()
    assert not await relay.heal_after_redis_loss()
    workflow = await core.start()
    await publish(core, 3)
    await relay.relay_batch()
    await redis.flushdb()
    assert await relay.heal_after_redis_loss()
    assert await redis.get(EPOCH_KEY) == READY
    await relay.relay_batch()
    assert await redis.xlen(TestedEvent.stream()) == 3
    assert await Sweeper(core.unit_of_work, redis).sweep() == 2
    assert await core.wake_ups(workflow) == ["a", "b", "a", "b"]


async def test_redis_lost_again_during_the_healing_is_healed_again(core: Core, redis: Redis) -> None:
    await publish(core, 3)
    await redis.set(EPOCH_KEY, HEALING)
    relay = Relay(core.unit_of_work, redis)
    assert await relay.heal_after_redis_loss()
    assert not await relay.heal_after_redis_loss()


async def test_healing_waits_for_a_batch_in_hand(core: Core, redis: Redis) -> None:
    """The batch adds to a Redis that is then lost; what it marks published must be published again."""
    await publish(core, 2)
    relay, added = Relay(core.unit_of_work, redis), asyncio.Event()
    lost = asyncio.Event()

    class Losing:
        """Redis that is lost right after the batch was added."""

        def pipeline(self, *, transaction: bool) -> object:
            pipe = redis.pipeline(transaction=transaction)
            execute = pipe.execute

            async def execute_then_wait() -> object:
                answer = await execute()
                added.set()
                await lost.wait()
                return answer

            pipe.execute = execute_then_wait  # type: ignore[method-assign,assignment]
            return pipe

    batch = asyncio.create_task(Relay(core.unit_of_work, Losing()).relay_batch())  # type: ignore[arg-type]
    await added.wait()
    await redis.flushdb()
    healing = asyncio.create_task(relay.heal_after_redis_loss())
    await asyncio.sleep(0.3)
    assert not healing.done()
    lost.set()
    assert await batch == 2
    assert await healing
    await relay.relay_batch()
    assert await redis.xlen(TestedEvent.stream()) == 2


async def test_sweeper_finds_lost_hints_and_dead_workers_once(core: Core, redis: Redis) -> None:
    sweeper = Sweeper(core.unit_of_work, redis, after_seconds=30)
    workflow = await core.start()
    assert await sweeper.sweep() == 0
    await core.rows("UPDATE core.step SET enqueued_at = now() - interval '31 s' WHERE status = 'ready'")
    assert await sweeper.sweep() == 2
    assert await sweeper.sweep() == 0
    await core.runner()._claim(workflow, "a")
    assert await sweeper.sweep() == 0
    await core.rows("UPDATE core.step SET enqueued_at = now() - interval '9 s' WHERE name = 'a'")
    await core.expire_lease(workflow, "a")
    assert await sweeper.sweep() == 1
    assert await sweeper.sweep() == 0


async def test_trimming_keeps_what_is_young_or_unacknowledged(core: Core, redis: Redis) -> None:
    stream = TestedEvent.stream()
    for entry_id in ("1-1", "2-1", "3-1"):
        await redis.xadd(stream, {"f": "v"}, id=entry_id)
    await redis.xgroup_create(stream, "tests", id="0")
    await redis.xreadgroup("tests", "c", {stream: ">"})
    await redis.xack(stream, "tests", "1-1")
    await redis.xtrim(stream, minid="1-1", approximate=False)
    await Sweeper(core.unit_of_work, redis).trim_streams()
    left = [entry_id for entry_id, _ in await redis.xrange(stream)]
    assert {"2-1", "3-1"} <= set(left)


async def test_a_stream_nobody_reads_is_trimmed_by_age(core: Core, redis: Redis) -> None:
    stream = TestedEvent.stream()
    for number in range(1, 301):
        await redis.xadd(stream, {"f": "v"}, id=f"{number}-1")
    young = await redis.xadd(stream, {"f": "v"})

    await Sweeper(core.unit_of_work, redis).trim_streams()

    left = [entry_id for entry_id, _ in await redis.xrange(stream)]
    assert young in left
    assert len(left) <= 100
