"""What becomes of known leads as their roofs grow older or are laid anew (C-01, G-16)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from services.lead_generator import jobs
from services.lead_generator.app import service
from shared.db.engine import SessionMaker
from tests.factories.leads import city_id
from tests.factories.services import RunningService
from tests.factories.single_step import begin, run_step
from tests.integration.lead_generator.test_steps import lead, one

THIS_YEAR = datetime.now(UTC).year
UNSOLD = {"roof_age_low": 18, "roof_age_mid": 18, "roof_age_high": 18, "roof_age_evidence": "permit"}
LOOK = """
    SELECT status, status_reason, roof_age_low, roof_age_mid, roof_age_high, roof_age_evidence, quality_score
      FROM base_leads WHERE id = :id
"""


def years_ago(years: int) -> date:
    """The first of January so many years ago: a birthday that has passed on every day of the year."""
    return date(THIS_YEAR - years, 1, 1)


async def house(generator: RunningService, db: SessionMaker, *, parcel: dict[str, Any], **known: Any) -> UUID:
    """A lead whose parcel says this of the roof."""
    facts = {
        "year_built": 1980,
        "roof_installed_on": None,
        "roof_evidence": None,
        "suppressed_until": None,
        **parcel,
    }
    async with db.begin() as session:
        key = uuid4().hex
        parcel_id: UUID = (
            await session.execute(
                text(
                    """
                    INSERT INTO parcels (city_id, apn, county, city, state, address, address_key, source, content_hash,
                                         year_built, roof_installed_on, roof_evidence, suppressed_until)
                    SELECT :city_id, k, 'Coryell', 'Harrow', 'TX', k, k, 'test', k, :year_built,
                            :roof_installed_on, :roof_evidence, :suppressed_until
                      FROM (SELECT CAST(:key AS text) AS k) named RETURNING id
                    """
                ),
                {"city_id": await city_id(session), "key": key, **facts},
            )
        ).scalar_one()
    return await lead(generator, db, parcel_id=parcel_id, **{**UNSOLD, "year_built": 1980, **known})


async def refresh(generator: RunningService, db: SessionMaker) -> dict[str, Any]:
    """What the step for Harrow says."""
    async with db.begin() as session:
        harrow = await city_id(session)
    workflow = await begin(generator.resources, "refresh_roofs", harrow, city_id=str(harrow))
    step = await run_step(service, generator.resources, workflow, "refresh_roofs")
    assert step.status == "done", step
    output: dict[str, Any] = step.output
    return output


async def seen(db: SessionMaker, lead_id: UUID) -> Any:
    """What the tables say of a lead."""
    async with db.begin() as session:
        return (await session.execute(text(LOOK), {"id": lead_id})).one()


async def test_a_roof_has_a_birthday_and_its_lead_another_score(
    generator: RunningService, committed_db: SessionMaker
) -> None:
    dated = {"roof_installed_on": years_ago(21), "roof_evidence": "permit"}
    lead_id = await house(generator, committed_db, parcel=dated)

    done = [await refresh(generator, committed_db) for _ in range(2)]

    assert done == [
        {"aged": 1, "withdrawn": 0, "rescored": 0, "saleable": 0},
        {"aged": 0, "withdrawn": 0, "rescored": 0, "saleable": 0},
    ], "an offer does not fall below sixty on the shelf: without contact and picture this one would"
    found = await seen(committed_db, lead_id)
    assert found[2:6] == (21, 21, 21, "permit")
    reasons = (
        "SELECT trigger_strength FROM lead_triggers WHERE base_lead_id = :id AND trigger_type = 'roof_age'"
    )
    assert await one(committed_db, reasons, id=lead_id) == 52


async def test_a_lead_that_is_not_on_the_shelf_is_scored_by_the_new_age(
    generator: RunningService, committed_db: SessionMaker
) -> None:
    dated = {"roof_installed_on": years_ago(21), "roof_evidence": "permit"}
    lead_id = await house(generator, committed_db, parcel=dated, status="processing")
    assert (await refresh(generator, committed_db))["rescored"] == 1
    points = "SELECT score_breakdown->'roof_age'->>'points' FROM base_leads WHERE id = :id"
    assert await one(committed_db, points, id=lead_id) == "15"
    assert await one(committed_db, "SELECT count(*) FROM core.outbox WHERE type = 'lead.scored'") == 1


async def test_a_city_is_gone_through_in_pages(
    generator: RunningService, committed_db: SessionMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "LEADS_AT_ONCE", 2)
    dated = {"roof_installed_on": years_ago(21), "roof_evidence": "permit"}
    for _ in range(5):
        await house(generator, committed_db, parcel=dated)
    assert (await refresh(generator, committed_db))["aged"] == 5


@pytest.mark.parametrize(
    ("status", "after"),
    [
        ("processing", "withdrawn"),
        ("review", "withdrawn"),
        ("available", "withdrawn"),
        ("reserved", "reserved"),
        ("sold", "sold"),
    ],
)
async def test_a_house_with_a_new_roof_leaves_the_market(
    generator: RunningService, committed_db: SessionMaker, status: str, after: str
) -> None:
    new = {"roof_installed_on": years_ago(1), "roof_evidence": "permit"}
    lead_id = await house(generator, committed_db, parcel=new, status=status)
    done = await refresh(generator, committed_db)
    found = await seen(committed_db, lead_id)
    assert found.status == after
    assert (found.status_reason == "recent_roof") == (after == "withdrawn") == (done["withdrawn"] == 1)
    assert await refresh(generator, committed_db) == dict.fromkeys(done, 0)


@pytest.mark.parametrize(("years", "after"), [(9, "withdrawn"), (10, "available")])
async def test_ten_years_make_a_roof_a_reason_again(
    generator: RunningService, committed_db: SessionMaker, years: int, after: str
) -> None:
    dated = {"roof_installed_on": years_ago(years), "roof_evidence": "permit"}
    lead_id = await house(generator, committed_db, parcel=dated)
    await refresh(generator, committed_db)
    assert (await seen(committed_db, lead_id)).status == after


async def test_an_age_by_the_year_built_grows_with_the_house_up_to_one_service_life(
    generator: RunningService, committed_db: SessionMaker
) -> None:
    by_year = {"roof_age_low": 0, "roof_age_mid": 3, "roof_age_high": 3, "roof_age_evidence": "year_built"}
    young = await house(generator, committed_db, parcel={"year_built": THIS_YEAR - 4}, **by_year)
    old = await house(generator, committed_db, parcel={"year_built": 1950}, **by_year)
    await refresh(generator, committed_db)
    assert (await seen(committed_db, young))[2:6] == (0, 4, 4, "year_built")
    low, mid, high, evidence = (await seen(committed_db, old))[2:6]
    assert (low, high, evidence) == (0, THIS_YEAR - 1950, "year_built")
    assert 10 < mid < 30


async def test_what_a_vendor_said_of_an_age_stays_unless_a_permit_knows_better(
    generator: RunningService, committed_db: SessionMaker
) -> None:
    said = {"roof_age_low": 13, "roof_age_mid": 15, "roof_age_high": 17, "roof_age_evidence": "vendor"}
    told = await house(generator, committed_db, parcel={}, **said)
    dated = {"roof_installed_on": years_ago(12), "roof_evidence": "permit"}
    known = await house(generator, committed_db, parcel=dated, **said)
    await refresh(generator, committed_db)
    assert (await seen(committed_db, told))[2:6] == (13, 15, 17, "vendor")
    assert (await seen(committed_db, known))[2:6] == (12, 12, 12, "permit")


@pytest.mark.parametrize(("reason", "anew"), [("roof_age", True), ("property_sale", False)])
async def test_a_reason_that_still_holds_after_its_end_begins_again_and_an_event_does_not(
    generator: RunningService, committed_db: SessionMaker, reason: str, anew: bool
) -> None:
    facts = {"status": "processing", "roof_age_mid": 30, "last_sale_on": years_ago(0)}
    lead_id = await lead(generator, committed_db, **facts)
    await one(
        committed_db,
        """
        INSERT INTO lead_triggers (base_lead_id, trigger_type, trigger_strength, trigger_date, expires_at, active,
                                   expired_at)
        VALUES (:id, :reason, 1, now() - interval '400 days', now() - interval '35 days', false, now())
        """,
        id=lead_id,
        reason=reason,
    )
    workflow = await begin(generator.resources, "property", lead_id)
    ended: dict[str, dict[str, Any]] = {"scrape_property": {}, "validate": {}, "enrich_contact": {}}
    await run_step(service, generator.resources, workflow, "triggers", ended=ended)
    counts = """
        SELECT active AND expired_at IS NULL AND expires_at > now() + interval '300 days' FROM lead_triggers
         WHERE base_lead_id = :id AND trigger_type = :reason
    """
    assert await one(committed_db, counts, id=lead_id, reason=reason) is anew
