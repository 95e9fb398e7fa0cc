"""Jobs that an operator orders from the scraper, looks at, retries, cancels and triggers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest_asyncio

from services.orchestrator.app import service as orchestrator
from services.orchestrator.settings import OrchestratorSettings
from services.scraper.app import service
from services.scraper.job_service import JOB_KINDS
from shared.runtime.application import create_app
from shared.sandbox.misbehaviour import FaultKind
from shared.security.policy import Role
from shared.workflow import all_workflows, start
from shared.workflow.schedule import seed_schedule
from tests.factories.cities import city_of, disable
from tests.factories.services import RunningService, running, settings_with_keys
from tests.factories.steps import Bench
from tests.factories.town import ServedTown

HARROW = {"city": "Harrow", "state": "TX"}
ITEMS = ("total_items", "processed_items", "succeeded_items", "failed_items")


@pytest_asyncio.fixture
async def door(scraper: Bench, database_url: str, redis_url: str) -> AsyncIterator[RunningService]:
    """The scraper's API, beside an orchestrator whose schedule holds both services' jobs."""
    servers = {"database_url": database_url, "redis_url": redis_url}
    settings = settings_with_keys(OrchestratorSettings, port_base=1, **servers)
    async with running(orchestrator, settings) as neighbour:
        async with scraper.unit_of_work() as uow:
            for owner in (service, orchestrator):
                await seed_schedule(uow.session, owner.name, tuple(owner.schedule))
        mounts = {settings.service_url("orchestrator"): httpx.ASGITransport(neighbour.app)}
        async with httpx.AsyncClient(mounts=mounts, trust_env=False) as http:
            resources = replace(scraper.at, http=http)
            yield RunningService(create_app(service, resources), resources)


async def call(door: RunningService, method: str, path: str, **options: Any) -> Any:
    token = door.user_token(Role.OPS, user_id=options.pop("user", None))
    async with door.client(token=token, timeout=30) as client:
        return await client.request(method, path, **options)


async def order(door: RunningService, what: str, **body: Any) -> dict[str, Any]:
    """The job of an order that was taken."""
    answer = await call(door, "POST", f"/scrape/{what}", json=HARROW | body)
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json()
    return job


async def run(at: Bench, job: str, *steps: str) -> dict[str, Any]:
    """A job's row after its steps ran."""
    await at.run(UUID(job), *steps)
    return (await at.rows("SELECT * FROM scraping_jobs WHERE id = :id", id=UUID(job)))[0]._asdict()


async def test_permits_of_a_city_are_read_from_the_day_that_was_asked(
    door: RunningService, scraper: Bench
) -> None:
    started = await order(door, "permits", days=60)
    assert (started["status"], started["new"], started["triggered_by"]) == ("pending", True, "api")
    assert (started["job_type"], started["city"], started["state"]) == ("refresh_city", "Harrow", "TX")

    await run(scraper, started["id"], "source_check", "permits")
    await scraper.rows("UPDATE core.step SET status = 'skipped' WHERE service <> 'scraper'")
    done = await run(scraper, started["id"], "date_roofs")

    stored = await scraper.one("SELECT count(*) FROM roofing_permits")
    assert (done["status"], done["error_message"]) == ("completed", None)
    assert [done[name] for name in ITEMS] == [stored, stored, stored, 0]
    assert stored > 0
    oldest = await scraper.one("SELECT current_date - min(issue_date) FROM roofing_permits")
    assert oldest <= 60
    looked_at = (await call(door, "GET", f"/jobs/{started['id']}")).json()
    assert looked_at["results"]["permits"]["stored"] == stored
    assert (looked_at["retry_count"], looked_at["max_retries"]) == (0, 3)


async def test_the_same_order_is_the_running_job_and_the_same_key_the_same_answer(
    door: RunningService,
) -> None:
    mine: dict[str, Any] = {"headers": {"Idempotency-Key": uuid4().hex}, "user": uuid4()}
    first = await call(door, "POST", "/scrape/permits", json=HARROW, **mine)
    await call(door, "POST", f"/jobs/{first.json()['id']}/cancel")
    again = await call(door, "POST", "/scrape/permits", json=HARROW, **mine)
    other = await call(door, "POST", "/scrape/permits", json=HARROW | {"days": 7}, **mine)
    new = await order(door, "permits")
    running_one = await order(door, "permits", days=7)

    assert again.json()["id"] == first.json()["id"]
    assert (again.json()["new"], again.json()["status"]) == (True, "cancelled")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert new["id"] != first.json()["id"]
    assert (running_one["id"], running_one["new"]) == (new["id"], False)


REFUSED: tuple[tuple[str, dict[str, Any], int, str], ...] = (
    ("permits", {"city": "Atlantis"}, 404, "city-unknown"),
    ("weather", {"state": "ZZ"}, 404, "city-unknown"),
    ("contractors", {"city": "Atlantis"}, 404, "city-unknown"),
    ("property", {"address": "999999 Nowhere St"}, 404, "property-unknown"),
    ("property", {"address": "Main St"}, 422, "invalid-input"),
    ("permits", {"days": 0}, 422, "invalid-input"),
    ("permits", {"state": "Texas"}, 422, "invalid-input"),
    ("contractors", {"max_results": 100_000}, 422, "invalid-input"),
)


async def test_an_order_that_cannot_be_carried_out_is_refused_by_its_reason(door: RunningService) -> None:
    for what, body, status, code in REFUSED:
        answer = await call(door, "POST", f"/scrape/{what}", json=HARROW | body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), (body, answer.text)
    assert (await call(door, "GET", "/jobs")).json() == []


async def test_a_city_whose_source_may_not_be_read_fails_by_its_reason_and_is_retried(
    door: RunningService, scraper: Bench
) -> None:
    await disable(scraper, "harrow_tx_permits")
    job = (await order(door, "permits"))["id"]
    early = await call(door, "POST", f"/jobs/{job}/retry")
    await run(scraper, job, "source_check")
    failed = (await call(door, "GET", f"/jobs/{job}")).json()
    too_late = await call(door, "POST", f"/jobs/{job}/cancel")
    again = await call(door, "POST", f"/jobs/{job}/retry")
    cancelled = await call(door, "POST", f"/jobs/{job}/cancel")
    for_ever = await call(door, "POST", f"/jobs/{job}/retry")

    assert failed["status"] == "failed"
    assert "not allowed: SOURCE_DISABLED" in failed["error_message"]
    assert "line" in failed["error_stack"]
    assert [early.status_code, too_late.status_code, for_ever.status_code] == [409, 409, 409]
    assert (again.status_code, again.json()["status"]) == (202, "running")
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    deeds = await scraper.rows(
        "SELECT action FROM audit_log WHERE object_id = :id ORDER BY occurred_at", id=job
    )
    assert [row.action for row in deeds] == ["job.start", "job.retry", "job.cancel"]


async def test_a_job_that_will_be_tried_again_says_when_and_why(
    door: RunningService, scraper: Bench, town: ServedTown
) -> None:
    town.misbehave("socrata", FaultKind.UNAVAILABLE)
    job = (await order(door, "permits"))["id"]
    waiting = await run(scraper, job, "source_check")

    assert waiting["status"] == "running"
    assert waiting["next_retry_at"] > waiting["started_at"]
    assert waiting["error_message"].startswith("source_check: ")


async def test_a_house_is_asked_of_its_assessor_by_its_address(door: RunningService, scraper: Bench) -> None:
    city = await city_of(scraper)
    activation = await scraper.begin("city", city, city="Harrow", state="TX")
    await scraper.run(activation, "source_check", "permits", "parcels")
    house = (await scraper.rows("SELECT id, address FROM parcels WHERE address_key LIKE '1%' ORDER BY id"))[0]
    await scraper.rows("UPDATE parcels SET year_built = NULL WHERE id = :id", id=house.id)

    job = await order(door, "property", address=house.address.split(",")[0])
    done = await run(scraper, job["id"], "scrape_property")

    assert done["status"] == "completed", done
    assert [done[name] for name in ITEMS] == [1, 1, 1, 0]
    assert await scraper.one("SELECT year_built FROM parcels WHERE id = :id", id=house.id) > 1900
    licences = "SELECT DISTINCT source, licence_id FROM compliance.provenance WHERE entity_id = :id"
    assert [tuple(row) for row in await scraper.rows(licences, id=house.id)] == [
        ("harrow_tx_assessor", "sandbox_harrow")
    ]
    assert await scraper.events("property.scraped") == []  # nobody's lead


PERMITS = """
    INSERT INTO roofing_permits (permit_number, address, city_id, zip, jurisdiction, content_hash, roof_work, reroof,
                                 contractor_name, contractor_license, issue_date, estimated_value)
    SELECT 'P' || n, n || ' OAK ST', :city, '7699' || n % 2, 'test', 'h' || n, work, work = 'reroof', name, licence,
           current_date - 50 * n, value
      FROM (VALUES (1, 'reroof', 'Acme Roofing, LLC', 'RC-1', 10000), (2, 'reroof', 'ACME ROOFING', NULL, 20000),
                   (3, 'repair', 'Acme Roofing Inc.', 'rc 1', NULL), (4, 'reroof', 'Bell & Sons', NULL, 7000),
                   (5, 'none', 'Deck Builders', 'DB-1', 7000), (6, 'reroof', 'HOME OWNER', NULL, 500),
                   (7, 'reroof', NULL, NULL, 9000)) AS work (n, work, name, licence, value)
"""


async def test_the_roofers_of_a_city_are_one_each_however_a_clerk_spelled_them(
    door: RunningService, scraper: Bench
) -> None:
    await scraper.rows(PERMITS, city=await city_of(scraper))
    job = await order(door, "contractors", max_results=200)
    await run(scraper, job["id"], "scrape_contractors")
    found = (await call(door, "GET", f"/jobs/{job['id']}")).json()["results"]["scrape_contractors"][
        "contractors"
    ]
    first, second = found

    assert [one["jobs"] for one in found] == [3, 1]
    assert first["license_number"] == "RC1"
    assert (first["reroofs"], first["jobs_last_90_days"]) == (2, 1)
    assert (first["total_value_usd"], first["average_value_usd"]) == (30000, 15000)
    assert first["zips"] == ["76991", "76990"]
    assert first["last_permit_on"] > first["first_permit_on"]
    assert (second["company_name"], second["license_number"]) == ("Bell & Sons", None)

    job = await order(door, "contractors", max_results=1)
    done = await run(scraper, job["id"], "scrape_contractors")
    assert [done[name] for name in ITEMS] == [1, 1, 1, 0]


async def test_the_weather_of_a_city_is_counted_near_it(door: RunningService, scraper: Bench) -> None:
    job = await order(door, "weather", days=20)
    done = await run(scraper, job["id"], "refresh_storms")

    assert done["status"] == "completed", done
    assert done["total_items"] > 0
    near = done["results"]["refresh_storms"]["near_city"]
    stored = await scraper.one("SELECT count(*) FROM weather_events WHERE superseded_by IS NULL")
    assert 0 < near <= stored


async def test_a_night_is_a_job_with_a_part_for_each_city(door: RunningService, scraper: Bench) -> None:
    await scraper.rows("UPDATE target_cities SET active = city IN ('Harrow', 'Ellery')")
    key = {"Idempotency-Key": uuid4().hex}
    first = await call(door, "POST", "/jobs/permits/trigger", headers=key)
    again = await call(door, "POST", "/jobs/permits/trigger", headers=key)
    assert (first.status_code, again.status_code) == (202, 202), first.text
    night = first.json()["id"]
    assert (again.json()["id"], first.json()["triggered_by"]) == (night, "manual")

    half = await run(scraper, night, "refresh_permits")
    assert [half[name] for name in ITEMS] == [2, 0, 0, 0]
    parts = (await call(door, "GET", "/jobs?job_type=refresh_city")).json()
    assert {(part["parent_job_id"], part["triggered_by"]) for part in parts} == {(night, "manual")}
    ended = await call(door, "POST", f"/jobs/{night}/cancel")
    assert ended.json()["status"] == "cancelled"
    assert {part["status"] for part in (await call(door, "GET", "/jobs?status=cancelled")).json()} == {
        "cancelled"
    }
    assert len((await call(door, "GET", "/jobs?city=harrow&state=tx")).json()) == 1


async def test_scheduled_jobs_are_the_scrapers_own(door: RunningService, scraper: Bench) -> None:
    listed = await call(door, "GET", "/jobs/scheduled")
    assert listed.status_code == 200, listed.text
    assert {job["job"] for job in listed.json()} == {job.job for job in service.schedule}
    assert all(job["next_due_at"] for job in listed.json())
    key = {"Idempotency-Key": uuid4().hex}
    foreign = await call(door, "POST", "/jobs/housekeeping/trigger", headers=key)
    unknown = await call(door, "POST", "/jobs/nothing/trigger", headers=key)
    assert (foreign.status_code, unknown.status_code) == (404, 404)
    assert await scraper.one("SELECT count(*) FROM core.workflow") == 0


async def test_a_workflow_of_others_is_no_job_of_the_scraper(door: RunningService, scraper: Bench) -> None:
    async with scraper.unit_of_work() as uow:
        for spec in all_workflows():
            await start(uow.session, spec.kind)
    shown = await scraper.rows("SELECT job_type FROM scraping_jobs ORDER BY job_type")
    assert [row.job_type for row in shown] == sorted(JOB_KINDS)
    assert set(JOB_KINDS) >= {"refresh_city", "refresh_storms", "county_pull", "scrape_property"}
    activation = await scraper.begin("city", await city_of(scraper))
    for method, path in (("GET", ""), ("POST", "/retry"), ("POST", "/cancel")):
        assert (await call(door, method, f"/jobs/{activation}{path}")).status_code == 404
    assert await scraper.status(activation) == "running"


HOUSE = """
    INSERT INTO parcels (city_id, apn, county, state, address, address_key, city, source, content_hash, geom)
    VALUES (:city, 'A1', 'Harrow', 'TX', '10 OAK ST', '10||OAK|ST|||76998', 'Harrow', 'test', 'h',
            ST_SetSRID(ST_MakePoint(-98.9, 32.4), 4326)::geography),
           (:city, 'A2', 'Harrow', 'TX', '20 OAK ST', '20||OAK|ST|||76998', 'Harrow', 'test', 'h', NULL)
"""
# 0.25 mile are 0.00428 degrees of longitude here.
NEIGHBORS = """
    INSERT INTO roofing_permits (permit_number, address, city_id, jurisdiction, content_hash, roof_work, reroof, vertical,
                                 contractor_name, issue_date, estimated_value, address_key, geom)
    SELECT 'N' || n, n || ' OAK ST', :city, 'test', 'h' || n, 'reroof', true, vertical, name, current_date - days, value,
           key, ST_SetSRID(ST_MakePoint(-98.9 + east, 32.4), 4326)::geography
      FROM (VALUES (1, 0.004, 0, 10000, 'Acme Roofing LLC', 'roofing', 'k1'),
                   (2, 0.001, 29, 20000, 'ACME ROOFING', 'roofing', 'k2'),
                   (3, 0.002, 30, NULL, 'Bell', 'roofing', 'k3'), (4, 0.003, 59, 30000, 'Bell', 'roofing', 'k4'),
                   (5, 0.001, 60, 40000, 'Bell', 'roofing', 'k5'), (6, 0.001, 90, 50000, 'Bell', 'roofing', 'k6'),
                   (7, 0.005, 1, 50000, 'Far', 'roofing', 'k7'), (8, 0.001, 1, 50000, 'Cool', 'hvac', 'k8'),
                   (9, 0.0, 1, 50000, 'Own', 'roofing', '10||OAK|ST|||76998')
           ) AS permit (n, east, days, value, name, vertical, key)
"""


async def test_the_neighborhood_of_a_house_is_what_its_neighbours_roofs_tell(
    door: RunningService, scraper: Bench
) -> None:
    city = await city_of(scraper)
    await scraper.rows(HOUSE, city=city)
    empty = await call(door, "GET", "/neighborhood", params=HARROW | {"address": "10 Oak St"})
    await scraper.rows(NEIGHBORS, city=city)
    found = await call(door, "GET", "/neighborhood", params=HARROW | {"address": "10 Oak Street"})
    nowhere = await call(door, "GET", "/neighborhood", params=HARROW | {"address": "20 Oak St"})

    assert (empty.json()["permits_90d"], empty.json()["urgency"]) == (0, "normal")
    assert found.json() == {
        "address": "10 OAK ST",
        "permits_30d": 2,
        "permits_60d": 4,
        "permits_90d": 5,
        "average_value_usd": "25000.00",
        "permits_per_square_mile": 25.5,
        "urgency": "normal",
        "trending_contractors": [
            {"company_name": "ACME ROOFING", "permits_30d": 2, "permits_90d": 2},
            {"company_name": "Bell", "permits_30d": 0, "permits_90d": 3},
        ],
    }
    assert (nowhere.status_code, nowhere.json()["code"]) == (409, "property-without-place")
