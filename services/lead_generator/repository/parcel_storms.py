"""The strongest storm of every parcel of a city, found in sets.

What a storm is worth falls with its distance and never rises. So the distance of a cell's middle, give or take what lies
between it and the cell's corners, bounds what a storm is worth anywhere in the cell: nearly all reports are ruled out for
all houses of a cell at once, and where one is left that is worth the same everywhere, its houses are not measured at all.
The bounds hold for points and areas, at every latitude and across the date line, because they rest on the triangle
inequality alone.
"""

from __future__ import annotations

from datetime import date
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.lead_generator.domain.prospecting_sql import (
    StormColumns,
    StormForce,
    storm_force,
    storm_strength_expression,
)
from services.lead_generator.domain.triggers import STORM_WINDOW_DAYS
from shared.db.geo import METRES_PER_MILE

CELL_DEGREES: Final = 0.005
_ROWS: Final = 100_000
# No degree of latitude or longitude is longer than 111,700 m; the rest is room for the rounding of long distances.
_CORNER_METRES: Final = CELL_DEGREES / 2 * 2**0.5 * 112_000
# Distances on a sphere are wrong by up to 0.6 %.
_SIEVE: Final = 1.01
_NOW: Final = "coalesce(CAST(:as_of AS date) + interval '1 day', now())"
# More than the reports of a season; a storm's rank is its place by moment, then by id.
_RANKS: Final = 10_000_000
_FORCE: Final = storm_force(StormColumns(now=_NOW))


def _standing(metres: str) -> str:
    """Strength first, then the storm's rank, in one number; NULL where the storm is worth nothing."""
    strength = storm_strength_expression(StormForce(), f"({metres}) / {METRES_PER_MILE}")
    return f"({strength}) * {_RANKS}::bigint + storm.rank"


_STORMS: Final = f"""
    CREATE TEMPORARY TABLE storms_now ON COMMIT DROP AS
    SELECT *, row_number() OVER (ORDER BY began_at, id) AS rank FROM (
        SELECT storm.id, storm.began_at, coalesce(storm.swath, storm.geom) AS place, {_FORCE.peak} AS peak,
               {_FORCE.edge_loss} AS edge_loss, {_FORCE.reach_miles} AS reach_miles
          FROM weather_events storm
         WHERE storm.superseded_by IS NULL AND storm.began_at > {_NOW} - interval '{STORM_WINDOW_DAYS + 1} days'
    ) storm WHERE peak IS NOT NULL AND place IS NOT NULL
"""  # noqa: S608 - built from rule tables, values are bound
# A cell is one number, its column and its row: of two the planner would not know how many cells they make.
_HOUSES: Final = f"""
    CREATE TEMPORARY TABLE houses ON COMMIT DROP AS
    SELECT id, geom, floor((ST_X(geom::geometry) + 180) / {CELL_DEGREES})::bigint * {_ROWS}
                     + floor((ST_Y(geom::geometry) + 90) / {CELL_DEGREES})::bigint AS cell
      FROM parcels WHERE city_id = :city_id AND geom IS NOT NULL
"""  # noqa: S608 - numbers of ours
_CELLS: Final = f"""
    CREATE TEMPORARY TABLE cells ON COMMIT DROP AS
    SELECT cell, ST_Point((cell / {_ROWS} + 0.5) * {CELL_DEGREES} - 180, (cell % {_ROWS} + 0.5) * {CELL_DEGREES} - 90, 4326)
                 ::geography AS middle
      FROM houses GROUP BY cell
"""  # noqa: S608 - numbers of ours
# Of a cell's storms only those stay that somewhere in it could beat the one that stands highest everywhere in it.
_CONTENDERS: Final = f"""
    CREATE TEMPORARY TABLE contenders ON COMMIT DROP AS
    WITH bounds AS MATERIALIZED (
        SELECT cell, storm.rank, {_standing(f"metres + {_CORNER_METRES}")} AS least,
               {_standing(f"greatest(0, metres - {_CORNER_METRES})")} AS most
          FROM storms_now storm
          JOIN cells ON ST_DWithin(place, middle, {_SIEVE} * (reach_miles * {METRES_PER_MILE} + {_CORNER_METRES})::float8, false)
         CROSS JOIN LATERAL (SELECT ST_Distance(place, middle) AS metres OFFSET 0) measured
    ), compared AS (
        SELECT *, max(least) OVER (PARTITION BY cell) AS sure FROM bounds WHERE most IS NOT NULL
    )
    SELECT cell, rank,
           CASE WHEN count(*) OVER (PARTITION BY cell) = 1 AND least = most THEN least END AS settled
      FROM compared WHERE sure IS NULL OR most >= sure
"""  # noqa: S608 - built from rule tables
_FIND: Final = (
    # Sorting a million rows within the default 4 MB would go through the disk.
    "SET LOCAL work_mem = '64MB'",
    _STORMS,
    "ANALYZE storms_now",
    _HOUSES,
    "ANALYZE houses (id, cell)",
    _CELLS,
    "CREATE INDEX ON cells USING gist (middle)",
    "ANALYZE cells",
    _CONTENDERS,
    "ANALYZE contenders",
)
_FORGET: Final = "DELETE FROM parcel_storms WHERE city_id = :city_id"
# Rows come in the order of their key: a million at random places of its index take twice as long.
_STORE: Final = f"""
    INSERT INTO parcel_storms (city_id, parcel_id, weather_event_id, strength)
    SELECT :city_id, best.house_id, storm.id, best.standing / {_RANKS}
      FROM (SELECT house.id AS house_id, settled AS standing
              FROM houses house JOIN contenders USING (cell) WHERE settled IS NOT NULL
             UNION ALL
            SELECT house_id, max(standing)
              FROM (SELECT house.id AS house_id, {_standing("metres")} AS standing
                      FROM houses house JOIN contenders USING (cell) JOIN storms_now storm USING (rank)
                     CROSS JOIN LATERAL (SELECT ST_Distance(place, house.geom) AS metres OFFSET 0) measured
                     WHERE settled IS NULL OFFSET 0) open GROUP BY house_id) best
      JOIN storms_now storm ON storm.rank = best.standing % {_RANKS}
     ORDER BY best.house_id
"""  # noqa: S608 - built from rule tables, values are bound


class ParcelStormRepository:
    """Writes parcel_storms."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def match(self, city_id: UUID, *, as_of: date | None = None) -> int:
        """Store the storm that speaks most for each parcel of a city, as of now unless said otherwise; how many have one.

        Of storms worth the same the more recent one leads, then the higher id.
        """
        values = {"city_id": city_id, "as_of": as_of}
        for statement in (*_FIND, _FORGET):
            await self._session.execute(text(statement), values)
        return int((await self._session.execute(text(_STORE), values)).rowcount)  # type: ignore[attr-defined]
