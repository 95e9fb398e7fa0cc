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
# No degree of latitude or longitude is longer than 111,700 m; the rest is room for the rounding of long distances.
_CORNER_METRES: Final = CELL_DEGREES / 2 * 2**0.5 * 112_000
# Distances on a sphere are wrong by up to 0.6 %.
_SIEVE: Final = 1.01
_NOW: Final = "coalesce(CAST(:as_of AS date) + interval '1 day', now())"
_FORCE: Final = storm_force(StormColumns(now=_NOW))


def _strength(metres: str) -> str:
    return storm_strength_expression(StormForce(), f"({metres}) / {METRES_PER_MILE}")


_STORMS: Final = f"""
    CREATE TEMPORARY TABLE storms_now ON COMMIT DROP AS
    SELECT * FROM (
        SELECT storm.id, storm.began_at, coalesce(storm.swath, storm.geom) AS place, {_FORCE.peak} AS peak,
               {_FORCE.edge_loss} AS edge_loss, {_FORCE.reach_miles} AS reach_miles
          FROM weather_events storm
         WHERE storm.superseded_by IS NULL AND storm.began_at > {_NOW} - interval '{STORM_WINDOW_DAYS + 1} days'
    ) storm WHERE peak IS NOT NULL AND place IS NOT NULL
"""  # noqa: S608 - built from rule tables, values are bound
_HOUSES: Final = f"""
    CREATE TEMPORARY TABLE houses ON COMMIT DROP AS
    SELECT id, geom, floor(ST_X(geom::geometry) / {CELL_DEGREES})::int AS cell_x,
           floor(ST_Y(geom::geometry) / {CELL_DEGREES})::int AS cell_y
      FROM parcels WHERE city_id = :city_id AND geom IS NOT NULL
"""  # noqa: S608 - a number of ours
_CELLS: Final = f"""
    CREATE TEMPORARY TABLE cells ON COMMIT DROP AS
    SELECT cell_x, cell_y, ST_Point((cell_x + 0.5) * {CELL_DEGREES}, (cell_y + 0.5) * {CELL_DEGREES}, 4326)::geography AS middle
      FROM houses GROUP BY cell_x, cell_y
"""  # noqa: S608 - a number of ours
# Of a cell's storms only those stay that somewhere in it could beat the one that is worth most everywhere in it.
_CONTENDERS: Final = f"""
    CREATE TEMPORARY TABLE contenders ON COMMIT DROP AS
    WITH bounds AS (
        SELECT cell_x, cell_y, storm.id, storm.began_at, {_strength(f"metres + {_CORNER_METRES}")} AS least,
               {_strength(f"greatest(0, metres - {_CORNER_METRES})")} AS most
          FROM storms_now storm
          JOIN cells ON ST_DWithin(place, middle, {_SIEVE} * (reach_miles * {METRES_PER_MILE} + {_CORNER_METRES})::float8, false)
         CROSS JOIN LATERAL (SELECT ST_Distance(place, middle) AS metres OFFSET 0) measured
    ), ranked AS (
        SELECT *, first_value(least) OVER best AS best_least, first_value(began_at) OVER best AS best_began_at,
               first_value(id) OVER best AS best_id
          FROM bounds WHERE most IS NOT NULL
        WINDOW best AS (PARTITION BY cell_x, cell_y ORDER BY least DESC NULLS LAST, began_at DESC, id DESC)
    )
    SELECT cell_x, cell_y, id,
           CASE WHEN count(*) OVER (PARTITION BY cell_x, cell_y) = 1 AND least = most THEN least END AS settled
      FROM ranked WHERE best_least IS NULL OR (most, began_at, id) >= (best_least, best_began_at, best_id)
"""  # noqa: S608 - built from rule tables
_FIND: Final = (
    # Sorting a million rows within the default 4 MB would go through the disk.
    "SET LOCAL work_mem = '64MB'",
    _STORMS,
    "ANALYZE storms_now",
    _HOUSES,
    "ANALYZE houses (cell_x, cell_y)",
    _CELLS,
    "CREATE INDEX ON cells USING gist (middle)",
    "ANALYZE cells",
    _CONTENDERS,
    "ANALYZE contenders",
)
_FORGET: Final = "DELETE FROM parcel_storms WHERE city_id = :city_id"
_STORE: Final = f"""
    INSERT INTO parcel_storms (city_id, parcel_id, weather_event_id, strength)
    SELECT DISTINCT ON (parcel_id) :city_id, parcel_id, weather_event_id, strength
      FROM (SELECT house.id AS parcel_id, storm.id AS weather_event_id, storm.began_at,
                   coalesce(settled, {_strength("ST_Distance(place, house.geom)")}) AS strength
              FROM houses house JOIN contenders USING (cell_x, cell_y) JOIN storms_now storm ON storm.id = contenders.id) met
     WHERE strength IS NOT NULL
     ORDER BY parcel_id, strength DESC, began_at DESC, weather_event_id DESC
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
