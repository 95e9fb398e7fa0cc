"""The set-based form of score, grade and price says what the per-property form says."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.lead_generator.domain.pricing import PREMIUM_FACTORS, Premium, price_of
from services.lead_generator.domain.scoring import (
    COMPLETENESS_FIELDS,
    Reach,
    ScoreInput,
    ScoringTrigger,
    score_of,
)
from services.lead_generator.domain.scoring_sql import ScoreColumns, scored
from services.lead_generator.repository.leads import LeadRepository
from services.lead_generator.service.leads import scores
from shared.db.engine import SessionMaker
from shared.schemas.enums import RoofCondition
from shared.security.fields import KeyRing
from tests.factories.leads import make_lead
from tests.factories.services import RunningService

LEADS = 10_000
EDGES = (0, 100_000, 200_000, 300_000, 500_000)
COLUMNS = ScoreColumns(
    present={name: f"facts.present[{place + 1}]" for place, name in enumerate(COMPLETENESS_FIELDS)}
)
PREMIUMS = {premium: f"facts.{premium}" for premium in Premium}
GIVEN = """
    SELECT property_value, roof_age_mid, coalesce(string_to_array(nullif(names, ''), ','), '{}') AS triggers,
           overall_condition, email, phone, urgent, exclusive_territory, demand, n,
           ARRAY(SELECT each = '1' FROM unnest(string_to_array(flags, NULL)) AS each) AS present
      FROM unnest(CAST(:values AS numeric[]), CAST(:ages AS int[]), CAST(:names AS text[]),
                  CAST(:conditions AS text[]), CAST(:emails AS text[]), CAST(:phones AS text[]), CAST(:flags AS text[]),
                  CAST(:urgent AS boolean[]), CAST(:exclusive AS boolean[]), CAST(:demand AS boolean[])) WITH ORDINALITY
           AS given (property_value, roof_age_mid, names, overall_condition, email, phone, flags, urgent,
                     exclusive_territory, demand, n)
"""
SCORED = text(f"{scored(GIVEN, COLUMNS, PREMIUMS)} ORDER BY n")


def some_lead(rng: np.random.Generator) -> tuple[ScoreInput, frozenset[Premium]]:
    """Any lead; values and ages lie at an edge, a step beside it, or anywhere."""

    def chosen(options: Any) -> Any:
        return options[int(rng.integers(len(options)))]

    beside = Decimal(chosen(EDGES)) + Decimal(chosen(("-0.01", "0", "0.01", "0.5")))
    anywhere = Decimal(int(rng.integers(0, 90_000_000))) / 100
    value = chosen((None, max(Decimal(0), beside), anywhere))
    return (
        ScoreInput(
            property_value=value,
            roof_age_years=chosen((None, *range(36))),
            triggers=frozenset(each for each in ScoringTrigger if rng.random() < 0.4),
            condition=chosen((None, *RoofCondition)),
            email=chosen(list(Reach)),
            phone=chosen(list(Reach)),
            missing=frozenset(name for name in COMPLETENESS_FIELDS if rng.random() < chosen((0.0, 0.1, 0.5))),
        ),
        frozenset(each for each in Premium if rng.random() < 0.4),
    )


async def test_both_forms_agree_on_ten_thousand_leads(committed_db: SessionMaker) -> None:
    rng = np.random.default_rng(20261122)
    leads = [some_lead(rng) for _ in range(LEADS)]
    facts = [each for each, _ in leads]
    premiums = [each for _, each in leads]
    values = {
        "values": [each.property_value for each in facts],
        "ages": [each.roof_age_years for each in facts],
        "names": [",".join(sorted(each.triggers)) for each in facts],
        "conditions": [each.condition for each in facts],
        "emails": [each.email.value for each in facts],
        "phones": [each.phone.value for each in facts],
        "flags": ["".join("01"[name not in each.missing] for name in COMPLETENESS_FIELDS) for each in facts],
        "urgent": [Premium.URGENT in each for each in premiums],
        "exclusive": [Premium.EXCLUSIVE_TERRITORY in each for each in premiums],
        "demand": [Premium.DEMAND in each for each in premiums],
    }
    async with committed_db.begin() as session:
        rows = (await session.execute(SCORED, values)).all()

    assert len(rows) == LEADS
    for (given, dearer), row in zip(leads, rows, strict=True):
        score = score_of(given)
        assert (row.score, row.grade, row.breakdown) == (score.total, score.grade, score.breakdown()), given
        assert row.price == price_of(score.total, dearer), (given, dearer)
    assert len({row.score for row in rows}) > 60
    assert {row.grade for row in rows} == {None, "A", "B", "C", "D"}
    assert set(PREMIUM_FACTORS) == set(Premium)


async def test_both_forms_read_the_same_facts_from_the_tables(
    generator: RunningService, committed_db: SessionMaker
) -> None:
    rng = np.random.default_rng(7)
    async with committed_db.begin() as session:
        ids = [await _stored_lead(session, generator.resources.keys, rng) for _ in range(150)]
    async with committed_db.begin() as session:
        repository = LeadRepository(session)
        expected = {row["lead_id"]: row for row in await scores(repository, await repository.many(ids))}
        changed = await repository.rescore(ids)
    async with committed_db.begin() as session:
        stored = (await session.execute(STORED, {"ids": ids})).all()

    assert len(changed) > 80
    assert {row.grade for row in stored} >= {None, "C", "D"}
    for row in stored:
        wanted = expected[row.id]
        if row.status == "available" and wanted["price"] is None:
            assert row.quality_score == 1, "an offer does not fall below sixty on the shelf"
            continue
        assert (row.quality_score, row.grade, row.price, row.score_breakdown, row.confidence) == tuple(
            wanted[name] for name in ("score", "grade", "price", "breakdown", "confidence")
        )


async def test_a_score_is_worked_out_again_where_facts_or_another_hand_changed_it(
    generator: RunningService, committed_db: SessionMaker
) -> None:
    async with committed_db.begin() as session:
        ids = [
            await make_lead(session, generator.resources.keys, status="processing", quality_score=1)
            for _ in range(4)
        ]
    assert await _rescored(committed_db, ids) == set(ids)
    assert await _rescored(committed_db, ids) == set(), "nothing is told twice"

    aged, touched, by_hand, _same = ids
    await _execute(committed_db, "UPDATE base_leads SET roof_age_mid = 24 WHERE id = :id", aged)
    # No score looks at beds; the digest of a lead that a single score has written is gone.
    await _execute(committed_db, "UPDATE base_leads SET beds = 7, quality_score = 2 WHERE id = :id", touched)
    await _execute(
        committed_db, "UPDATE base_leads SET quality_score = 2, scored_from = NULL WHERE id = :id", by_hand
    )
    assert await _rescored(committed_db, ids) == {aged, by_hand}


async def test_a_score_that_comes_out_the_same_is_noted_and_not_told(
    generator: RunningService, committed_db: SessionMaker
) -> None:
    async with committed_db.begin() as session:
        lead_id = await make_lead(session, generator.resources.keys, status="processing", quality_score=1)
    async with committed_db.begin() as session:
        repository = LeadRepository(session)
        await repository.store_scores(await scores(repository, await repository.many([lead_id])))
    assert await _noted(committed_db, lead_id) is None, "a single score leaves no digest"
    assert await _rescored(committed_db, [lead_id]) == set()
    assert await _noted(committed_db, lead_id) is not None


def test_another_rule_is_another_digest() -> None:
    def digest(cheaper: dict[Premium, str]) -> str:
        return scored(GIVEN, COLUMNS, cheaper).split("hash_record_extended(")[1].split(" AS digest")[0]

    dearer = dict.fromkeys((Premium.URGENT, Premium.DEMAND), "facts.urgent")
    swapped = dict.fromkeys((Premium.URGENT, Premium.EXCLUSIVE_TERRITORY), "facts.urgent")
    assert digest(dearer) != digest(swapped)


async def _rescored(maker: SessionMaker, ids: list[UUID]) -> set[UUID]:
    async with maker.begin() as session:
        return {row.id for row in await LeadRepository(session).rescore(ids)}


async def _execute(maker: SessionMaker, statement: str, lead_id: UUID) -> None:
    async with maker.begin() as session:
        await session.execute(text(statement), {"id": lead_id})


async def _noted(maker: SessionMaker, lead_id: UUID) -> int | None:
    async with maker.begin() as session:
        statement = text("SELECT scored_from FROM base_leads WHERE id = :id")
        found: int | None = (await session.execute(statement, {"id": lead_id})).scalar_one()
        return found


STORED = text(
    "SELECT id, status, quality_score, grade, price, score_breakdown, confidence FROM base_leads WHERE id = ANY (:ids)"
)


async def _stored_lead(session: AsyncSession, keys: KeyRing, rng: np.random.Generator) -> UUID:
    """A lead of which anything may be known or missing, with reasons that count and such that do not any more."""

    def maybe(value: Any) -> Any:
        return value if rng.random() < 0.8 else None

    def yes() -> bool:
        return bool(rng.random() < 0.5)

    lead_id = await make_lead(
        session,
        keys,
        status=("processing", "review", "available")[int(rng.integers(3))],
        quality_score=1,
        zip=maybe("76998"),
        geom=maybe("SRID=4326;POINT(-98.9 32.4)"),
        owner_name=maybe("sealed"),
        property_value=maybe(str(Decimal(int(rng.integers(0, 80_000_000))) / 100)),
        year_built=maybe(1990),
        sqft=maybe(2000),
        property_type=maybe("single_family"),
        roof_age_mid=maybe(int(rng.integers(0, 40))),
        roof_material=maybe("asphalt_architectural"),
        owner_email=maybe("sealed"),
        owner_email_verified=yes(),
        owner_phone=maybe("sealed"),
        owner_phone_verified=yes(),
    )
    if yes():
        await session.execute(
            ANALYSIS, {"id": lead_id, "condition": list(RoofCondition)[int(rng.integers(5))]}
        )
    if yes():
        await session.execute(HELD, {"id": lead_id})
    if yes():
        await session.execute(PICTURE, {"id": lead_id, "usable": yes()})
    for number, kind in enumerate((*ScoringTrigger, None)):
        if yes():
            values = {"id": lead_id, "scores_as": kind, "type": TYPES.get(kind, kind), "origin": str(number)}
            values |= {"active": yes(), "late": yes()}
            await session.execute(TRIGGER, values)
    return lead_id


ANALYSIS = text(
    "INSERT INTO roof_analysis (base_lead_id, overall_condition, calibrated_confidence, is_current, image_domain)"
    " VALUES (:id, :condition, 0.8125, true, 'rendered')"
)
HELD = text("UPDATE base_leads SET exclusive_contractor_id = gen_random_uuid() WHERE id = :id")
PICTURE = text(
    "INSERT INTO property_images (base_lead_id, image_type, view_angle, source, licence_id, image_domain,"
    " usable_for_analysis) VALUES (:id, 'satellite', 'overhead', 'test', 'sandbox', 'rendered', :usable)"
)
TYPES = {"hail": "weather_event", "wind": "weather_event", None: "roof_age"}
TRIGGER = text(
    """
    INSERT INTO lead_triggers (base_lead_id, trigger_type, origin_key, trigger_date, trigger_strength, trigger_details,
                               expires_at, active)
    VALUES (:id, :type, :origin, now(), 80, jsonb_build_object('scores_as', CAST(:scores_as AS text)),
            now() + CASE WHEN :late THEN interval '-1 hour' ELSE interval '1 hour' END, :active)
    """
)
