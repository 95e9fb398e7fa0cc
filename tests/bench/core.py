"""What the durable core moves in a second, each figure beside a bare baseline of the same run."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import resource
import time
from collections.abc import Awaitable, Callable, Coroutine
from statistics import quantiles
from typing import Any
from uuid import uuid4

import psycopg
import uvloop

from shared.db.unit_of_work import UnitOfWork
from shared.relay import Relay
from shared.relay.relay import EPOCH_KEY, READY
from shared.runtime.process import keep_what_is_loaded
from shared.runtime.resources import Resources, open_resources
from shared.streams import StreamConsumer
from tests.bench.figure import Figure
from tests.faults.chaos import EMPTY, RATIO_GOAL, Outcome, Storm, connect, prepare, run_storm, settings_for
from tests.faults.plane import Plane, own_plane
from tests.faults.processes import cpu_seconds_of
from tests.faults.work import ADD_HANDLED, ChaosStepDone

FORK = multiprocessing.get_context("fork")
EVENTS = 4000
RELAYED = 20_000
LATENCY_EVENTS = 1000
LATENCY_RATE = 200
CONSUMERS = 2


def figures() -> list[Figure]:
    """Every figure of the core, on servers of the run's own."""
    with own_plane() as plane:
        prepare(plane)
        inserts, pipeline = _baselines(plane)
        return [
            *_throughput(plane, inserts=inserts, pipeline=pipeline),
            _latency(plane),
            *_steps(plane, inserts),
        ]


def _baselines(plane: Plane) -> tuple[float, float]:
    """Bare psycopg insert + commit, a second; bare XADD in a pipeline, a second."""
    count = 500
    url = plane.database_url.replace("+psycopg", "")
    with psycopg.connect(url) as connection:
        began = time.perf_counter()
        for _ in range(count):
            connection.execute("INSERT INTO chaos.handled (subject_id, step) VALUES (%s, 'x')", (uuid4(),))
            connection.commit()
        inserts = count / (time.perf_counter() - began)

    async def pipeline(resources: Resources) -> float:
        began = time.perf_counter()
        for _ in range(10):
            pipe = resources.redis.pipeline(transaction=False)
            for _ in range(500):
                pipe.xadd("bench", {"payload": "x" * 200})
            await pipe.execute()
        return 5000 / (time.perf_counter() - began)

    return inserts, with_resources(plane, pipeline)


def _throughput(plane: Plane, *, inserts: float, pipeline: float) -> list[Figure]:
    """Relayed rows a second, then events a second from stream to handler with one transaction each."""
    _empty(plane)
    with connect(plane) as connection:
        connection.execute(
            """
            INSERT INTO core.outbox (topic, key, type, version, payload)
            SELECT 'ev.chaos', 'k', 'chaos.step_done', 1, jsonb_build_object('subject_id', gen_random_uuid(), 'step', 'x')
              FROM generate_series(1, %s)
            """,
            (RELAYED,),
        )

    async def relay(resources: Resources) -> tuple[float, float]:
        cpu, began = _cpu(), time.perf_counter()
        part, moved = Relay(resources.unit_of_work, resources.redis), 0
        while batch := await part.relay_batch():
            moved += batch
        return moved / (time.perf_counter() - began), 1000 * (_cpu() - cpu) / moved

    relayed, relay_cpu = with_resources(plane, relay)
    _empty(plane)
    handled, handle_cpu = _handled_a_second(plane)
    return [
        Figure(
            "outbox to stream",
            round(relayed),
            "rows/s",
            8000,
            at_most=False,
            baseline="bare XADD pipeline, a second",
            baseline_value=round(pipeline),
            cpu_ms_each=round(relay_cpu, 3),
        ),
        Figure(
            "outbox to handler",
            round(handled),
            "events/s",
            1000,
            at_most=False,
            baseline="bare insert + commit, a second",
            baseline_value=round(inserts),
            cpu_ms_each=round(handle_cpu, 3),
        ),
    ]


def _handled_a_second(plane: Plane) -> tuple[float, float]:
    """Events published to the outbox, relayed, and handled by two consumer processes."""
    processes = [_fork(_consume, plane) for _ in range(CONSUMERS)] + [_fork(_relay, plane)]
    time.sleep(1.5)
    spent = sum(cpu_seconds_of(process.pid) for process in processes)
    began = time.perf_counter()

    async def publish(resources: Resources) -> None:
        for _ in range(EVENTS // 100):
            async with resources.unit_of_work() as uow:
                uow.publish([ChaosStepDone(subject_id=uuid4(), step="x") for _ in range(100)])

    with_resources(plane, publish)
    _until_handled(plane, EVENTS)
    seconds = time.perf_counter() - began
    spent = sum(cpu_seconds_of(process.pid) for process in processes) - spent
    _end(processes)
    return EVENTS / seconds, 1000 * spent / EVENTS


def _latency(plane: Plane) -> Figure:
    """The 99th percentile from commit to handled, at 200 events a second."""
    _empty(plane)
    with connect(plane) as connection:
        connection.execute(
            "ALTER TABLE chaos.handled ADD COLUMN IF NOT EXISTS at timestamptz DEFAULT clock_timestamp()"
        )
    processes = [_fork(_consume, plane), _fork(_relay, plane)]
    time.sleep(1.5)

    async def publish(resources: Resources) -> None:
        began = time.perf_counter()
        for i in range(LATENCY_EVENTS):
            await asyncio.sleep(max(0.0, began + i / LATENCY_RATE - time.perf_counter()))
            async with resources.unit_of_work() as uow:
                uow.publish(ChaosStepDone(subject_id=uuid4(), step="x"))

    with_resources(plane, publish)
    _until_handled(plane, LATENCY_EVENTS)
    _end(processes)
    with connect(plane) as connection:
        rows = connection.execute(
            """
            SELECT 1000 * extract(epoch FROM h.at - o.created_at) FROM chaos.handled h
              JOIN core.outbox o ON o.payload ->> 'subject_id' = h.subject_id::text
            """
        ).fetchall()
    cuts = quantiles([float(row[0]) for row in rows], n=100)
    return Figure(
        "latency p99 at 200 events/s",
        round(cuts[98], 1),
        "ms",
        300,
        at_most=True,
        baseline="median, ms",
        baseline_value=round(cuts[49], 1),
    )


def _steps(plane: Plane, inserts: float) -> list[Figure]:
    """Two hundred workflows of nine fake steps, the same under faults, and what a step that does nothing costs."""
    calm = _clean(run_storm(plane, Storm(200)))
    shaken = _clean(run_storm(plane, Storm(200).shaken(1, calm.seconds)))
    bare = _clean(run_storm(plane, Storm(200, kind="chaos_bare", workers=1, relays=1)))
    return [
        Figure(
            "200 workflows x 9 steps, calm",
            calm.seconds,
            "s",
            15,
            at_most=True,
            baseline="1800 bare commits, s",
            baseline_value=round(1800 / inserts, 2),
            cpu_ms_each=calm.cpu_ms_per_step,
        ),
        Figure(
            "the same under faults",
            shaken.seconds,
            "s",
            round(RATIO_GOAL * calm.seconds, 2),
            at_most=True,
            baseline="calm, s",
            baseline_value=calm.seconds,
            cpu_ms_each=shaken.cpu_ms_per_step,
        ),
        Figure(
            "library overhead a step",
            bare.cpu_ms_per_step,
            "ms CPU",
            7,
            at_most=True,
            baseline="bare commit, ms",
            baseline_value=round(1000 / inserts, 2),
        ),
    ]


def _clean(outcome: Outcome) -> Outcome:
    """The outcome; a run that lost or doubled something, or did not end, has no figures."""
    if not outcome.clean:
        raise RuntimeError(f"the storm was not clean: {outcome.violations}")
    return outcome


async def _consume(resources: Resources) -> None:
    keep_what_is_loaded()

    async def handle(event: ChaosStepDone, uow: UnitOfWork) -> None:
        await uow.session.execute(ADD_HANDLED, {"subject": event.subject_id, "step": event.step})

    await StreamConsumer(
        resources.redis, resources.unit_of_work, group="bench", consumer=str(os.getpid()), handlers={ChaosStepDone: handle}
    ).run_forever()  # fmt: skip


async def _relay(resources: Resources) -> None:
    keep_what_is_loaded()
    await Relay(resources.unit_of_work, resources.redis).run_forever()


def _fork(part: Callable[[Resources], Coroutine[Any, Any, None]], plane: Plane) -> Any:
    process = FORK.Process(target=with_resources, args=(plane, part), daemon=True)
    process.start()
    return process


def _end(processes: list[Any]) -> None:
    for process in processes:
        process.kill()
        process.join()


def with_resources(plane: Plane, work: Callable[[Resources], Awaitable[Any]]) -> Any:
    """What the work returned, run with the resources of a process of its own."""

    async def opened() -> Any:
        async with open_resources("bench", settings_for(plane)) as resources:
            return await work(resources)

    return uvloop.run(opened())


def _empty(plane: Plane) -> None:
    with connect(plane) as connection:
        connection.execute(EMPTY)

    async def clean(resources: Resources) -> None:
        await resources.redis.flushdb()
        await resources.redis.set(EPOCH_KEY, READY)

    with_resources(plane, clean)


def _until_handled(plane: Plane, count: int) -> None:
    with connect(plane) as connection:
        for _ in range(12_000):
            row = connection.execute("SELECT count(*) FROM chaos.handled").fetchone()
            if row and row[0] >= count:
                return
            time.sleep(0.02)
    raise TimeoutError(f"{count} events were not handled within four minutes")


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
