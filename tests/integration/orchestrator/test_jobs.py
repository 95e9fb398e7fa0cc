"""Scheduled jobs as an operator sees and changes them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from shared.db.engine import SessionMaker
from shared.workflow.schedule import Scheduler
from tests.factories.services import RunningService, call, scalar


async def test_a_job_is_listed_triggered_once_per_key_paused_and_resumed(
    orchestrator: RunningService, committed_db: SessionMaker
) -> None:
    keys = {"Idempotency-Key": "trigger-0001"}
    runs = [await call(orchestrator, "POST", "/jobs/housekeeping/trigger", headers=keys) for _ in range(2)]
    paused = await call(orchestrator, "POST", "/jobs/weekly_report/pause")
    listed = {job["job"]: job for job in (await call(orchestrator, "GET", "/jobs/scheduled")).json()}
    resumed = await call(orchestrator, "POST", "/jobs/weekly_report/resume")

    assert [run.status_code for run in runs] == [202, 202]
    assert runs[0].json() == runs[1].json()
    assert (paused.status_code, resumed.status_code) == (204, 204)
    assert listed["weekly_report"]["enabled"] is False
    assert listed["housekeeping"]["last_slot"] == "manual:trigger-0001"
    assert listed["housekeeping"]["now"] is not None
    assert (await call(orchestrator, "POST", "/jobs/nothing/pause")).status_code == 404
    assert await scalar(committed_db, "SELECT enabled FROM core.schedule WHERE job = 'weekly_report'") is True


async def test_a_job_takes_other_times_and_keeps_them(
    orchestrator: RunningService, committed_db: SessionMaker
) -> None:
    path, times = "/jobs/housekeeping/times", {"cron": "30 1 * * 2", "tz": "America/Denver"}

    assert (await call(orchestrator, "PUT", path, json=times)).status_code == 204
    row = "SELECT cron || ' ' || tz FROM core.schedule WHERE job = 'housekeeping'"
    assert await scalar(committed_db, row) == "30 1 * * 2 America/Denver"
    for wrong in ({"cron": "61 * * * *"}, {"cron": "30 1 * * 2", "tz": "Mars/Base"}):
        refused = await call(orchestrator, "PUT", path, json=wrong)
        assert refused.status_code == 422, wrong
        assert "not" in refused.json()["detail"]
    assert (await call(orchestrator, "PUT", "/jobs/nothing/times", json=times)).status_code == 404
    assert await scalar(committed_db, row) == "30 1 * * 2 America/Denver"


async def test_a_rehearsal_runs_by_the_second(
    orchestrator: RunningService, committed_db: SessionMaker
) -> None:
    async with committed_db.begin() as session:
        await session.execute(
            text(
                "INSERT INTO core.schedule (job, service, kind, cron, tz, misfire, updated_at)"
                " VALUES ('fast', 'orchestrator', 'housekeeping', '* * * * * */10', 'UTC', 'skip', :then)"
            ),
            {"then": datetime.now(UTC) - timedelta(seconds=40)},
        )

    await Scheduler(orchestrator.resources.unit_of_work).tick()

    slots = await scalar(committed_db, "SELECT count(*) FROM core.schedule_run WHERE job = 'fast'")
    assert slots in (3, 4)


async def test_two_schedulers_start_a_slot_once(
    orchestrator: RunningService, committed_db: SessionMaker
) -> None:
    async with committed_db.begin() as session:
        await session.execute(
            text(
                "INSERT INTO core.schedule (job, service, kind, cron, tz, misfire, updated_at)"
                " VALUES ('often', 'orchestrator', 'housekeeping', '* * * * *', 'UTC', 'skip', :then)"
            ),
            {"then": datetime.now(UTC) - timedelta(minutes=15)},
        )
    replicas = [Scheduler(orchestrator.resources.unit_of_work) for _ in range(2)]

    started = await asyncio.gather(*(replica.tick() for replica in replicas))

    slots = await scalar(committed_db, "SELECT count(*) FROM core.schedule_run")
    assert sum(started) == slots
    assert slots >= 12
    assert (
        await scalar(committed_db, "SELECT count(*) - count(DISTINCT (job, slot)) FROM core.schedule_run")
        == 0
    )
