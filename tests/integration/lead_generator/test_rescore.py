"""A new storm and the leads that were known before it (G-16)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Row, text

from services.lead_generator.app import service
from shared.db.engine import SessionMaker
from tests.factories.leads import city_id
from tests.factories.services import RunningService
from tests.factories.single_step import begin, run_step
from tests.integration.lead_generator.test_steps import lead, one, report

UNSCORED = {"quality_score": None, "grade": None, "price": None}
BELOW = {"status": "processing", "quality_score": 40, "grade": None, "price": None}
LOOK = """
    SELECT l.status, l.quality_score, l.grade, l.price, l.available_until - l.published_at AS shelf,
           l.score_breakdown->'triggers'->>'points' AS trigger_points, r.hail_event_30d,
           (SELECT count(*) FROM lead_triggers t
             WHERE t.base_lead_id = l.id AND t.active AND t.trigger_type = 'weather_event') AS storms
      FROM base_leads l LEFT JOIN roofing_leads r ON r.base_lead_id = l.id WHERE l.id = :id
"""


async def look(db: SessionMaker, lead_id: UUID) -> Row[Any]:
    """What the tables say of a lead."""
    async with db.begin() as session:
        return (await session.execute(text(LOOK), {"id": lead_id})).one()


async def rescore(generator: RunningService, db: SessionMaker) -> dict[str, Any]:
    """What the step for Harrow says."""
    async with db.begin() as session:
        harrow = await city_id(session)
    await one(db, "UPDATE target_cities SET active = true WHERE id = :id", id=harrow)
    workflow = await begin(generator.resources, "rescore_leads", harrow, city_id=str(harrow))
    step = await run_step(service, generator.resources, workflow, "rescore_leads")
    assert step.status == "done", step
    output: dict[str, Any] = step.output
    return output


@pytest.mark.parametrize(
    ("status", "reached"),
    [("processing", True), ("review", True), ("available", True), ("reserved", False), ("sold", False)],
)
async def test_a_storm_raises_what_is_not_sold(
    generator: RunningService, committed_db: SessionMaker, status: str, reached: bool
) -> None:
    known = {"status": status, "roof_age_mid": 30, "year_built": 1990, "quality_score": 61, "price": "125.00"}
    lead_id = await lead(generator, committed_db, **known)
    await one(committed_db, "INSERT INTO roofing_leads (base_lead_id) VALUES (:id)", id=lead_id)
    await one(
        committed_db,
        "INSERT INTO roof_analysis (base_lead_id, overall_condition, calibrated_confidence, is_current, image_domain)"
        " VALUES (:id, 'critical', 0.8, true, 'rendered')",
        id=lead_id,
    )
    await one(
        committed_db,
        "UPDATE base_leads SET published_at = now(), available_until = now() + interval '90 days' WHERE id = :id",
        id=lead_id,
    )
    await report(committed_db, "lsr")

    done = [await rescore(generator, committed_db) for _ in range(2)]

    found = await look(committed_db, lead_id)
    if reached:
        assert done == [
            {"leads": 1, "changed": 1, "saleable": 0, "revived": 0},
            {"leads": 1, "changed": 0, "saleable": 0, "revived": 0},
        ]
        assert (found.storms, found.trigger_points, found.hail_event_30d) == (1, "15", True)
        # 15 for the value, 20 for the age, 15 for hail, 20 for the roof; hail is urgent: 150 times 1.2.
        assert (found.quality_score, found.grade, str(found.price)) == (70, "C", "180.00")
        assert found.shelf.days == (180 if status == "available" else 90)
    else:
        assert done[0]["leads"] == 0
        assert (found.storms, found.quality_score, str(found.price), found.shelf.days) == (
            0,
            61,
            "125.00",
            90,
        )
    told = "SELECT count(*) FROM core.outbox WHERE type = 'lead.scored'"
    assert await one(committed_db, told) == int(reached)


async def test_the_set_says_what_the_property_workflow_says(
    generator: RunningService, committed_db: SessionMaker
) -> None:
    facts = {"status": "processing", "roof_age_mid": 30, "last_sale_on": None}
    alone, together = [await lead(generator, committed_db, **facts) for _ in range(2)]
    for source in ("lsr", "nws_alert"):
        await report(committed_db, source)
    workflow = await begin(generator.resources, "property", alone)
    ended: dict[str, dict[str, Any]] = {"scrape_property": {}, "validate": {}, "enrich_contact": {}}
    await run_step(service, generator.resources, workflow, "triggers", ended=ended)
    await run_step(service, generator.resources, workflow, "score")

    await rescore(generator, committed_db)

    rows = (
        "SELECT array_agg(ROW(trigger_type, origin_key, trigger_strength, trigger_details)::text ORDER BY trigger_type,"
        " origin_key) FROM lead_triggers WHERE base_lead_id = :id"
    )
    assert await one(committed_db, rows, id=alone) == await one(committed_db, rows, id=together)
    assert await look(committed_db, alone) == await look(committed_db, together)


async def test_a_lead_that_was_below_sixty_goes_through_the_gate_by_its_old_validation(
    generator: RunningService, committed_db: SessionMaker
) -> None:
    facts = {"property_value": "600000", "roof_age_mid": 30, "sandbox": True}
    lead_id = await lead(generator, committed_db, **facts, **BELOW, status_reason="not_for_sale_below_60")
    unscored = await lead(generator, committed_db, **facts, status="processing", **UNSCORED)
    await one(
        committed_db,
        "INSERT INTO roof_analysis (base_lead_id, overall_condition, calibrated_confidence, is_current, image_domain)"
        " VALUES (:id, 'poor', 0.97, true, 'rendered')",
        id=lead_id,
    )
    before = await begin(generator.resources, "property", lead_id)
    validated = {"gate": "pass", "review": "none"}
    await run_step(
        service, generator.resources, before, "cluster", ended={"validate": validated, "score": {}}
    )
    await report(committed_db, "lsr")

    assert await rescore(generator, committed_db) == {"leads": 2, "changed": 1, "saleable": 1, "revived": 0}
    begun = "SELECT id FROM core.workflow WHERE kind = 'publish_lead' AND subject_id = :id"
    step = await run_step(
        service, generator.resources, await one(committed_db, begun, id=lead_id), "publish_lead"
    )

    assert (step.status, step.output["reason"]) == ("done", "confident")
    assert (await look(committed_db, lead_id)).status == "available"
    found = await look(committed_db, unscored)
    assert (found.storms, found.quality_score) == (1, None)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (None, "analysis_not_validated"),
        ({"gate": "onsite_check", "review": "none"}, "needs_onsite_check"),
        ({"gate": "review", "review": "rejected"}, "rejected_in_review"),
    ],
)
async def test_a_roof_that_was_looked_at_again_goes_through_the_gate_by_what_was_said_of_it_then(
    generator: RunningService, committed_db: SessionMaker, said: dict[str, str] | None, reason: str
) -> None:
    facts = {"property_value": "600000", "roof_age_mid": 30, "sandbox": True}
    lead_id = await lead(generator, committed_db, **facts, status="processing")
    before = await begin(generator.resources, "property", lead_id)
    passed = {"gate": "pass", "review": "none"}
    await run_step(service, generator.resources, before, "cluster", ended={"validate": passed, "score": {}})
    again = await begin(generator.resources, "analyze_lead", lead_id)
    await one(
        committed_db,
        "INSERT INTO roof_analysis (base_lead_id, overall_condition, calibrated_confidence, is_current, image_domain,"
        " workflow_id) VALUES (:id, 'poor', 0.97, true, 'rendered', :again)",
        id=lead_id,
        again=again,
    )

    if said is None:
        workflow = await begin(generator.resources, "publish_lead", lead_id)
        step = await run_step(service, generator.resources, workflow, "publish_lead")
    else:
        ended = {"ml": {}, "validate": said}
        step = await run_step(service, generator.resources, again, "publish", ended=ended)

    assert (step.status, step.output["reason"]) == ("done", reason)


async def test_a_roof_that_a_person_rejects_leaves_the_market(
    generator: RunningService, committed_db: SessionMaker
) -> None:
    rejected, passed = [await lead(generator, committed_db, sandbox=True) for _ in range(2)]
    for lead_id, said in (
        (rejected, {"gate": "review", "review": "rejected"}),
        (passed, {"gate": "pass", "review": "none"}),
    ):
        again = await begin(generator.resources, "analyze_lead", lead_id)
        await one(
            committed_db,
            "INSERT INTO roof_analysis (base_lead_id, overall_condition, calibrated_confidence, is_current, image_domain,"
            " workflow_id) VALUES (:id, 'poor', 0.97, true, 'rendered', :again)",
            id=lead_id,
            again=again,
        )
        ended = {"ml": {}, "validate": said}
        await run_step(service, generator.resources, again, "publish", ended=ended)

    assert (await look(committed_db, rejected)).status == "withdrawn"
    assert (await look(committed_db, passed)).status == "available"
    assert await one(committed_db, "SELECT count(*) FROM core.outbox WHERE type = 'lead.published'") == 0


async def test_an_offer_does_not_lose_its_price_on_the_shelf(
    generator: RunningService, committed_db: SessionMaker
) -> None:
    lead_id = await lead(generator, committed_db, property_value="120000", quality_score=82, price="175.00")

    await rescore(generator, committed_db)

    found = await look(committed_db, lead_id)
    assert (found.status, found.quality_score, str(found.price)) == ("available", 82, "175.00")


async def test_the_record_of_a_storm_makes_no_second_trigger_for_a_known_lead(
    generator: RunningService, committed_db: SessionMaker
) -> None:
    lead_id = await lead(generator, committed_db)
    early = await report(committed_db, "lsr")
    await rescore(generator, committed_db)
    record = await report(committed_db, "ncei")
    await one(
        committed_db, "UPDATE weather_events SET superseded_by = :by WHERE id = :id", id=early, by=record
    )

    await rescore(generator, committed_db)

    events = (
        "SELECT array_agg(weather_event_id) FROM lead_triggers"
        " WHERE base_lead_id = :id AND trigger_type = 'weather_event'"
    )
    assert await one(committed_db, events, id=lead_id) == [record]


@pytest.mark.parametrize(
    ("status", "ages", "back"),
    [
        ("expired", ("10 days", "1 day"), True),
        ("expired", ("1 day", "10 days"), False),
        ("expired", ("731 days", "1 day"), False),
        ("withdrawn", ("10 days", "1 day"), False),
        ("sold", ("10 days", "1 day"), False),
    ],
)
async def test_a_storm_brings_an_address_back_whose_offer_ran_out(
    generator: RunningService, committed_db: SessionMaker, status: str, ages: tuple[str, str], back: bool
) -> None:
    ended, struck = ages
    lead_id = await lead(generator, committed_db, status=status)
    await one(
        committed_db,
        "UPDATE base_leads SET available_until = now() - CAST(:ended AS interval) WHERE id = :id",
        id=lead_id,
        ended=ended,
    )
    await report(committed_db, "lsr")
    await one(
        committed_db, "UPDATE weather_events SET began_at = now() - CAST(:struck AS interval)", struck=struck
    )

    done = [await rescore(generator, committed_db) for _ in range(2)]

    assert [each["revived"] for each in done] == [int(back), 0]
    found = await look(committed_db, lead_id)
    assert found.status == ("processing" if back else status)
    asked = "SELECT count(*) FROM core.workflow WHERE kind = 'publish_lead' AND subject_id = :id"
    assert await one(committed_db, asked, id=lead_id) == int(back)
    if back:
        assert (found.storms, found.trigger_points) == (1, "15")


async def test_a_territory_makes_its_leads_a_tenth_dearer_until_it_ends(
    generator: RunningService, committed_db: SessionMaker
) -> None:
    rich = {
        "property_value": "600000",
        "roof_age_mid": 30,
        "owner_email": "sealed",
        "owner_email_verified": True,
    }
    lead_id = await lead(
        generator, committed_db, status="available", quality_score=61, price="125.00", **rich
    )
    await one(
        committed_db,
        "INSERT INTO roof_analysis (base_lead_id, overall_condition, calibrated_confidence, is_current, image_domain)"
        " VALUES (:id, 'critical', 0.8, true, 'rendered')",
        id=lead_id,
    )
    holder = "UPDATE base_leads SET exclusive_contractor_id = {} WHERE id = :id"
    prices = []
    for who in ("NULL", "gen_random_uuid()", "NULL"):
        await one(committed_db, holder.format(who), id=lead_id)
        await rescore(generator, committed_db)
        prices.append((await look(committed_db, lead_id)).price)

    assert prices[0] == prices[2]
    assert prices[1] == prices[0] * Decimal("1.10")
