"""All reasons of a city's parcels found in sets and stored, beside the per-property path over a sample of its houses.

Storms, neighbours' permits, the roof's age and sales; from tables to tables, commits included. RIDGELINE_BENCH_ROWS sets
the number of parcels; goals are told for a million.
"""

from __future__ import annotations

import os
import time
from uuid import UUID

from sqlalchemy import text

from services.lead_generator.repository.leads import LeadRepository
from services.lead_generator.repository.parcel_storms import ParcelStormRepository
from services.lead_generator.repository.parcel_triggers import ParcelTriggerRepository
from services.lead_generator.service.leads import find_triggers
from shared.runtime.resources import Resources
from tests.bench import storms
from tests.bench.core import with_resources
from tests.bench.figure import Figure
from tests.faults.chaos import connect, prepare
from tests.faults.plane import Plane, own_plane

PARCELS = int(os.environ.get("RIDGELINE_BENCH_ROWS", storms.PARCELS))
PERMITS, SAMPLE = 5_000, 60
GOAL_SECONDS = 40.0
LOAD = (
    *storms.LOAD[:4],
    """
    UPDATE parcels SET year_built = 1960 + floor(66 * random())::int,
                       last_sale_on = current_date - floor(4000 * random())::int
    """,
    # Neighbours follow each other: fifty streets, a hundred roofs each.
    """
    INSERT INTO roofing_permits (permit_number, address, jurisdiction, content_hash, reroof, vertical, issue_date, geom)
    SELECT 'P' || n, n::text, 'bench', 'P' || n, true, 'roofing', current_date - (n %% 30),
           ST_Point(ST_X(street.geom) + 0.006 * random(), ST_Y(street.geom) + 0.006 * random(), 4326)::geography
      FROM generate_series(1, %(permits)s) n
      JOIN (SELECT row_number() OVER () AS place, geom::geometry FROM (SELECT geom FROM parcels LIMIT 50) p) street
        ON street.place = n %% 50 + 1
    """,
    """
    INSERT INTO base_leads (city_id, parcel_id, address, address_key, city, state, time_zone, geom, roof_age_mid,
                            last_sale_on)
    SELECT city_id, id, address, address_key, city, state, 'America/Chicago', geom, 30, last_sale_on
      FROM parcels LIMIT %(sample)s
    """,
    "INSERT INTO roofing_leads (base_lead_id, neighbor_permits_30d) SELECT id, 6 FROM base_leads",
    "VACUUM ANALYZE parcels",
    "VACUUM ANALYZE weather_events",
    "VACUUM ANALYZE roofing_permits",
    "VACUUM ANALYZE base_leads",
)  # fmt: skip
KINDS = "SELECT trigger_type, count(*) FROM parcel_triggers GROUP BY 1 ORDER BY 1"


def figures() -> list[Figure]:
    """Seconds of a first look against goal and per-property path, and of a second that finds nothing new."""
    with own_plane() as plane:
        prepare(plane)
        city = _load(plane)
        (storm, other), (_, again), written = with_resources(plane, lambda resources: _sets(resources, city))
        each = with_resources(plane, _one_by_one)
        with connect(plane) as connection:
            kinds: dict[str, float] = dict(connection.execute(KINDS).fetchall())
    first, single = storm + other, each * PARCELS
    parts = {"storms, s": round(storm, 1), "parcels": PARCELS, "written": written[0], **kinds}
    return [
        Figure("all reasons of a city's parcels", round(first, 1), "s", GOAL_SECONDS, at_most=True,
               baseline="one by one, s", baseline_value=round(single, 1), parts=parts),
        Figure("reasons in sets, times as fast", round(single / first, 1), "x", 50.0, at_most=False,
               baseline="one by one", baseline_value=1.0),
        Figure("rows written by a second look", written[1], "rows", 0.0, at_most=True,
               baseline="first look, rows", baseline_value=written[0], parts={"seconds, storms aside": round(again, 1)}),
    ]  # fmt: skip


def _load(plane: Plane) -> UUID:
    values = {"parcels": PARCELS, "storms": storms.STORMS, "permits": PERMITS, "sample": SAMPLE}
    with connect(plane) as connection:
        for statement in LOAD:
            connection.execute(statement, values if "%(" in statement else None)
        row = connection.execute("SELECT id FROM target_cities WHERE city = 'Metro'").fetchone()
    assert row is not None
    return UUID(str(row[0]))


async def _sets(
    resources: Resources, city: UUID
) -> tuple[tuple[float, float], tuple[float, float], list[int]]:
    """Seconds for storms and for the rest, twice, and the rows that the rest wrote."""
    seconds, written = [], []
    for _ in range(2):
        began = time.perf_counter()
        async with resources.unit_of_work() as uow:
            await ParcelStormRepository(uow.session).match(city)
        between = time.perf_counter()
        async with resources.unit_of_work() as uow:
            written.append(await ParcelTriggerRepository(uow.session).derive(city))
        seconds.append((between - began, time.perf_counter() - between))
    return seconds[0], seconds[1], written


async def _one_by_one(resources: Resources) -> float:
    """Seconds a lead takes whose reasons are found and stored in a transaction of its own."""
    async with resources.unit_of_work() as uow:
        ids = list((await uow.session.execute(text("SELECT id FROM base_leads"))).scalars())
    began = time.perf_counter()
    for lead_id in ids:
        async with resources.unit_of_work() as uow:
            repository = LeadRepository(uow.session)
            await find_triggers(repository, await repository.many([lead_id]))
    return (time.perf_counter() - began) / len(ids)
