"""Where a lead on sale is on the map: in its cell, among enough homes, and never nearer."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from shared.db.engine import SessionMaker
from shared.db.geo import CELL_DEGREES, CELL_MIN_HOMES, cell_of, shared_cell_of
from tests.factories.leads import make_lead
from tests.integration.marketplace.conftest import Market

CELL = "SRID=4326;POINT(-98.9025 32.4025)"
FARTHER = "SRID=4326;POINT(-98.2025 32.4025)"
PARCELS = text(
    """
    INSERT INTO parcels (city_id, apn, county, state, address, address_key, city, source, content_hash, geom)
    SELECT id, 'M' || n, 'Metro', 'TX', n || ' ELM ST', n || '||ELM|ST|||76998', 'Harrow', 'test', n::text,
           ST_Point(-98.9049 + 0.0009 * n, 32.4001 + 0.0007 * n, 4326)::geography
      FROM target_cities, generate_series(1, :homes) n WHERE city = 'Harrow'
    """
)


async def on_map(market: Market, db: SessionMaker, cell: str = CELL, **changes: Any) -> UUID:
    """A lead that was published into a cell."""
    async with db.begin() as session:
        return await make_lead(session, market.resources.keys, map_cell=cell, **changes)


async def ask(market: Market, path: str, **query: Any) -> Any:
    async with market.client() as client:
        answer = await client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_cell_tells_no_house_from_another_in_it(committed_db: SessionMaker) -> None:
    statement = text(
        f"""
        WITH house AS (SELECT c, r, x.x, y.y FROM generate_series(-25000, -14000, 137) c,
                              generate_series(5000, 9600, 119) r,
                              (VALUES (0.0001), (0.31), (0.77), (0.9999)) x(x), (VALUES (0.0001), (0.5), (0.9999)) y(y)),
             told AS (SELECT c, r, {cell_of("ST_Point((c + x) * 0.005, (r + y) * 0.005, 4326)::geography")} AS cell
                        FROM house)
        SELECT count(DISTINCT (c, r)) AS cells, count(DISTINCT cell) AS told,
               max(greatest(abs(ST_X(cell) - (c + 0.5) * 0.005), abs(ST_Y(cell) - (r + 0.5) * 0.005))) AS off FROM told
        """
    )
    async with committed_db() as session:
        found = (await session.execute(statement)).one()
    assert found.cells == found.told > 3000
    assert found.off < CELL_DEGREES / 1e6


@pytest.mark.parametrize(
    ("homes", "told"), [(CELL_MIN_HOMES - 1, None), (CELL_MIN_HOMES, (-98.9025, 32.4025))]
)
async def test_a_cell_of_fewer_homes_is_not_told(committed_db: SessionMaker, homes: int, told: Any) -> None:
    house = "ST_Point(-98.9011, 32.4004, 4326)::geography"
    statement = text(
        f"SELECT ST_X(own.cell) AS x, ST_Y(own.cell) AS y FROM (SELECT {shared_cell_of(house)} AS cell) own"
    )
    async with committed_db.begin() as session:
        await session.execute(PARCELS, {"homes": homes})
        found = (await session.execute(statement)).one()
    assert (found.x, found.y) == (pytest.approx(told) if told else (None, None))


async def test_a_preview_tells_the_cell_and_a_box_asks_for_it_alone(
    market: Market, committed_db: SessionMaker
) -> None:
    # The house stands in the cell's corner: a box around it alone finds nothing, one around the centre does.
    lead = await on_map(market, committed_db, geom="SRID=4326;POINT(-98.9001 32.4001)")
    listed = await ask(market, "/api/leads", box="-98.903,32.402,-98.902,32.403")
    assert [(each["id"], each["cell"]) for each in listed] == [(str(lead), [-98.9025, 32.4025])]
    assert await ask(market, "/api/leads", box="-98.9002,32.4000,-98.9000,32.4002") == []
    assert (await ask(market, f"/api/leads/{market.lead_id}"))["cell"] is None


@pytest.mark.parametrize("box", ["-98.95,32.35,-98.85,32.45", "-125,24,-66,50"])
async def test_narrow_and_wide_boxes_find_the_same_lead(
    market: Market, committed_db: SessionMaker, box: str
) -> None:
    lead = await on_map(market, committed_db, quality_score=70)
    # The buyer serves this one by its city's name, whatever the distance.
    other = await on_map(market, committed_db, FARTHER, quality_score=90)
    found = [each["id"] for each in await ask(market, "/api/leads", box=box)]
    assert found == ([str(other), str(lead)] if box.startswith("-125") else [str(lead)])
    assert [each["id"] for each in await ask(market, "/api/leads", box=box, min_score=71)] == found[:-1]


async def test_the_map_gathers_what_the_list_finds(market: Market, committed_db: SessionMaker) -> None:
    best = await on_map(market, committed_db, quality_score=95, grade="A", price="400.00")
    await on_map(market, committed_db, price="99.00")
    alone = await on_map(market, committed_db, FARTHER)
    found = await ask(market, "/api/leads/map")
    assert found["degrees"] == 0.32
    marks = {tuple(each["geometry"]["coordinates"]): each["properties"] for each in found["features"]}
    assert (found["leads"], found["more"]) == (3, False)
    assert marks[(-99.04, 32.48)] == {
        "leads": 2,
        "score": 95,
        "price": "99.00",
        "grade": "A",
        "lead_id": None,
    }
    assert marks[(-98.08, 32.48)]["lead_id"] == str(alone)
    assert ("Harrow", "TX") in {(town["city"], town["state"]) for town in found["towns"]}
    [mark] = (await ask(market, "/api/leads/map", min_score=90))["features"]
    assert mark["properties"]["lead_id"] == str(best)


async def test_the_map_holds_the_leads_of_a_served_city_alone(
    market: Market, committed_db: SessionMaker
) -> None:
    await on_map(market, committed_db, city="Elsewhere", geom="SRID=4326;POINT(-80 40)")
    assert (await ask(market, "/api/leads/map"))["features"] == []


async def test_a_box_that_is_none_is_refused(market: Market) -> None:
    async with market.client() as client:
        answer = await client.get("/api/leads", params={"box": "1,2,3"})
    assert answer.status_code == 422
    assert "a box is four numbers of degrees" in answer.text
