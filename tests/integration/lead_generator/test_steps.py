"""The lead generator's steps and jobs on real tables."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from services.lead_generator.app import service
from services.lead_generator.handlers import look_after_storm, take_up_lead
from shared.db.engine import SessionMaker
from shared.events.leads import LeadCreated
from shared.events.storms import StormReported
from tests.factories.leads import city_id, make_lead
from tests.factories.services import RunningService
from tests.factories.single_step import begin, run_step
from tests.integration.lead_generator.test_prospecting import PARCELS, load_town


async def one(db: SessionMaker, statement: str, **values: Any) -> Any:
    async with db.begin() as session:
        result = await session.execute(text(statement), values)
        return result.scalar_one() if result.returns_rows else None  # type: ignore[attr-defined]


async def lead(generator: RunningService, db: SessionMaker, **values: Any) -> UUID:
    async with db.begin() as session:
        return await make_lead(session, generator.resources.keys, **values)


@pytest.mark.parametrize(
    ("validated", "status", "label"),
    [
        ({"gate": "onsite_check", "review": "none"}, "available", "onsite_check"),
        ({"gate": "review", "review": "approved"}, "available", None),
        ({"gate": "review", "review": "rejected"}, "withdrawn", None),
    ],
)
async def test_publication_follows_the_way_validation_went_though_the_flag_fell_since(
    generator: RunningService,
    committed_db: SessionMaker,
    validated: dict[str, str],
    status: str,
    label: str | None,
) -> None:
    lead_id = await lead(generator, committed_db, status="processing", sandbox=True)
    await one(
        committed_db,
        "INSERT INTO roof_analysis (base_lead_id, overall_condition, calibrated_confidence, is_current, image_domain)"
        " VALUES (:id, 'poor', 0.8, true, 'rendered')",
        id=lead_id,
    )
    await one(
        committed_db, "INSERT INTO core.feature_flag (key, enabled) VALUES ('allow_onsite_check', false)"
    )
    workflow = await begin(generator.resources, "property", lead_id)

    step = await run_step(
        service, generator.resources, workflow, "publish", ended={"validate": validated, "cluster": {}}
    )

    assert step.status == "done", step
    assert (step.output["status"], step.output["label"]) == (status, label)
    assert await one(committed_db, "SELECT status FROM base_leads WHERE id = :id", id=lead_id) == status


async def test_near_leads_share_a_cluster_and_a_far_one_begins_its_own(
    generator: RunningService, committed_db: SessionMaker
) -> None:
    points = ("-98.9 32.4", "-98.9 32.42", "-98.9 32.6")
    clusters = []
    for point in points:
        lead_id = await lead(generator, committed_db, status="processing", geom=f"SRID=4326;POINT({point})")
        workflow = await begin(generator.resources, "property", lead_id)
        step = await run_step(service, generator.resources, workflow, "cluster", ended={"score": {}})
        clusters.append(step.output["cluster_id"])

    assert clusters[0] == clusters[1] != clusters[2]
    counted = "SELECT lead_count FROM lead_clusters WHERE id = :id"
    assert [await one(committed_db, counted, id=cluster) for cluster in clusters[1:]] == [2, 1]


async def test_a_lead_without_a_point_joins_no_cluster(
    generator: RunningService, committed_db: SessionMaker
) -> None:
    lead_id = await lead(generator, committed_db, status="processing", geom=None)
    workflow = await begin(generator.resources, "property", lead_id)

    step = await run_step(service, generator.resources, workflow, "cluster", ended={"score": {}})

    assert (step.status, step.reason) == ("skipped", "the lead has no point on the map")


async def test_only_what_is_past_its_date_expires(
    generator: RunningService, committed_db: SessionMaker
) -> None:
    old = await lead(generator, committed_db)
    sold = await lead(generator, committed_db, status="sold")
    young = await lead(generator, committed_db)
    for lead_id, days in ((old, -1), (sold, -1), (young, 1)):
        await one(
            committed_db,
            "UPDATE base_leads SET available_until = now() + make_interval(days => :days) WHERE id = :id",
            id=lead_id,
            days=days,
        )
        await one(
            committed_db,
            "INSERT INTO lead_triggers (base_lead_id, trigger_type, origin_key, trigger_date, trigger_strength,"
            " expires_at) VALUES (:id, 'roof_age', 'age', now() - interval '9 days', 50,"
            " now() + make_interval(days => :days))",
            id=lead_id,
            days=days,
        )
    workflow = await begin(generator.resources, "expire_leads")

    step = await run_step(service, generator.resources, workflow, "expire_leads")

    assert step.output == {"triggers": 2, "leads": 1, "triggers_followed_the_record": 0}
    assert await one(committed_db, "SELECT status FROM base_leads WHERE id = :id", id=old) == "expired"
    again = await begin(generator.resources, "expire_leads")
    assert (await run_step(service, generator.resources, again, "expire_leads")).output == {
        "triggers": 0,
        "leads": 0,
        "triggers_followed_the_record": 0,
    }


async def report(db: SessionMaker, source: str, *, superseded_by: UUID | None = None) -> UUID:
    """A hailstorm near the lead, five days ago."""
    statement = (
        "INSERT INTO weather_events (event_type, event_date, source, external_id, content_hash, geom, began_at,"
        " hail_size_inches, superseded_by) VALUES ('hail', current_date - 5, :source, :source, 'h',"
        " 'SRID=4326;POINT(-98.9 32.41)', now() - interval '5 days', 1.75, :by) RETURNING id"
    )
    found: UUID = await one(db, statement, source=source, by=superseded_by)
    return found


async def triggers_of(generator: RunningService, db: SessionMaker, lead_id: UUID) -> list[tuple[str, bool]]:
    """Source and state of a lead's storm triggers after another look at the house."""
    workflow = await begin(generator.resources, "property", lead_id)
    ended: dict[str, dict[str, Any]] = {"locate": {}, "scrape_property": {}}
    assert (await run_step(service, generator.resources, workflow, "triggers", ended=ended)).status == "done"
    async with db.begin() as session:
        rows = await session.execute(
            text(
                "SELECT e.source, t.active FROM lead_triggers t JOIN weather_events e ON e.id = t.weather_event_id"
                " WHERE t.base_lead_id = :id ORDER BY t.active DESC, e.source"
            ),
            {"id": lead_id},
        )
        return [(row.source, row.active) for row in rows]


async def test_the_official_record_takes_over_the_trigger_and_makes_no_second_one(
    generator: RunningService, committed_db: SessionMaker
) -> None:
    lead_id = await lead(generator, committed_db, status="processing")
    early, other = await report(committed_db, "lsr"), await report(committed_db, "nws_alert")
    assert await triggers_of(generator, committed_db, lead_id) == [("lsr", True), ("nws_alert", True)]

    daily = await report(committed_db, "spc")
    record = await report(committed_db, "ncei")
    superseded = "UPDATE weather_events SET superseded_by = :by WHERE id = :id"
    for event, by in ((early, daily), (daily, record), (other, record)):
        await one(committed_db, superseded, id=event, by=by)

    for _ in range(2):
        (first, active), (_, other_active) = await triggers_of(generator, committed_db, lead_id)
        assert (first, active, other_active) == ("ncei", True, False)


async def test_a_sold_leads_trigger_follows_the_record_without_another_look(
    generator: RunningService, committed_db: SessionMaker
) -> None:
    lead_id = await lead(generator, committed_db, status="sold")
    early, record = await report(committed_db, "lsr"), await report(committed_db, "ncei")
    await one(
        committed_db,
        "INSERT INTO lead_triggers (base_lead_id, trigger_type, origin_key, weather_event_id, trigger_date,"
        " trigger_strength, expires_at) VALUES (:id, 'weather_event', CAST(:event AS text), :event, now(), 90,"
        " now() + interval '9 days')",
        id=lead_id,
        event=early,
    )
    await one(
        committed_db, "UPDATE weather_events SET superseded_by = :by WHERE id = :id", id=early, by=record
    )
    workflow = await begin(generator.resources, "expire_leads")

    step = await run_step(service, generator.resources, workflow, "expire_leads")

    assert step.output["triggers_followed_the_record"] == 1
    moved = "SELECT weather_event_id FROM lead_triggers WHERE base_lead_id = :id AND active"
    assert await one(committed_db, moved, id=lead_id) == record


async def test_active_cities_get_prospects_up_to_the_configured_cap_a_day(
    generator: RunningService, committed_db: SessionMaker
) -> None:
    async with committed_db.begin() as session:
        await load_town(session)
    await one(committed_db, "UPDATE target_cities SET active = true WHERE city = 'Harrow'")
    await one(committed_db, "UPDATE parcels SET source = 'harrow_tx_parcels'")
    await one(committed_db, "INSERT INTO core.config (key, value) VALUES ('city.daily_prospect_cap', '3')")

    inserted = []
    for _ in range(2):
        workflow = await begin(generator.resources, "prospect_active_cities")
        step = await run_step(service, generator.resources, workflow, "prospect_active_cities")
        inserted.append((step.output["cities"], step.output["inserted"]))

    assert inserted == [(1, 3), (1, 0)]
    assert PARCELS > 3
    announced = "SELECT count(*) FROM core.outbox WHERE type = 'lead.created'"
    assert await one(committed_db, announced) == 3
    licences = (
        "SELECT string_agg(DISTINCT licence_id, ' ') FROM compliance.provenance WHERE entity = 'base_leads'"
    )
    assert await one(committed_db, licences) == "sandbox_harrow"


async def test_a_new_lead_is_taken_up_unless_its_citys_activation_will(
    generator: RunningService, committed_db: SessionMaker
) -> None:
    lead_id = await lead(generator, committed_db, status="processing")
    async with committed_db() as session:
        city = await city_id(session)
    event = LeadCreated(base_lead_id=lead_id, city_id=city)
    counted = "SELECT count(*) FROM core.workflow WHERE kind = 'property' AND subject_id = :id"
    activation = await begin(generator.resources, "city", city)

    async with generator.resources.unit_of_work() as uow:
        await take_up_lead(event, uow, generator.resources)
    during = await one(committed_db, counted, id=lead_id)
    await one(committed_db, "UPDATE core.workflow SET status = 'done' WHERE id = :id", id=activation)
    for _ in range(2):
        async with generator.resources.unit_of_work() as uow:
            await take_up_lead(event, uow, generator.resources)

    assert (during, await one(committed_db, counted, id=lead_id)) == (0, 1)


async def test_a_storm_prospects_the_city_it_reached_and_no_other(
    generator: RunningService, committed_db: SessionMaker
) -> None:
    async with committed_db.begin() as session:
        await load_town(session)
        harrow = await city_id(session)
    await one(committed_db, "UPDATE target_cities SET active = true WHERE city IN ('Harrow', 'Marn')")
    event = StormReported(city_id=harrow, reports=3)
    for _ in range(2):
        async with generator.resources.unit_of_work() as uow:
            await look_after_storm(event, uow, generator.resources)

    begun = "SELECT id FROM core.workflow WHERE kind = :kind AND subject_id = :id"
    workflow = await one(committed_db, begun, kind="prospect_active_cities", id=harrow)
    assert await one(committed_db, begun, kind="rescore_leads", id=harrow)
    step = await run_step(service, generator.resources, workflow, "prospect_active_cities")

    assert step.output["cities"] == 1
    assert step.output["inserted"] > 0


async def test_damage_that_was_seen_is_a_reason_to_visit_and_hail_marks_from_afar_are_none(
    generator: RunningService, committed_db: SessionMaker
) -> None:
    lead_id = await lead(generator, committed_db, status="processing")
    await one(
        committed_db,
        "INSERT INTO roof_analysis (base_lead_id, overall_condition, is_current, image_domain, damage_severity)"
        " VALUES (:id, 'poor', true, 'rendered', CAST(:seen AS jsonb))",
        id=lead_id,
        seen='{"sagging": 40.5, "hail_dents": 90}',
    )
    await triggers_of(generator, committed_db, lead_id)
    found = await one(
        committed_db,
        "SELECT array[trigger_strength::text, trigger_details->>'damages'] FROM lead_triggers"
        " WHERE base_lead_id = :id AND trigger_type = 'damage_detected'",
        id=lead_id,
    )
    assert found == ["41", '{"sagging": 40.5}']
