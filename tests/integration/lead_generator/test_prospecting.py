"""Prospecting costs one look at each parcel, whatever the planner knows of the tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.lead_generator.repository.parcel_storms import ParcelStormRepository
from services.lead_generator.repository.prospects import JUDGE, ProspectRepository
from tests.factories.leads import city_id

PARCELS = 40
JUST_LOADED = (
    """
    INSERT INTO parcels (city_id, apn, county, state, address, address_key, city, source, content_hash, geom, year_built)
    SELECT :city, 'A' || n, 'Harrow', 'TX', n || ' OAK ST', n || '||OAK|ST|||76998', 'Harrow', 'test', 'h' || n,
           ST_SetSRID(ST_MakePoint(-98.9, 32.4), 4326)::geography, 1990
      FROM generate_series(1, :n) n WHERE :city IS NOT NULL
    """,
    """
    INSERT INTO weather_events (event_type, event_date, source, external_id, content_hash, geom, began_at, hail_size_inches)
    SELECT 'hail', current_date - 5, 'test', 'E' || n, 'h' || n,
           ST_SetSRID(ST_MakePoint(-98.9, 32.41), 4326)::geography, now() - interval '5 days', 1.75
      FROM generate_series(1, :n) n WHERE CAST(:city AS uuid) IS NOT NULL
    """,
    """
    INSERT INTO roofing_permits (permit_number, address, jurisdiction, content_hash, reroof, issue_date, geom, address_key)
    SELECT 'P' || n, n || ' OAK ST', 'test', 'h' || n, true, current_date - 20 * (n % 4 + 1),
           ST_SetSRID(ST_MakePoint(-98.9, 32.4), 4326)::geography, n || '||OAK|ST|||76998'
      FROM generate_series(1, :n) n WHERE CAST(:city AS uuid) IS NOT NULL
    """,
)


async def load_town(session: AsyncSession) -> dict[str, Any]:
    """Parcels, storms and permits of which the planner has no statistics yet; what the judge is asked with."""
    city = await city_id(session)
    for statement in JUST_LOADED:
        await session.execute(text(statement), {"city": city, "n": PARCELS})
    return {"city_id": city, "opted_out": [], "sales_on": True, "as_of": None}


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A plan's node and all below it."""
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


async def test_a_town_just_loaded_is_read_once(db: AsyncSession) -> None:
    asked = await load_town(db)
    explained = (await db.execute(text(f"EXPLAIN (ANALYZE, FORMAT JSON) {JUDGE.text}"), asked)).scalar_one()

    scans = [node for node in nodes(explained[0]["Plan"]) if node.get("Relation Name") == "parcels"]
    assert [(scan["Actual Loops"], scan["Actual Rows"]) for scan in scans] == [(1, PARCELS)]


async def test_every_parcel_is_judged_with_its_storms_and_neighbours(db: AsyncSession) -> None:
    asked = await load_town(db)
    assert await ParcelStormRepository(db).match(asked["city_id"]) == PARCELS
    counts = await ProspectRepository(db).judge(asked["city_id"], opted_out=[], sales_on=True, as_of=None)
    assert sum(counts.values()) == PARCELS

    found = (
        await db.execute(text("SELECT permits_30d, permits_60d, permits_90d, reasons FROM judged"))
    ).all()
    # Permits lie 20, 40, 60 and 80 days back, ten each; a house is no neighbour of itself.
    assert {row.permits_90d for row in found} == {PARCELS - 1}
    assert {row.permits_60d for row in found} == {PARCELS // 2 - 1, PARCELS // 2}
    assert {row.permits_30d for row in found} == {PARCELS // 4 - 1, PARCELS // 4}
    assert all("storm" in row.reasons for row in found), found[0].reasons
