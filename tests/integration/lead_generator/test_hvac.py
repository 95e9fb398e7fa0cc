"""HVAC houses and leads from stored permits, on real tables."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from redis.asyncio import Redis
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.lead_generator.app import service
from services.lead_generator.domain.hvac import SystemPermit, normal_address, system_age
from services.lead_generator.handlers import look_at_permits
from services.lead_generator.repository.hvac import HvacRepository
from services.lead_generator.settings import LeadGeneratorSettings
from services.scraper.repository import CountyJobRepository
from shared.db.engine import SessionMaker
from shared.events.permits import PermitScraped
from shared.telemetry.context import Trace, trace_from, use_trace
from shared.workflow import start
from tests.factories.services import running, settings_with_keys
from tests.factories.single_step import run_step

TODAY = date(2026, 11, 22)
COUNTY = text(
    """
    WITH person AS (
        INSERT INTO compliance.subject_key (subject_id, key_id, shredded_at) VALUES (gen_random_uuid(), 'k', now())
        RETURNING subject_id
    ), agency AS (
        INSERT INTO agencies (agency_code, subject_id, app_id, app_secret, username, password)
        SELECT :name, subject_id, 'x', 'x', 'x', 'x' FROM person RETURNING id
    )
    INSERT INTO counties (name, state, agency_id, source_key) SELECT :name, 'FL', id, 'test' FROM agency RETURNING id
    """
)
PERMITS = text(
    """
    INSERT INTO roofing_permits AS known (permit_number, address, address_key, state, county_id, issue_date, permit_status,
                                          vertical, jurisdiction, content_hash)
    SELECT number, address, key, 'FL', :county, day, status, :vertical, 'test', 'h'
      FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (number text, address text, key text, day date, status text)
        ON CONFLICT (jurisdiction, permit_number) DO UPDATE SET permit_status = excluded.permit_status
    """
)
HOUSES = text(
    """
    SELECT h.*, p.permit_number AS newest, l.status AS lead FROM hvac_properties h
      LEFT JOIN roofing_permits p ON p.id = h.newest_permit_id LEFT JOIN hvac_leads l ON l.property_id = h.id
     ORDER BY h.address_key
    """
)
RUNS = text("SELECT id FROM core.workflow WHERE kind = 'hvac_properties'")
NOTHING = {
    "properties_created": 0,
    "properties_updated": 0,
    "leads_created": 0,
    "leads_restored": 0,
    "leads_withdrawn": 0,
}


async def new_county(db: AsyncSession, name: str = "Palmetto") -> UUID:
    """A county with an agency."""
    found: UUID = (await db.execute(COUNTY, {"name": name})).scalar_one()
    return found


async def permit(
    db: AsyncSession,
    county: UUID,
    number: str,
    day: date | None,
    *,
    house: str = "1 Oak St.",
    status: str | None = "issued",
    vertical: str = "hvac",
) -> None:
    """A stored permit, or its new status."""
    row = {"number": number, "address": house, "key": normal_address(house), "day": day, "status": status}
    rows = orjson.dumps([row]).decode()
    await db.execute(PERMITS, {"county": county, "vertical": vertical, "rows": rows})


async def houses(db: AsyncSession) -> Sequence[Row[Any]]:
    """All houses with their newest permit and their lead."""
    return (await db.execute(HOUSES)).all()


def some_permits(rng: random.Random, number: int) -> list[dict[str, Any]]:
    """Permits of a few houses, many on a birthday, some of no use."""
    birthdays = [
        TODAY.replace(year=TODAY.year - years) + timedelta(days=rng.randint(-1, 1)) for years in range(26)
    ]
    days = [*birthdays, None, date(2024, 2, 29), date(2020, 2, 29)]
    return [
        {
            "number": f"M-{at:04}",
            "address": f"{rng.randint(1, number // 3)} Palm Ct.",
            "day": rng.choice(days),
            "status": rng.choice(["issued", "completed", None, "cancelled", "expired", "rejected"]),
        }
        for at in range(number)
    ]


@pytest.mark.parametrize("today", [TODAY, date(2027, 2, 28), date(2027, 3, 1)])
async def test_the_statement_says_what_the_rules_say_of_each_house(db: AsyncSession, today: date) -> None:
    rows = some_permits(random.Random(7), 600)
    county = await new_county(db)
    keyed = [{**row, "key": normal_address(row["address"])} for row in rows]
    await db.execute(PERMITS, {"county": county, "vertical": "hvac", "rows": orjson.dumps(keyed).decode()})

    counts = await HvacRepository(db).aggregate(county, today=today)
    found = {row.address_key: row for row in await houses(db)}

    expected: dict[str, list[SystemPermit]] = defaultdict(list)
    for row in keyed:
        expected[row["key"]].append(SystemPermit(row["number"], row["day"], row["status"]))
    ages = {key: age for key, permits in expected.items() if (age := system_age(permits, today))}
    assert len(ages) > 100
    assert {
        key: (row.newest, row.permit_count, row.system_age_years, row.lead_tier, row.lead_score, row.lead)
        for key, row in found.items()
    } == {
        key: (a.newest, a.permits, a.years, a.tier, a.score, "qualified" if a.is_lead() else None)
        for key, a in ages.items()
    }
    assert {row.normalized_address for row in found.values()} == set(ages)
    leads = sum(age.is_lead() for age in ages.values())
    seen = {"properties_seen": len(expected)}
    assert counts == {**NOTHING, **seen, "properties_created": len(ages), "leads_created": leads}
    assert await HvacRepository(db).aggregate(county, today=today) == {**NOTHING, **seen}


async def test_a_house_grows_warmer_on_its_birthdays_and_a_new_system_withdraws_its_lead(
    db: AsyncSession,
) -> None:
    county, hvac = await new_county(db), HvacRepository(db)
    await permit(db, county, "M-1", date(2020, 3, 1))
    told = []
    for today in (date(2025, 2, 28), date(2025, 3, 1), date(2030, 3, 1), date(2035, 3, 1)):
        counts = await hvac.aggregate(today=today)
        (house,) = await houses(db)
        told.append((house.lead_tier, house.lead_score, house.lead, counts["leads_created"]))
    assert told == [
        ("COLD", 28, None, 0),
        ("COOL", 40, "qualified", 1),
        ("WARM", 60, "qualified", 0),
        ("HOT", 80, "qualified", 0),
    ]

    await permit(db, county, "M-2", date(2035, 3, 2))
    counts = await hvac.aggregate(county, today=date(2035, 4, 1))
    (house,) = await houses(db)
    assert (house.lead_tier, house.permit_count, house.lead) == ("COLD", 2, "withdrawn")
    assert counts == {**NOTHING, "properties_seen": 1, "properties_updated": 1, "leads_withdrawn": 1}

    await permit(db, county, "M-2", date(2035, 3, 2), status="cancelled")
    counts = await hvac.aggregate(county, today=date(2035, 4, 1))
    (house,) = await houses(db)
    assert (house.newest, house.lead_tier, house.lead, counts["leads_restored"]) == (
        "M-1",
        "HOT",
        "qualified",
        1,
    )

    await permit(db, county, "M-1", date(2020, 3, 1), status="cancelled")
    counts = await hvac.aggregate(county, today=date(2035, 4, 1))
    (house,) = await houses(db)
    assert (house.permit_count, house.lead_tier, house.lead) == (0, None, "withdrawn")
    assert (counts["properties_updated"], counts["leads_withdrawn"]) == (1, 1)


async def test_a_county_is_looked_at_without_the_others_but_a_house_of_two_agencies_is_one(
    db: AsyncSession,
) -> None:
    one, two = await new_county(db), await new_county(db, "Sawgrass")
    await permit(db, one, "M-1", date(2000, 1, 1))
    await permit(db, two, "M-2", date(2018, 1, 1))
    await permit(db, two, "M-3", date(2001, 1, 1), house="2 Oak St")
    await permit(db, one, "R-1", date(2001, 1, 1), house="3 Roof St", vertical="roofing")

    counts = await HvacRepository(db).aggregate(one, today=TODAY)

    (house,) = await houses(db)
    assert (counts["properties_seen"], counts["properties_created"]) == (1, 1)
    assert (house.newest, house.permit_count, house.county_id) == ("M-2", 2, two)
    assert (await HvacRepository(db).aggregate(today=TODAY))["properties_created"] == 1


async def test_stored_hvac_permits_become_leads_by_their_event_and_the_pull_tells_of_them(
    database_url: str, redis_url: str, redis: Redis, committed_db: SessionMaker
) -> None:
    del redis
    settings = settings_with_keys(
        LeadGeneratorSettings, database_url=database_url, redis_url=redis_url, port_base=1
    )
    async with committed_db.begin() as session:
        county = await new_county(session)
        await permit(session, county, "M-1", date(2001, 1, 1))
        pull = await start(session, "county_pull", subject_id=county)
    async with running(service, settings) as generator:
        with use_trace(await trace_of(committed_db, pull.workflow_id)):
            for vertical in ("roofing", "hvac", "hvac"):
                event = PermitScraped(
                    county_id=county, city_id=uuid4(), vertical=vertical, stored=1, updated=0
                )
                async with generator.resources.unit_of_work() as uow:
                    await look_at_permits(event, uow, generator.resources)
        async with committed_db() as session:
            (workflow,) = (await session.execute(RUNS)).scalars().all()
        async with committed_db.begin() as session:
            assert await HvacRepository(session).run_waits(county)
            await session.execute(
                text("UPDATE core.step SET status = 'running' WHERE name = 'hvac_properties'")
            )
            assert not await HvacRepository(session).run_waits(county)
        step = await run_step(service, generator.resources, workflow, "hvac_properties")

    assert (step.status, step.output["properties_created"], step.output["leads_created"]) == ("done", 1, 1)
    async with committed_db() as session:
        (house,) = await houses(session)
        job = await CountyJobRepository(session).one(pull.workflow_id)
    assert (house.lead_tier, house.lead) == ("HOT", "qualified")
    assert job is not None
    assert (job.properties_created, job.properties_updated, job.leads_created) == (1, 0, 1)


async def trace_of(db: SessionMaker, workflow: UUID) -> Trace:
    """The trace under which a workflow's steps publish."""
    statement = text("SELECT correlation_id, traceparent FROM core.workflow WHERE id = :id")
    async with db() as session:
        row = (await session.execute(statement, {"id": workflow})).one()
    return trace_from({"x-correlation-id": row.correlation_id, "traceparent": row.traceparent})
