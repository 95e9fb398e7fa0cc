"""Why each parcel of a city is worth a visit now, found in sets and stored where it changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.lead_generator.domain.prospecting_sql import ParcelColumns, roof_age_expression
from services.lead_generator.domain.triggers import (
    HOLDING,
    NEIGHBOR_MIN_PERMITS,
    NEIGHBOR_RADIUS_MILES,
    NEIGHBOR_WINDOW_DAYS,
)
from services.lead_generator.domain.triggers_sql import (
    expiry_expression,
    neighbor_strength_expression,
    roof_age_strength_expression,
    sale_strength_expression,
)
from shared.db.geo import METRES_PER_MILE
from shared.schemas.enums import TriggerType

_TODAY: Final = "coalesce(CAST(:as_of AS date), current_date)"
_NOW: Final = "coalesce(CAST(:as_of AS date) + interval '1 day', now())"
_SOLD: Final = "(parcel.last_sale_on::timestamp AT TIME ZONE 'UTC')"
# Permits come first, as a set without an index: few were issued in a month, and each finds its houses by theirs. The other
# way round every house of the city would ask for its permits.
_NEIGHBORS: Final = f"""
    CREATE TEMPORARY TABLE warm ON COMMIT DROP AS
    WITH issued AS MATERIALIZED (
        SELECT geom, address_key FROM roofing_permits
         WHERE reroof AND vertical = 'roofing' AND geom IS NOT NULL
           AND issue_date > {_TODAY} - {NEIGHBOR_WINDOW_DAYS} AND issue_date <= {_TODAY}
    )
    SELECT parcel.id AS parcel_id, count(*)::int AS permits
      FROM issued
      JOIN parcels parcel ON ST_DWithin(parcel.geom, issued.geom, {NEIGHBOR_RADIUS_MILES * METRES_PER_MILE})
                         AND parcel.address_key IS DISTINCT FROM issued.address_key
     WHERE parcel.city_id = :city_id
     GROUP BY parcel.id HAVING count(*) >= {NEIGHBOR_MIN_PERMITS}
"""  # noqa: S608 - built from rule tables, values are bound
_FOUND: Final = f"""
    CREATE TEMPORARY TABLE reasons ON COMMIT DROP AS
    SELECT house.id AS parcel_id, kind AS trigger_type, strength, measure, occurred_at
      FROM (SELECT parcel.id, {_SOLD} AS sold_at, warm.permits, {roof_age_expression(ParcelColumns(today=_TODAY))} AS years
              FROM parcels parcel LEFT JOIN warm ON warm.parcel_id = parcel.id
             WHERE parcel.city_id = :city_id OFFSET 0) house
     CROSS JOIN LATERAL (
        VALUES ('{TriggerType.NEIGHBOR_PERMITS}', {neighbor_strength_expression("permits")}, permits, {_NOW}),
               ('{TriggerType.ROOF_AGE}', {roof_age_strength_expression("years")}, years, {_NOW}),
               ('{TriggerType.PROPERTY_SALE}', {sale_strength_expression("sold_at", _NOW)}, NULL, sold_at)
     ) AS reason (kind, strength, measure, occurred_at)
     WHERE strength IS NOT NULL
"""  # noqa: S608 - built from rule tables, values are bound
_FIND: Final = (
    # Hashing a million rows within the default 4 MB would go through the disk.
    "SET LOCAL work_mem = '64MB'",
    _NEIGHBORS,
    "ANALYZE warm",
    _FOUND,
    "ANALYZE reasons",
)
_FORGET: Final = """
    DELETE FROM parcel_triggers known
     WHERE city_id = :city_id AND NOT EXISTS (
        SELECT 1 FROM reasons
         WHERE reasons.parcel_id = known.parcel_id AND reasons.trigger_type = known.trigger_type)
"""
# What is as it was is sorted out before: ON CONFLICT locks the rows it leaves alone, and a lock is a write.
_STORE: Final = f"""
    INSERT INTO parcel_triggers (city_id, parcel_id, trigger_type, strength, measure, occurred_at, expires_at)
    SELECT :city_id, reasons.parcel_id, reasons.trigger_type, reasons.strength, reasons.measure, way.began_at,
           {expiry_expression("reasons.trigger_type", "way.began_at")}
      FROM reasons
      LEFT JOIN parcel_triggers known ON known.city_id = :city_id AND known.parcel_id = reasons.parcel_id
                                     AND known.trigger_type = reasons.trigger_type
     CROSS JOIN LATERAL (SELECT CASE WHEN reasons.trigger_type = ANY (:holding) AND known.expires_at > {_NOW}
                                     THEN known.occurred_at ELSE reasons.occurred_at END AS began_at) way
     WHERE (known.strength, known.measure, known.occurred_at)
           IS DISTINCT FROM (reasons.strength, reasons.measure, way.began_at)
     ORDER BY reasons.parcel_id, reasons.trigger_type
    ON CONFLICT (city_id, parcel_id, trigger_type) DO UPDATE
       SET strength = excluded.strength, measure = excluded.measure, occurred_at = excluded.occurred_at,
           expires_at = excluded.expires_at
"""  # noqa: S608 - built from rule tables, values are bound
_OF_PARCELS: Final = text(
    f"""
    SELECT parcel_id, trigger_type, strength, measure, occurred_at, expires_at FROM parcel_triggers
     WHERE parcel_id = ANY (:ids) AND city_id IN (SELECT city_id FROM parcels WHERE id = ANY (:ids))
     UNION ALL
    SELECT struck.parcel_id, '{TriggerType.WEATHER_EVENT}', struck.strength, NULL, storm.began_at,
           {expiry_expression(f"'{TriggerType.WEATHER_EVENT}'", "storm.began_at")}
      FROM parcel_storms struck JOIN weather_events storm ON storm.id = struck.weather_event_id
     WHERE struck.parcel_id = ANY (:ids) AND struck.city_id IN (SELECT city_id FROM parcels WHERE id = ANY (:ids))
     ORDER BY 1, 2
    """  # noqa: S608 - built from rule tables, values are bound
)


class ParcelTriggerRepository:
    """Writes parcel_triggers."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def derive(self, city_id: UUID, *, as_of: date | None = None) -> int:
        """Store what speaks for each parcel of a city, storms aside, as of now unless said otherwise; the rows written.

        A reason that is a state keeps its beginning while it holds and has not expired. Rows that say the same stay untouched.
        """
        values = {"city_id": city_id, "as_of": as_of}
        for statement in _FIND:
            await self._session.execute(text(statement), values)
        gone = await self._session.execute(text(_FORGET), values)
        stored = await self._session.execute(text(_STORE), {**values, "holding": list(HOLDING)})
        return int(gone.rowcount + stored.rowcount)  # type: ignore[attr-defined]

    async def of_parcels(self, parcel_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
        """Every stored reason of parcels, their strongest storm among them, by parcel and type."""
        return (await self._session.execute(_OF_PARCELS, {"ids": list(parcel_ids)})).all()
