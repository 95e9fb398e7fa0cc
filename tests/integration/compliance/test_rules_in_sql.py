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

from services.lead_generator.domain.prospecting import EXCLUDED_PROPERTY_TYPES, Candidate, judge
from services.lead_generator.domain.prospecting_sql import (
    ParcelColumns,
    StormColumns,
    StormForce,
    exclusion_expression,
    pre_score_expression,
    reasons_expression,
    roof_age_expression,
    storm_force,
    storm_strength_expression,
)
from services.lead_generator.domain.triggers import Storm, storm_trigger
from shared.schemas.enums import RoofMaterial, TornadoRating, WeatherEventType

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

    parts = storm_force(columns)
    force = StormForce(f"({parts.peak})", f"({parts.edge_loss})", f"({parts.reach_miles})")

    found = await select(db, shape, rows, {"strength": storm_strength_expression(force, "distance")})

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
