"""Scheduled jobs: slots computed from cron in the job's zone, each started once over all replicas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Any, Literal
from uuid import UUID
from zlib import crc32
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson
from croniter import croniter
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.unit_of_work import UnitOfWorkFactory
from shared.errors import InvalidInput, NotFound
from shared.workflow import metrics
from shared.workflow.start import Started, known_kind, start

MAX_SLOTS_A_TICK = 200

SEED = text(
    """
    INSERT INTO core.schedule (job, service, kind, input, cron, tz, enabled, misfire, jitter_seconds, description)
    VALUES (:job, :service, :kind, CAST(:input AS jsonb), :cron, :tz, true, :misfire, :jitter, :description)
    ON CONFLICT (job) DO NOTHING
    """
)
ENABLED = text(
    """
    SELECT s.job, s.kind, s.input, s.cron, s.tz, s.misfire, s.jitter_seconds, s.catch_up_seconds, s.updated_at, now() AS now,
           (SELECT max(r.due_at) FROM core.schedule_run r WHERE r.job = s.job AND r.slot NOT LIKE 'manual:%') AS last_due_at
      FROM core.schedule s WHERE s.enabled
    """
)
TAKE_SLOT = text(
    """
    INSERT INTO core.schedule_run (job, slot, due_at) VALUES (:job, :slot, :due_at)
    ON CONFLICT (job, slot) DO NOTHING RETURNING slot
    """
)
NOTE_WORKFLOW = text(
    "UPDATE core.schedule_run SET workflow_id = :workflow_id WHERE job = :job AND slot = :slot"
)
RUN_OF_SLOT = text("SELECT workflow_id FROM core.schedule_run WHERE job = :job AND slot = :slot")


@dataclass(frozen=True, slots=True)
class ScheduledJob:
    """A service's declaration of a job: it only seeds a row; operators change the row."""

    job: str
    kind: str
    cron: str
    description: str
    tz: str = "UTC"
    misfire: Literal["skip", "run_once"] = "run_once"
    jitter_seconds: int = 0
    input: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Slot:
    """One due moment: its wall time in the job's zone names it, its UTC time orders it."""

    name: str
    due_at: datetime


def daily(at: str, job: str, kind: str, description: str, **options: Any) -> ScheduledJob:
    """A job every day at HH:MM."""
    hour, minute = at.split(":")
    return ScheduledJob(job, kind, f"{int(minute)} {int(hour)} * * *", description, **options)


def hourly(job: str, kind: str, description: str, *, minute: int = 0, **options: Any) -> ScheduledJob:
    """A job every hour."""
    return ScheduledJob(job, kind, f"{minute} * * * *", description, **options)


def weekly(day: str, at: str, job: str, kind: str, description: str, **options: Any) -> ScheduledJob:
    """A job once a week, on a day such as "sun"."""
    hour, minute = at.split(":")
    return ScheduledJob(job, kind, f"{int(minute)} {int(hour)} * * {day}", description, **options)


def slots(cron: str, zone: ZoneInfo, after: datetime, until: datetime) -> Iterator[Slot]:
    """Yield the slots in (after, until], by local wall time: a skipped hour runs once, a doubled hour runs once."""
    wall = after.astimezone(zone).replace(tzinfo=None) - timedelta(hours=2)
    walk = croniter(cron, wall)
    seen: set[datetime] = set()
    while True:
        local: datetime = walk.get_next(datetime)
        due = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
        if due > until + timedelta(hours=2):
            return
        if after < due <= until and due not in seen:
            seen.add(due)
            yield Slot(local.isoformat(timespec="seconds" if local.second else "minutes"), due)


def next_slot(cron: str, zone: ZoneInfo, after: datetime) -> datetime | None:
    """When a job is due next (UTC), looking at most a year ahead."""
    horizon = after + timedelta(days=366)
    return next((slot.due_at for slot in slots(cron, zone, after, horizon)), None)


def due_slots(row: Row[Any]) -> list[Slot]:
    """What a schedule row should start now: everything inside its catch-up window, else its misfire rule."""
    zone, now = ZoneInfo(row.tz), row.now
    since = max(filter(None, (row.last_due_at, row.updated_at)))
    window = now - timedelta(seconds=row.catch_up_seconds)
    fresh = list(slots(row.cron, zone, max(since, window), now))[-MAX_SLOTS_A_TICK:]
    if not fresh and row.misfire == "run_once" and since < window:
        fresh = list(slots(row.cron, zone, max(since, now - timedelta(days=8)), now))[-1:]
    return list(
        takewhile(lambda slot: slot.due_at + delay_of(row.job, slot, row.jitter_seconds) <= now, fresh)
    )


def delay_of(job: str, slot: Slot, jitter_seconds: int) -> timedelta:
    """How much later than its slot a job starts: up to its jitter, the same for every replica."""
    return timedelta(seconds=crc32(f"{job}:{slot.name}".encode()) % (jitter_seconds + 1))


class Scheduler:
    """One tick: every due slot of every enabled job becomes one run and one workflow, in one transaction each."""

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    async def tick(self) -> int:
        """Start what is due; safe in any number of replicas. Returns how many runs this replica started."""
        async with self._unit_of_work() as uow:
            rows = (await uow.session.execute(ENABLED)).all()
        started = 0
        for row in rows:
            for slot in due_slots(row):
                async with self._unit_of_work() as uow:
                    if await run_slot(uow.session, row.job, row.kind, row.input, slot):
                        metrics.SCHEDULE_RUNS.labels(row.job).inc()
                        started += 1
        return started


async def run_slot(
    session: AsyncSession, job: str, kind: str, input: Mapping[str, Any], slot: Slot
) -> Started | None:
    """Take a slot and start its workflow; None when another replica has it."""
    taken = await session.execute(TAKE_SLOT, {"job": job, "slot": slot.name, "due_at": slot.due_at})
    if taken.scalar_one_or_none() is None:
        return None
    run = await start(session, kind, input={**input, "job": job, "slot": slot.name})
    await session.execute(NOTE_WORKFLOW, {"workflow_id": run.workflow_id, "job": job, "slot": slot.name})
    return run


async def trigger(session: AsyncSession, job: str, *, key: str) -> UUID:
    """Run a job now; the same key runs it once. Returns the workflow."""
    row = (
        await session.execute(
            text("SELECT kind, input, now() AS now FROM core.schedule WHERE job = :job"), {"job": job}
        )
    ).one_or_none()
    if row is None:
        raise NotFound(f"there is no scheduled job {job!r}", job=job)
    slot = Slot(f"manual:{key}", row.now)
    run = await run_slot(session, job, row.kind, row.input, slot)
    if run is not None:
        return run.workflow_id
    known = await session.execute(RUN_OF_SLOT, {"job": job, "slot": slot.name})
    workflow_id: UUID = known.scalar_one()
    return workflow_id


def check_times(cron: str, tz: str) -> None:
    """Refuse a cron expression or a zone that nobody knows; a sixth field of the expression is seconds."""
    if not croniter.is_valid(cron):
        raise InvalidInput(f"cron {cron!r} is not valid", cron=cron)
    try:
        ZoneInfo(tz)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise InvalidInput(f"time zone {tz!r} is not known", tz=tz) from error


async def seed_schedule(session: AsyncSession, service: str, jobs: tuple[ScheduledJob, ...]) -> None:
    """Insert the rows of a service's jobs that are not there yet; existing rows belong to the operator."""
    for job in jobs:
        known_kind(job.kind)
        check_times(job.cron, job.tz)
        await session.execute(
            SEED,
            {
                "job": job.job,
                "service": service,
                "kind": job.kind,
                "input": orjson.dumps(dict(job.input)).decode(),
                "cron": job.cron,
                "tz": job.tz,
                "misfire": job.misfire,
                "jitter": job.jitter_seconds,
                "description": job.description,
            },
        )
