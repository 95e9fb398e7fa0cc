"""The set-based rules give what the per-property rules give, over random rows in PostgreSQL."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.lead_generator.domain.grades import grade_of
from services.lead_generator.domain.pricing import Premium, price_of
from services.lead_generator.domain.prospecting import EXCLUDED_PROPERTY_TYPES, Candidate, judge
from services.lead_generator.domain.prospecting_sql import (
    ParcelColumns,
    StormColumns,
    exclusion_expression,
    pre_score_expression,
    reasons_expression,
    roof_age_expression,
    storm_strength_expression,
)
from services.lead_generator.domain.scoring import (
    COMPLETENESS_FIELDS,
    Reach,
    ScoreInput,
    ScoringTrigger,
    score_of,
)
from services.lead_generator.domain.scoring_sql import (
    ScoreColumns,
    breakdown_expression,
    factor_expressions,
    grade_expression,
    price_expression,
    reach_case,
    score_expression,
)
from services.lead_generator.domain.triggers import Storm, storm_trigger
from shared.schemas.enums import RoofCondition, RoofMaterial, TornadoRating, WeatherEventType

ROWS = 4_000
TODAY = date(2026, 11, 22)
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
EDGE_VALUES = ["99999.99", "100000", "199999.99", "200000", "299999.99", "300000", "500000", "500000.01"]


async def select(
    db: AsyncSession,
    columns: Mapping[str, str],
    rows: Sequence[Mapping[str, Any]],
    expressions: Mapping[str, str],
) -> list[Mapping[str, Any]]:
    """The expressions over the given rows, in their order."""
    shape = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    wanted = ", ".join(f"{expression} AS {name}" for name, expression in expressions.items())
    statement = f"""
        SELECT {wanted} FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (position int, {shape})
        ORDER BY position
    """
    numbered = [{"position": at, **row} for at, row in enumerate(rows)]
    found = await db.execute(
        text(statement.replace("::", r"\:\:")), {"rows": orjson.dumps(numbered, default=str).decode()}
    )
    return [dict(row) for row in found.mappings()]


def score_row(rng: random.Random) -> dict[str, Any]:
    """Facts of one property, often on an edge."""
    return {
        "value": rng.choice([None, *EDGE_VALUES, str(rng.randint(0, 900_000))]),
        "age": rng.choice([None, 9, 10, 14, 15, 19, 20, 25, 26, rng.randint(0, 60)]),
        **{trigger.value: rng.choice([True, False, False, None]) for trigger in ScoringTrigger},
        "condition": rng.choice([None, *(condition.value for condition in RoofCondition)]),
        "email": rng.choice([None, "ciphertext"]),
        "email_ok": rng.choice([True, False]),
        "phone": rng.choice([None, "ciphertext"]),
        "phone_ok": rng.choice([True, False]),
        **{f"has_{name}": rng.random() < 0.85 for name in COMPLETENESS_FIELDS},
        "exclusive": rng.choice([True, False]),
        "demand": rng.choice([True, False]),
    }


def reach(value: str | None, verified: bool) -> Reach:
    """How well a contact is known."""
    return Reach.NONE if value is None else Reach.VERIFIED if verified else Reach.UNVERIFIED


def facts_of(row: Mapping[str, Any]) -> ScoreInput:
    """The same facts as the per-property rules take them."""
    return ScoreInput(
        property_value=None if row["value"] is None else Decimal(row["value"]),
        roof_age_years=row["age"],
        triggers=frozenset(trigger for trigger in ScoringTrigger if row[trigger.value]),
        condition=RoofCondition(row["condition"]) if row["condition"] else None,
        email=reach(row["email"], row["email_ok"]),
        phone=reach(row["phone"], row["phone_ok"]),
        missing=frozenset(name for name in COMPLETENESS_FIELDS if not row[f"has_{name}"]),
    )


SCORE_COLUMNS = ScoreColumns(
    property_value="value",
    roof_age_years="age",
    triggers={trigger: trigger.value for trigger in ScoringTrigger},
    condition="condition",
    email_reach=f"({reach_case('email', 'email_ok')})",
    phone_reach=f"({reach_case('phone', 'phone_ok')})",
    present={name: f"has_{name}" for name in COMPLETENESS_FIELDS},
)
SCORE_SHAPE = {
    "value": "numeric(12,2)",
    "age": "int",
    **{trigger.value: "boolean" for trigger in ScoringTrigger},
    "condition": "text",
    "email": "text",
    "email_ok": "boolean",
    "phone": "text",
    "phone_ok": "boolean",
    **{f"has_{name}": "boolean" for name in COMPLETENESS_FIELDS},
    "exclusive": "boolean",
    "demand": "boolean",
}


async def test_scores_grades_and_prices_agree(db: AsyncSession) -> None:
    rng = random.Random(7)
    rows = [score_row(rng) for _ in range(ROWS)]
    score = score_expression(SCORE_COLUMNS)
    premiums = {Premium.URGENT: "hail", Premium.EXCLUSIVE_TERRITORY: "exclusive", Premium.DEMAND: "demand"}

    found = await select(
        db,
        SCORE_SHAPE,
        rows,
        {
            "score": score,
            "grade": grade_expression(score),
            "base_price": price_expression(score),
            "price": price_expression(score, premiums),
            "breakdown": breakdown_expression(SCORE_COLUMNS),
            **{
                f"factor_{name}": expression for name, expression in factor_expressions(SCORE_COLUMNS).items()
            },
        },
    )

    for row, answer in zip(rows, found, strict=True):
        expected = score_of(facts_of(row))
        wanted = [premium for premium, column in premiums.items() if row[column]]
        assert answer["score"] == expected.total, row
        assert answer["grade"] == expected.grade == grade_of(expected.total)
        assert answer["base_price"] == price_of(expected.total)
        assert answer["price"] == price_of(expected.total, wanted)
        for name, factor in expected.factors.items():
            assert answer[f"factor_{name}"] == factor.points, (name, row)
            assert answer["breakdown"][name] == {"points": factor.points, "max": factor.maximum}
    assert len({answer["score"] for answer in found}) > 20


def parcel_row(rng: random.Random) -> dict[str, Any]:
    """One parcel, often on an edge of age or suppression."""
    installed = rng.choice(
        [None, None, TODAY - timedelta(days=rng.randint(0, 20_000)), date(2016, 11, 22), date(2016, 11, 23)]
    )
    return {
        "state": rng.choice(["TX", "CA", "OH", "WA", "NV", "CO", "ZZ"]),
        "county": rng.choice([None, "Orange", "Fresno", "Travis"]),
        "property_type": rng.choice([None, "single_family", "townhouse", *EXCLUDED_PROPERTY_TYPES]),
        "hoa": rng.choice([None, False, False, True]),
        "address_key": rng.choice(["12||MAIN|ST|||78701", "12||MAIN|ST|||78701", "||MAIN|ST|||78701"]),
        "year_built": rng.choice([None, 0, 2028, 2011, 2012, 2013, rng.randint(1900, 2026)]),
        "roof_material": rng.choice([None, *(material.value for material in RoofMaterial)]),
        "roof_installed_on": installed,
        "suppressed_until": rng.choice([None, None, TODAY, TODAY + timedelta(days=1), date(2020, 1, 1)]),
        "owner_occupied": rng.choice([None, True, False]),
        "owner_is_company": rng.choice([None, True, False]),
        "market_value": rng.choice([None, *EDGE_VALUES]),
        "storm_strength": rng.choice([None, None, 80, 84, 85, 94, 95, 100]),
        "permits": rng.choice([0, 0, 1, 2, 3, 4, 5, 12]),
        "opted_out": rng.random() < 0.05,
        "sales_on": rng.random() < 0.95,
    }


def candidate_of(row: Mapping[str, Any]) -> Candidate:
    """The same parcel as the per-property rules take it."""
    return Candidate(
        state=row["state"],
        county=row["county"],
        property_type=row["property_type"],
        hoa=row["hoa"],
        has_house_number=not row["address_key"].startswith("|"),
        year_built=row["year_built"],
        roof_material=RoofMaterial(row["roof_material"]) if row["roof_material"] else None,
        roof_installed_on=row["roof_installed_on"],
        suppressed_until=row["suppressed_until"],
        owner_occupied=row["owner_occupied"],
        owner_is_company=row["owner_is_company"],
        market_value=None if row["market_value"] is None else Decimal(row["market_value"]),
        storm_strength=row["storm_strength"],
        neighbor_permits_90d=row["permits"],
        opted_out=row["opted_out"],
        state_sales_on=row["sales_on"],
    )


PARCEL_COLUMNS = ParcelColumns(
    today=f"DATE '{TODAY}'",
    state="state",
    county="county",
    property_type="property_type",
    hoa="hoa",
    has_house_number="(split_part(address_key, '|', 1) <> '')",
    year_built="year_built",
    roof_material="roof_material",
    roof_installed_on="roof_installed_on",
    suppressed_until="suppressed_until",
    owner_occupied="owner_occupied",
    owner_is_company="owner_is_company",
    market_value="market_value",
    storm_strength="storm_strength",
    neighbor_permits_90d="permits",
    opted_out="opted_out",
    state_sales_on="sales_on",
)
PARCEL_SHAPE = {
    "state": "text",
    "county": "text",
    "property_type": "text",
    "hoa": "boolean",
    "address_key": "text",
    "year_built": "int",
    "roof_material": "text",
    "roof_installed_on": "date",
    "suppressed_until": "date",
    "owner_occupied": "boolean",
    "owner_is_company": "boolean",
    "market_value": "numeric(12,2)",
    "storm_strength": "int",
    "permits": "int",
    "opted_out": "boolean",
    "sales_on": "boolean",
}


async def test_prospecting_agrees(db: AsyncSession) -> None:
    rng = random.Random(11)
    rows = [parcel_row(rng) for _ in range(ROWS)]

    found = await select(
        db,
        PARCEL_SHAPE,
        rows,
        {
            "age": roof_age_expression(PARCEL_COLUMNS),
            "reasons": reasons_expression(PARCEL_COLUMNS),
            "exclusion": exclusion_expression(PARCEL_COLUMNS),
            "pre_score": pre_score_expression(PARCEL_COLUMNS),
        },
    )

    prospects = 0
    for row, answer in zip(rows, found, strict=True):
        verdict = judge(candidate_of(row), TODAY)
        assert answer["age"] == (verdict.age.mid if verdict.age else None), row
        assert tuple(answer["reasons"]) == verdict.reasons, row
        assert answer["exclusion"] == verdict.exclusion, row
        assert answer["pre_score"] == verdict.pre_score, row
        prospects += verdict.is_prospect()
    assert 0 < prospects < ROWS


def storm_row(rng: random.Random) -> dict[str, Any]:
    """One storm as it lies to one house, often on an edge of reach, time or strength."""
    days = rng.choice([0, 89, 90, 91, rng.randint(0, 120)])
    moment = NOW - timedelta(days=days, seconds=rng.choice([-1, 0, 1, rng.randint(0, 86_399)]))
    return {
        "event_type": rng.choice([kind.value for kind in WeatherEventType]),
        "began_at": moment.isoformat(),
        "distance": rng.choice([0.0, 5.0, 5.0004, 5.0006, 25.0, 25.1, rng.uniform(0, 6)]),
        "hail": rng.choice(
            [None, "0.75", "0.99", "1.00", "1.75", "2.50", "4.50", f"{rng.uniform(1, 4):.2f}"]
        ),
        "wind": rng.choice([None, 59, 60, 61, 75, 100, 140]),
        "rating": rng.choice([None, *(rating.value for rating in TornadoRating)]),
        "category": rng.choice([None, 0, 1, 2, 3, 5]),
    }


async def test_storm_strengths_agree(db: AsyncSession) -> None:
    rng = random.Random(13)
    rows = [storm_row(rng) for _ in range(ROWS)]
    columns = StormColumns(
        now=f"TIMESTAMPTZ '{NOW.isoformat()}'",
        distance_miles="distance",
        event_type="event_type",
        began_at="began_at",
        hail_size_inches="hail",
        wind_speed_mph="wind",
        tornado_rating="rating",
        hurricane_category="category",
    )
    shape = {
        "event_type": "text",
        "began_at": "timestamptz",
        "distance": "float8",
        "hail": "numeric(4,2)",
        "wind": "int",
        "rating": "text",
        "category": "int",
    }

    found = await select(db, shape, rows, {"strength": storm_strength_expression(columns)})

    strengths = set()
    for row, answer in zip(rows, found, strict=True):
        storm = Storm(
            event_id="storm",
            event_type=WeatherEventType(row["event_type"]),
            began_at=datetime.fromisoformat(row["began_at"]),
            distance_miles=Decimal(str(row["distance"])),
            hail_size_inches=None if row["hail"] is None else Decimal(row["hail"]),
            wind_speed_mph=row["wind"],
            tornado_rating=TornadoRating(row["rating"]) if row["rating"] else None,
            hurricane_category=row["category"],
        )
        trigger = storm_trigger(storm, NOW)
        assert answer["strength"] == (trigger.strength if trigger else None), row
        strengths.add(answer["strength"])
    assert {None, 80, 100} <= strengths
