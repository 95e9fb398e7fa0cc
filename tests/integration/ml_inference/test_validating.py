"""The step that validates: what it reads of a house, what it stores, and the way it sends the analysis."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis
from sqlalchemy import text

from shared.db.engine import SessionMaker
from tests.factories.leads import make_lead
from tests.factories.reviews import Desk, make_analysis, open_desk

SURE = {"condition": "poor", "confidence": 0.97, "familiar": True, "domain": "rendered"}
OLD_ROOF = {"roof_age_mid": 18, "roof_age_evidence": "permit", "year_built": 1990}
EVIDENCE = "SELECT validation_evidence, validation_status, calibrated_confidence::float FROM roof_analysis WHERE is_current"
HISTORY = text(
    """
    WITH houses AS (
        INSERT INTO base_leads (address, address_key, zip, time_zone, city_id, city, state)
        SELECT n || ' ' || address, n || address_key, zip, time_zone, city_id, city, state
          FROM base_leads, generate_series(1, :n) AS n WHERE id = :lead RETURNING id
    ), judged AS (
        INSERT INTO roof_analysis (base_lead_id, overall_condition, is_current, image_domain)
        SELECT id, 'poor', false, 'rendered' FROM houses RETURNING id)
    INSERT INTO condition_comparisons (roof_analysis_id, image_domain, weights, origin, said, truth, confidence)
    SELECT id, 'rendered', 'w1', 'sandbox', 'poor', 'poor', 0.97 FROM judged
    """
)


@pytest.fixture
async def desk(
    database_url: str, redis_url: str, redis: Redis, committed_db: SessionMaker
) -> AsyncIterator[Desk]:
    """The service without any analysis."""
    async with open_desk(database_url, redis_url, committed_db) as opened:
        yield opened


async def stages(desk: Desk) -> dict[str, dict[str, Any]]:
    """The stored stages by name."""
    evidence, _, _ = await desk.row(EVIDENCE)
    return {stage["stage"]: stage for stage in evidence["stages"]}


async def proven(desk: Desk, *, n: int) -> None:
    """Compared roofs of these weights, all right, on analyses that are no longer current."""
    async with desk.db.begin() as session:
        lead = await make_lead(session, desk.door.resources.keys)
        await session.execute(HISTORY, {"lead": lead, "n": n})


async def test_a_sure_analysis_waits_for_a_look_on_site_while_the_models_are_unproven(desk: Desk) -> None:
    _, step = await desk.wait(SURE, **OLD_ROOF)

    evidence, status, confidence = await desk.row(EVIDENCE)
    assert (step.status, step.output["gate"], status) == ("done", "onsite_check", "needs_review")
    assert evidence["maturity"] == "unvalidated"
    assert evidence["models_confidence"] == 0.97 < confidence == step.output["confidence"]


async def test_it_passes_once_two_hundred_compared_roofs_bear_the_models_out(desk: Desk) -> None:
    await proven(desk, n=200)
    _, step = await desk.wait(SURE, **OLD_ROOF)

    _, status, _ = await desk.row(EVIDENCE)
    assert (step.output["gate"], status) == ("pass", "approved")


async def test_what_the_tables_know_of_the_house_is_stored_with_its_source(desk: Desk) -> None:
    async with desk.db.begin() as session:
        lead = await make_lead(
            session, desk.door.resources.keys, status="processing", parcel_id=None, **OLD_ROOF
        )
        await session.execute(
            text(
                "INSERT INTO roofing_leads (base_lead_id, vertical_id, neighbor_permits_90d)"
                " SELECT :lead, id, 7 FROM verticals WHERE slug = 'roofing'"
            ),
            {"lead": lead},
        )
        await session.execute(
            text(
                "INSERT INTO lead_triggers (base_lead_id, trigger_type, active)"
                " VALUES (:lead, 'insurance_claim', true)"
            ),
            {"lead": lead},
        )
        await make_analysis(session, lead, condition="poor", confidence=0.9)
    await desk.validate(lead, {**SURE, "confidence": 0.9})

    terms = (await stages(desk))["sources"]["terms"]
    assert [(row["kind"], row["value"]) for row in terms["findings"]] == [
        ("roof_age", "16-20"),
        ("neighbour_permits", "5 or more"),
        ("insurance_claim", "reported"),
    ]
    assert terms["absent"] == ["hail", "listings"]


@pytest.mark.parametrize(("taken", "value"), [("2026-10-01", "1.50 in or more"), ("2026-01-01", None)])
async def test_hail_counts_only_for_pictures_taken_after_it(
    desk: Desk, taken: str, value: str | None
) -> None:
    async with desk.db.begin() as session:
        lead = await make_lead(session, desk.door.resources.keys, status="processing", **OLD_ROOF)
        await hail_over(session, lead, "2026-06-01", 1.75)
        await session.execute(
            text(
                "INSERT INTO property_images (base_lead_id, image_type, view_angle, source, licence_id, image_domain,"
                " capture_date) VALUES (:lead, 'satellite', 'overhead', 's', 'l', 'rendered', CAST(:taken AS date))"
            ),
            {"lead": lead, "taken": taken},
        )
        # One that is only shown is no picture that an analysis rests on.
        await session.execute(
            text(
                "INSERT INTO property_images (base_lead_id, image_type, view_angle, source, licence_id, image_domain,"
                " capture_date, usable_for_analysis)"
                " VALUES (:lead, 'street_view', 'front', 's', 'l', 'rendered', '2026-10-15', false)"
            ),
            {"lead": lead},
        )
        await make_analysis(session, lead, condition="poor", confidence=0.9)
    await desk.validate(lead, {**SURE, "confidence": 0.9})

    findings = (await stages(desk))["sources"]["terms"]["findings"]
    assert {row["kind"]: row["value"] for row in findings}.get("hail") == value


async def hail_over(session: Any, lead: UUID, day: str, inches: float) -> None:
    """A parcel for the lead, and hail that speaks for it."""
    await session.execute(
        text(
            """
            WITH storm AS (
                INSERT INTO weather_events (event_type, event_date, source, external_id, hail_size_inches, content_hash)
                VALUES ('hail', CAST(:day AS date), 'test', :key, :inches, 'x') RETURNING id),
            parcel AS (
                INSERT INTO parcels (city_id, apn, county, state, address, address_key, city, source, content_hash)
                SELECT city_id, :key, 'Bell', state, address, address_key, city, 's', 'x' FROM base_leads WHERE id = :lead
                RETURNING id, city_id),
            reached AS (
                INSERT INTO parcel_storms (city_id, parcel_id, weather_event_id, strength)
                SELECT p.city_id, p.id, s.id, 80 FROM parcel p, storm s)
            UPDATE base_leads SET parcel_id = p.id FROM parcel p WHERE base_leads.id = :lead
            """
        ),
        {"lead": lead, "day": day, "inches": inches, "key": uuid4().hex[:12]},
    )


async def test_a_house_is_held_against_those_of_its_city_and_age(desk: Desk) -> None:
    async with desk.db.begin() as session:
        for _ in range(12):
            lead = await make_lead(session, desk.door.resources.keys, **{**OLD_ROOF, "roof_age_mid": 20})
            await make_analysis(session, lead, condition="good", confidence=0.9)
        lead = await make_lead(session, desk.door.resources.keys, **{**OLD_ROOF, "roof_age_mid": 40})
        await make_analysis(session, lead, condition="poor", confidence=0.9)
    await proven(desk, n=200)
    await desk.wait(SURE, **OLD_ROOF)

    async with desk.db() as session:
        found = (
            await session.execute(
                text("SELECT validation_evidence FROM roof_analysis WHERE validation_evidence IS NOT NULL")
            )
        ).scalar_one()
    similar = next(stage for stage in found["stages"] if stage["stage"] == "similar_houses")
    assert (similar["passed"], similar["terms"]["n"]) == (False, 12)
    assert similar["finding"] in found["reasons"]


async def test_a_persons_earlier_word_is_remembered_until_a_storm(desk: Desk) -> None:
    async with desk.db.begin() as session:
        lead = await make_lead(session, desk.door.resources.keys, status="processing", **OLD_ROOF)
        await session.execute(
            text(
                "INSERT INTO roof_analysis (base_lead_id, overall_condition, is_current, image_domain, human_validated,"
                " validation_status, validation_date) VALUES (:lead, 'good', false, 'rendered', true, 'approved',"
                " now() - interval '200 days')"
            ),
            {"lead": lead},
        )
        await make_analysis(session, lead, condition="poor", confidence=0.97)
    await desk.validate(lead, SURE)
    before = (await stages(desk))["ground_truth"]
    async with desk.db.begin() as session:
        await hail_over(session, lead, "2026-11-01", 2.0)
    await desk.validate(lead, SURE)
    after = (await stages(desk))["ground_truth"]

    assert (before["passed"], before["terms"]["earlier_word"]) == (False, "good")
    assert (after["passed"], after["terms"]["earlier_word"]) == (None, None)


async def test_pictures_are_held_against_each_other_where_their_evidence_was_kept(desk: Desk) -> None:
    image = {"source": "s", "domain": "rendered"}
    poor, good = ({"poor": 0.9, "fair": 0.1}, {"good": 0.9, "fair": 0.1})
    evidence = {
        "pictures": [
            {
                **image,
                "image_id": str(uuid4()),
                "image_type": "satellite",
                "view_angle": "overhead",
                "probabilities": poor,
            },
            {
                **image,
                "image_id": str(uuid4()),
                "image_type": "street_view",
                "view_angle": "front",
                "probabilities": good,
            },
            {
                **image,
                "image_id": str(uuid4()),
                "image_type": "street_view",
                "view_angle": "left",
                "refused": "cut",
            },
        ],
        "terms": [],
        "condition_index": 70,
        "probabilities": {"poor": 0.97, "fair": 0.03},
        "models": [],
    }
    async with desk.db.begin() as session:
        lead = await make_lead(session, desk.door.resources.keys, status="processing", **OLD_ROOF)
        await make_analysis(session, lead, condition="poor", confidence=0.97, evidence=evidence)
    await desk.validate(lead, SURE)

    agreement = (await stages(desk))["agreement"]
    assert (agreement["passed"], agreement["terms"]["from_above"], agreement["terms"]["from_street"]) == (
        False,
        1,
        1,
    )


async def test_answers_that_compared_roofs_showed_to_be_too_sure_are_cooled(desk: Desk) -> None:
    await desk.wait(SURE, **OLD_ROOF)
    evidence, _, before = await desk.row(EVIDENCE)
    async with desk.db.begin() as session:
        await session.execute(
            text(
                """
                WITH told AS (
                    INSERT INTO roof_analysis (base_lead_id, overall_condition, is_current, image_domain,
                                               validation_evidence)
                    SELECT l.id, CASE WHEN n % 2 = 0 THEN 'poor' ELSE 'fair' END, false, 'rendered', a.validation_evidence
                      FROM base_leads l JOIN roof_analysis a ON a.base_lead_id = l.id, generate_series(1, 60) AS n
                    RETURNING id, overall_condition)
                INSERT INTO condition_comparisons (roof_analysis_id, image_domain, weights, origin, said, truth, confidence)
                SELECT id, 'rendered', 'w1', 'review', 'poor', overall_condition, 0.8 FROM told
                """
            )
        )
    (lead,) = await desk.row("SELECT id FROM base_leads")
    await desk.validate(lead, SURE)

    combination = (await stages(desk))["combination"]["terms"]
    _, _, after = await desk.row(EVIDENCE)
    assert evidence["stages"][4]["terms"]["temperature"] == 1.0
    assert combination["temperature"] > 1.5
    assert combination["with_sources"] == evidence["stages"][4]["terms"]["with_sources"]
    assert after < 0.9 < before
