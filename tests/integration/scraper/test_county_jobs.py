"""Background jobs of a county: year by year, one at a time, resumable, stopped with grace, started when due."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.exc import IntegrityError

from services.scraper.repository import CountyRepository
from shared.sandbox.misbehaviour import FaultKind
from shared.sandbox.vendors import accela_county as calder
from tests.factories.county_desk import Desk

STEP = "county_pull"
TWO_YEARS = {"job_type": "initial_pull", "parameters": {"years": 2}}


def truth(desk: Desk, since: int) -> list[calder.CountyPermit]:
    """The county's mechanical permits opened from the first day of a year on."""
    town = desk.town.town("Ellery", "FL")
    return [
        permit
        for permit in calder.permits_of(town)
        if permit.type_path == calder.MECHANICAL and permit.opened.year >= since
    ]


async def begin(desk: Desk, body: dict[str, Any] = TWO_YEARS, county: str | None = None) -> dict[str, Any]:
    """A new job of a new county."""
    county = county or await desk.county()
    path = f"/api/background-jobs/counties/{county}/jobs"
    job: dict[str, Any] = await desk.ask("POST", path, 202, json=body)
    return job


async def run(desk: Desk, job: dict[str, Any], worker: str = "w") -> None:
    """One attempt of the job's step."""
    await desk.at.runner(worker=worker).run(UUID(job["id"]), STEP)


async def look(desk: Desk, job: dict[str, Any]) -> dict[str, Any]:
    """The job as it stands."""
    found: dict[str, Any] = await desk.ask("GET", f"/api/background-jobs/jobs/{job['id']}")
    return found


async def until(desk: Desk, job: dict[str, Any], holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The job as soon as something holds."""
    found = await look(desk, job)
    for _ in range(500):
        if holds(found):
            return found
        await asyncio.sleep(0.02)
        found = await look(desk, job)
    raise AssertionError(f"never: {found}")


async def test_all_years_are_pulled_oldest_first_and_the_next_pull_is_planned(desk: Desk) -> None:
    this_year = datetime.now(UTC).year
    job = await begin(desk)
    assert (job["status"], job["progress_percent"], job["permits_pulled"]) == ("pending", 0, 0)
    await run(desk, job)
    done = await look(desk, job)
    wanted = truth(desk, this_year - 2)
    assert (done["status"], done["progress_percent"], done["current_year"]) == ("completed", 100, this_year)
    assert done["permits_pulled"] == len(wanted)
    assert done["permits_saved"] + done["permits_rejected"] == len(wanted)
    assert done["permits_per_second"] > 0
    stored = await desk.at.rows(
        "SELECT extract(year FROM issue_date)::int AS year FROM roofing_permits ORDER BY created_at, id"
    )
    years = [row.year for row in stored]
    assert len(years) == done["permits_saved"]
    assert years == sorted(years)
    assert years[0] == this_year - 2
    county = await desk.ask("GET", f"/api/counties/{job['county_id']}")
    assert county["initial_pull_completed"] is True
    assert county["schedule"]["next_pull_at"] > datetime.now(UTC).isoformat()
    events = await desk.at.events("permit.scraped")
    assert sum(event["stored"] for event in events) == done["permits_saved"]


async def test_one_open_job_a_county_and_the_database_sees_to_it(desk: Desk) -> None:
    job = await begin(desk)
    path = f"/api/background-jobs/counties/{job['county_id']}/jobs"
    answers = await asyncio.gather(*(desk.http.post(path, json=TWO_YEARS) for _ in range(4)))
    assert {answer.status_code for answer in answers} == {409}
    assert {answer.json()["job_id"] for answer in answers} == {job["id"]}
    with pytest.raises(IntegrityError, match="uq_workflow_live_subject"):
        await desk.at.rows(
            "INSERT INTO core.workflow (kind, subject_id, status) VALUES ('county_pull', CAST(:id AS uuid), 'running')",
            id=job["county_id"],
        )
    await desk.ask("DELETE", f"/api/counties/{job['county_id']}", 409)
    assert len(await desk.ask("GET", path, params={"status": "pending"})) == 1
    assert await desk.ask("GET", path, params={"status": "failed"}) == []


async def test_a_county_that_is_being_removed_gets_no_job(desk: Desk) -> None:
    county = await desk.county()
    async with desk.at.at.unit_of_work() as uow:
        await CountyRepository(uow.session).lock(UUID(county))
        path = f"/api/background-jobs/counties/{county}/jobs"
        asked = asyncio.create_task(desk.http.post(path, json=TWO_YEARS))
        await asyncio.sleep(0.3)
        await CountyRepository(uow.session).drop(UUID(county))
    assert (await asked).status_code == 404
    assert await desk.at.one("SELECT count(*) FROM core.workflow WHERE kind = 'county_pull'") == 0


async def test_a_waiting_job_is_cancelled_at_once_and_ended_ones_are_not(desk: Desk) -> None:
    job = await begin(desk)
    path = f"/api/background-jobs/jobs/{job['id']}"
    await desk.ask("DELETE", path, 409)
    assert (await desk.ask("POST", f"{path}/cancel"))["status"] == "cancelled"
    await desk.ask("POST", f"{path}/cancel", 409)
    await desk.ask("DELETE", path, 409)
    assert (await begin(desk, county=job["county_id"]))["status"] == "pending"


async def test_a_running_job_stops_behind_its_batch_and_keeps_what_it_stored(desk: Desk) -> None:
    job = await begin(desk, {"job_type": "initial_pull", "parameters": {"years": 4}})
    work = asyncio.create_task(run(desk, job))
    await until(desk, job, lambda found: found["permits_pulled"] > 0)
    asked = await desk.ask("POST", f"/api/background-jobs/jobs/{job['id']}/cancel")
    assert asked["cancel_requested"] is True
    await work
    ended = await look(desk, job)
    assert ended["status"] == "cancelled"
    assert 0 < ended["progress_percent"] < 100
    assert await desk.at.one("SELECT count(*) FROM roofing_permits") == ended["permits_saved"] > 0
    assert await desk.at.violations() == {}


async def test_a_killed_pull_goes_on_at_the_batch_where_it_stopped(desk: Desk) -> None:
    since = datetime.now(UTC).year - 3
    job = await begin(desk, {"job_type": "initial_pull", "parameters": {"years": 3}})
    killed = asyncio.create_task(run(desk, job, "killed"))
    desk.town.misbehave("accela", FaultKind.LATENCY, seconds=0.05, match="/v4/records")
    await until(desk, job, lambda found: found["current_year"] == since)
    desk.town.sandbox.misbehaviour.reset()
    desk.town.misbehave("accela", FaultKind.HANG, seconds=60, match="/v4/records")
    await desk.at.expire_lease(UUID(job["id"]), STEP)
    desk.town.sandbox.misbehaviour.reset()
    await run(desk, job, "next")
    done = await look(desk, job)
    killed.cancel()
    await asyncio.gather(killed, return_exceptions=True)
    assert (done["status"], done["permits_pulled"]) == ("completed", len(truth(desk, since)))
    unchanged = "SELECT (output ->> 'permits_unchanged')::int FROM core.step WHERE name = 'county_pull'"
    assert await desk.at.one(unchanged) == 0  # no batch was read twice


async def test_three_retries_then_failed_and_then_it_can_be_deleted(desk: Desk) -> None:
    job = await begin(desk)
    desk.town.misbehave("accela", FaultKind.HTML, match="/v4/records")
    await run(desk, job)
    failed = await look(desk, job)
    assert (failed["status"], failed["retry_count"]) == (
        "failed",
        0,
    )  # what is no JSON today is none tomorrow
    await desk.ask("DELETE", f"/api/background-jobs/jobs/{job['id']}")
    await desk.ask("GET", f"/api/background-jobs/jobs/{job['id']}", 404)
    assert await desk.at.one("SELECT count(*) FROM core.dead_letter WHERE resolved_at IS NULL") == 0

    again = await begin(desk, county=job["county_id"])
    desk.town.sandbox.misbehaviour.reset()
    desk.town.misbehave("accela", FaultKind.UNAVAILABLE, match="/v4/records")
    seen = []
    for _ in range(4):
        await run(desk, again)
        seen.append((await look(desk, again))["status"])
        await desk.at.make_due(UUID(again["id"]))
    ended = await look(desk, again)
    assert seen == ["running", "running", "running", "failed"]
    assert ended["retry_count"] == 3
    assert ended["error_message"]
    assert ended["error_details"]["type"]
    assert ended["error_details"]["where"]


async def test_records_without_their_number_fail_the_job_by_name(desk: Desk) -> None:
    job = await begin(desk)
    desk.town.misbehave("accela", FaultKind.RENAME_COLUMN, column="customId", match="/v4/records")
    await run(desk, job)
    failed = await look(desk, job)
    assert failed["status"] == "failed"
    assert failed["error_message"] == "no record of the agency can be kept: missing_permit_number"
    county = await desk.ask("GET", f"/api/counties/{job['county_id']}")
    assert county["initial_pull_completed"] is False


async def test_the_hourly_look_starts_what_is_due_by_every_condition(desk: Desk) -> None:
    county = await desk.county()
    due = {
        "counties": {"is_active": "true", "initial_pull_completed": "true"},
        "county_pull_schedules": {
            "auto_pull_enabled": "true",
            "incremental_pull_enabled": "true",
            "next_pull_at": "now() - interval '1 minute'",
        },
    }
    not_due = {"next_pull_at": "now() + interval '1 minute'"}

    async def look_for_due() -> int:
        tick = await desk.at.begin("schedule_county_pulls", None)
        await desk.at.run(tick, "schedule_county_pulls")
        return int((await desk.at.step(tick, "schedule_county_pulls")).output["started"])

    async def set_all() -> None:
        for table, columns in due.items():
            values = ", ".join(f"{name} = {value}" for name, value in columns.items())
            await desk.at.rows(f"UPDATE {table} SET {values}")

    for table, columns in due.items():
        for name in columns:
            await set_all()
            await desk.at.rows(f"UPDATE {table} SET {name} = {not_due.get(name, 'false')}")
            assert await look_for_due() == 0, name
    await set_all()
    assert await look_for_due() == 1
    assert await look_for_due() == 0
    (job,) = await desk.ask("GET", f"/api/background-jobs/counties/{county}/jobs")
    assert (job["job_type"], job["triggered_by"]) == ("incremental_pull", "scheduler")
    assert job["parameters"]["days_back"] == 8
    days = await desk.at.one("SELECT next_pull_at - now() FROM county_pull_schedules")
    assert 6 < days.total_seconds() / 86_400 <= 7
