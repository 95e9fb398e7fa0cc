"""What an operator asks of the lead generator: scores, triggers, new leads, publication."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from services.lead_generator.app import service
from services.lead_generator.repository.parcel_triggers import ParcelTriggerRepository
from shared.db.engine import SessionMaker
from shared.schemas.enums import LeadStatus
from shared.security.policy import Role
from tests.factories.leads import city_id
from tests.factories.services import RunningService, call
from tests.factories.single_step import begin, run_step
from tests.integration.lead_generator.test_steps import lead, one, report

TRAIL = "SELECT jsonb_agg(action ORDER BY action) FROM audit_log"
STORED = "SELECT jsonb_build_array(quality_score, grade, price) FROM base_leads WHERE id = :id"


async def post(generator: RunningService, path: str, **body: Any) -> Any:
    """An operator's order."""
    return await call(generator, "POST", path, json=body)


async def job_of(db: SessionMaker, job_id: str) -> list[Any]:
    """Kind, subject and input of a started job."""
    async with db.begin() as session:
        row = await session.execute(
            text("SELECT kind, subject_id, input FROM core.workflow WHERE id = :id"), {"id": job_id}
        )
        return list(row.one())


async def test_a_score_on_demand_is_the_workflows(
    generator: RunningService, committed_db: SessionMaker
) -> None:
    facts = {"status": "processing", "roof_age_mid": 30, "quality_score": None, "grade": None, "price": None}
    asked, worked = [await lead(generator, committed_db, **facts) for _ in range(2)]
    await report(committed_db, "lsr")
    workflow = await begin(generator.resources, "property", worked)
    ended: dict[str, dict[str, Any]] = {"scrape_property": {}, "validate": {}, "enrich_contact": {}}
    await run_step(service, generator.resources, workflow, "triggers", ended=ended)
    await run_step(service, generator.resources, workflow, "score")

    detected = (await post(generator, "/triggers/detect", property_id=str(asked))).json()
    scored = [(await post(generator, "/score/property", property_id=str(asked))).json() for _ in range(2)]

    assert [each["type"] for each in detected["triggers"]] == ["weather_event", "roof_age"]
    assert [each["changed"] for each in scored] == [True, False]
    stored = await one(committed_db, STORED, id=worked)
    assert [scored[0]["score"], scored[0]["grade"], scored[0]["price_usd"]] == stored
    assert await one(committed_db, STORED, id=asked) == stored
    assert scored[0]["breakdown"]["triggers"]["points"] == 15
    assert await one(committed_db, TRAIL) == ["lead.score", "lead.score", "lead.triggers"]


@pytest.mark.parametrize("status", ["reserved", "sold"])
async def test_a_price_that_somebody_relies_on_is_not_touched(
    generator: RunningService, committed_db: SessionMaker, status: str
) -> None:
    lead_id = await lead(
        generator, committed_db, status=status, quality_score=61, price="125.00", roof_age_mid=40
    )
    answer = (await post(generator, "/score/property", property_id=str(lead_id))).json()
    assert answer["changed"] is False
    assert (await one(committed_db, STORED, id=lead_id))[0] == 61 != answer["score"]


async def test_a_batch_keeps_its_order_takes_parcels_and_names_what_is_no_lead(
    generator: RunningService, committed_db: SessionMaker
) -> None:
    async with committed_db.begin() as session:
        harrow = await city_id(session)
    parcel = await one(
        committed_db,
        "INSERT INTO parcels (city_id, apn, county, state, address, address_key, city, source, content_hash)"
        " VALUES (:city, 'A1', 'Bell', 'TX', '1 OAK ST', '1||OAK|ST|||76998', 'Harrow', 'test', 'h') RETURNING id",
        city=harrow,
    )
    first = await lead(generator, committed_db, parcel_id=parcel)
    second, stranger = await lead(generator, committed_db), uuid4()
    asked = [str(each) for each in (second, stranger, parcel, second)]

    scores = (await post(generator, "/score/batch", property_ids=asked)).json()
    triggers = (await post(generator, "/triggers/batch", property_ids=asked)).json()

    for rows, unknown in ((scores["scores"], scores["unknown"]), (triggers["leads"], triggers["unknown"])):
        assert [(row["property_id"], row["lead_id"]) for row in rows] == [
            (str(second), str(second)),
            (str(parcel), str(first)),
        ]
        assert unknown == [str(stranger)]


async def test_a_batch_tells_what_prospecting_stored_of_a_parcel(
    generator: RunningService, committed_db: SessionMaker
) -> None:
    async with committed_db.begin() as session:
        harrow = await city_id(session)
    parcel = await one(
        committed_db,
        "INSERT INTO parcels (city_id, apn, county, state, address, address_key, city, source, content_hash, year_built,"
        " roof_material) VALUES (:city, 'A1', 'Bell', 'TX', '1 OAK ST', '1||OAK|ST|||76998', 'Harrow', 'test', 'h', 1950,"
        " 'clay_tile') RETURNING id",
        city=harrow,
    )
    before = (await post(generator, "/triggers/batch", property_ids=[str(parcel)])).json()
    async with committed_db.begin() as session:
        await ParcelTriggerRepository(session).derive(harrow)
    after = (await post(generator, "/triggers/batch", property_ids=[str(parcel)])).json()

    assert (before["parcels"], before["unknown"]) == ([], [str(parcel)])
    (found,) = after["parcels"]
    (trigger,) = found["triggers"]
    assert (found["property_id"], trigger["type"], trigger["strength"]) == (str(parcel), "roof_age", 70)
    assert after["unknown"] == [str(parcel)]


@pytest.mark.parametrize("path", ["/score/property", "/triggers/detect"])
async def test_a_property_that_is_no_lead_is_named(generator: RunningService, path: str) -> None:
    stranger = str(uuid4())
    answer = await post(generator, path, property_id=stranger)
    assert (answer.status_code, answer.json()["property_id"]) == (404, stranger)


@pytest.mark.parametrize("count", [0, 501])
async def test_a_batch_has_one_to_five_hundred(generator: RunningService, count: int) -> None:
    ids = [str(uuid4()) for _ in range(count)]
    assert (await post(generator, "/score/batch", property_ids=ids)).status_code == 422


async def test_leads_are_made_for_an_active_city_by_one_job(
    generator: RunningService, committed_db: SessionMaker
) -> None:
    async with committed_db.begin() as session:
        harrow = await city_id(session)
    await one(committed_db, "UPDATE target_cities SET active = false WHERE id = :id", id=harrow)
    idle = await post(generator, "/generate/leads", city_id=str(harrow))
    await one(committed_db, "UPDATE target_cities SET active = true WHERE id = :id", id=harrow)
    started = [await post(generator, "/generate/leads", city_id=str(harrow)) for _ in range(2)]
    stranger = await post(generator, "/generate/leads", city_id=str(uuid4()))

    assert (idle.status_code, idle.json()["code"]) == (409, "city-not-active")
    assert [(each.status_code, each.json()["new"]) for each in started] == [(202, True), (202, False)]
    assert await job_of(committed_db, started[0].json()["job_id"]) == [
        "prospect_active_cities",
        harrow,
        {"city_id": str(harrow)},
    ]
    assert stranger.status_code == 404


@pytest.mark.parametrize("status", list(LeadStatus))
async def test_only_a_lead_that_is_not_out_yet_goes_to_the_gate(
    generator: RunningService, committed_db: SessionMaker, status: LeadStatus
) -> None:
    lead_id = await lead(generator, committed_db, status=status.value)
    answer = await call(generator, "POST", f"/leads/{lead_id}/publish")
    if status in ("processing", "review"):
        assert answer.status_code == 202
        assert await job_of(committed_db, answer.json()["job_id"]) == ["publish_lead", lead_id, {}]
    else:
        assert (answer.status_code, answer.json()["code"]) == (409, "lead-not-to-publish")


async def test_a_lead_on_its_way_is_left_to_its_own_workflow(
    generator: RunningService, committed_db: SessionMaker
) -> None:
    lead_id = await lead(generator, committed_db, status="review")
    await begin(generator.resources, "property", lead_id)
    answer = await call(generator, "POST", f"/leads/{lead_id}/publish")
    assert (answer.status_code, answer.json()["code"]) == (409, "lead-under-way")


async def test_orders_are_for_operators(generator: RunningService, committed_db: SessionMaker) -> None:
    lead_id: UUID = await lead(generator, committed_db)
    for path, body in (
        ("/score/property", {"property_id": str(lead_id)}),
        ("/triggers/detect", {"property_id": str(lead_id)}),
        (f"/leads/{lead_id}/publish", {}),
        ("/clusters/optimize", {}),
    ):
        answer = await call(generator, "POST", path, json=body, role=Role.REVIEWER)
        assert answer.status_code == 403, path
