"""Where addresses lie: what geocoders said, and the parcels and permits that are placed by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.geo import METRES_PER_MILE

KNOWN = text(
    """
    SELECT g.match_level, g.accuracy, g.confidence, g.lat, g.lng, g.matched_address, g.zip, g.time_zone, g.source,
           g.fetched_at, s.licence_id
      FROM geocodes g LEFT JOIN compliance.source_registry s ON s.source_key = g.source
     WHERE g.state = :state AND g.address_key = :key
       AND (g.match_level <> 'none' OR g.fetched_at > now() - make_interval(days => :days))
    """
)
KEEP = text(
    """
    INSERT INTO geocodes AS known (state, address_key, match_level, accuracy, confidence, lat, lng, matched_address, zip,
                                   time_zone, source)
    SELECT state, address_key, match_level, accuracy, confidence, lat, lng, matched_address, zip, time_zone, source
      FROM jsonb_to_recordset(CAST(:rows AS jsonb))
           AS row(state text, address_key text, match_level text, accuracy text, confidence numeric, lat numeric,
                  lng numeric, matched_address text, zip text, time_zone text, source text)
        ON CONFLICT (state, address_key) DO UPDATE
       SET match_level = excluded.match_level, accuracy = excluded.accuracy, confidence = excluded.confidence,
           lat = excluded.lat, lng = excluded.lng, matched_address = excluded.matched_address, zip = excluded.zip,
           time_zone = excluded.time_zone, source = excluded.source, fetched_at = now()
     WHERE excluded.match_level <> 'none' OR known.match_level = 'none'
    """
)
UNPLACED = text(
    """
    SELECT DISTINCT ON (r.state, r.address_key) r.state, r.address_key, r.address, r.city, r.zip
      FROM (SELECT state, address_key, address, city, zip FROM parcels WHERE city_id = :city_id AND geom IS NULL
            UNION ALL
            SELECT state, address_key, address, city, zip FROM roofing_permits
             WHERE city_id = :city_id AND geom IS NULL AND state IS NOT NULL AND city IS NOT NULL) AS r
     WHERE r.address_key !~ '^\\|'
       AND NOT EXISTS (SELECT 1 FROM geocodes g
                        WHERE g.state = r.state AND g.address_key = r.address_key
                          AND (g.match_level <> 'none' OR g.fetched_at > now() - make_interval(days => :days)))
     ORDER BY r.state, r.address_key, r.zip NULLS LAST LIMIT :limit
    """
)
# A match in another town of the same name is none: the city's centre says so.
_SURE = """
    g.state = t.state AND g.address_key = t.address_key AND g.confidence >= :confidence AND t.city_id = :city_id
    AND t.geom IS NULL AND c.id = t.city_id
    AND (c.center IS NULL OR ST_DWithin(c.center, ST_SetSRID(ST_MakePoint(g.lng, g.lat), 4326)::geography, :metres))
"""
_PLACE = """
    UPDATE {table} t SET lat = g.lat, lng = g.lng, zip = coalesce(t.zip, g.zip),
           geom = ST_SetSRID(ST_MakePoint(g.lng, g.lat), 4326)::geography
      FROM geocodes g, target_cities c
     WHERE {sure}
"""
PLACE_PARCELS = text(
    f"""
    WITH placed AS ({_PLACE.format(table="parcels", sure=_SURE)}
        RETURNING t.id, g.source, g.fetched_at, g.confidence
    ), told AS (
        INSERT INTO compliance.provenance (entity, entity_id, field, source, licence_id, fetched_at, confidence)
        SELECT 'parcels', p.id, 'geom', p.source, s.licence_id, p.fetched_at, p.confidence
          FROM placed p LEFT JOIN compliance.source_registry s ON s.source_key = p.source
            ON CONFLICT (entity, entity_id, field) DO UPDATE
           SET source = excluded.source, licence_id = excluded.licence_id, fetched_at = excluded.fetched_at,
               confidence = excluded.confidence
    )
    SELECT count(*) FROM placed
    """  # noqa: S608 - table names of ours
)
PLACE_PERMITS = text(_PLACE.format(table="roofing_permits", sure=_SURE))
# The county's own point of the house is nearer than any geocoder's.
PLACE_BY_PARCELS = text(
    """
    UPDATE roofing_permits t SET lat = p.lat, lng = p.lng, geom = p.geom, zip = coalesce(t.zip, p.zip)
      FROM parcels p
     WHERE t.city_id = :city_id AND t.geom IS NULL AND p.city_id = t.city_id AND p.state = t.state
       AND p.address_key = t.address_key AND p.geom IS NOT NULL
    """
)
# A house lies in the ZIP area of all its nearest neighbours; on a border, where they differ, it stays without.
ZIP_BY_NEIGHBOURS = text(
    """
    WITH told AS (
        SELECT house.id, min(near.zip) AS zip
          FROM parcels house
         CROSS JOIN LATERAL (
             SELECT p.zip FROM parcels p
              WHERE p.city_id = house.city_id AND p.zip IS NOT NULL AND ST_DWithin(p.geom, house.geom, :metres)
              ORDER BY p.geom <-> house.geom, p.id LIMIT :neighbours) near
         WHERE house.city_id = :city_id AND house.zip IS NULL AND house.geom IS NOT NULL
         GROUP BY house.id HAVING count(*) = :neighbours AND count(DISTINCT near.zip) = 1
    ), zipped AS (
        UPDATE parcels t SET zip = told.zip FROM told WHERE t.id = told.id RETURNING t.id
    ), noted AS (
        INSERT INTO compliance.provenance (entity, entity_id, field, source, fetched_at, confidence)
        SELECT 'parcels', id, 'zip', 'neighbours', now(), :confidence FROM zipped
            ON CONFLICT (entity, entity_id, field) DO UPDATE
           SET source = excluded.source, fetched_at = excluded.fetched_at, confidence = excluded.confidence
    )
    SELECT count(*) FROM zipped
    """
)
NEIGHBOURS, NEIGHBOUR_METRES, NEIGHBOUR_CONFIDENCE = 5, 400, 0.9
UNSURE = text(
    """
    SELECT count(*) FILTER (WHERE g.match_level = 'none') AS unmatched,
           count(*) FILTER (WHERE g.match_level <> 'none') AS unsure
      FROM (SELECT state, address_key FROM parcels WHERE city_id = :city_id AND geom IS NULL
            UNION
            SELECT state, address_key FROM roofing_permits WHERE city_id = :city_id AND geom IS NULL) AS house
      JOIN geocodes g USING (state, address_key)
    """
)
OTHER_ZONES = text(
    """
    SELECT g.time_zone, count(*) AS houses
      FROM parcels p
      JOIN geocodes g ON g.state = p.state AND g.address_key = p.address_key
      JOIN target_cities c ON c.id = p.city_id
     WHERE p.city_id = :city_id AND g.time_zone <> c.time_zone AND g.confidence >= :confidence
     GROUP BY g.time_zone
    """
)
CITY = text(
    "SELECT city, state, time_zone FROM target_cities WHERE lower(city) = lower(:city) AND state = :state"
)
PROPERTY = text(
    """
    SELECT p.id, p.apn, p.county, p.address, p.city, p.state, p.zip, p.lat, p.lng, p.property_type, p.use_code,
           p.year_built, p.stories, p.sqft, p.lot_size, p.beds, p.baths, p.assessed_value, p.market_value, p.tax_amount,
           p.last_sale_on, p.last_sale_price, p.roof_material, p.owner_occupied, p.source, p.fetched_at, s.licence_id
      FROM parcels p LEFT JOIN compliance.source_registry s ON s.source_key = p.source
     WHERE p.id = :id
    """
)
TOLD = text(
    """
    SELECT field, source, licence_id, fetched_at, confidence FROM compliance.provenance
     WHERE entity = 'parcels' AND entity_id = :id
    """
)
AGAIN_DAYS = 90
"""An address that a geocoder did not know is asked for again: new streets reach the Census files late."""


class PlaceRepository:
    """Writes geocodes, and the points of parcels and permits whose source gave none."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def known(self, state: str, key: str) -> RowMapping | None:
        """What a geocoder has said of this address, while it holds."""
        values = {"state": state, "key": key, "days": AGAIN_DAYS}
        return (await self._session.execute(KNOWN, values)).mappings().one_or_none()

    async def keep(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Keep what a geocoder said; that it knows nothing does not overwrite what another knew."""
        await self._session.execute(KEEP, {"rows": orjson.dumps(list(rows), default=str).decode()})

    async def place_by_parcels(self, city_id: UUID) -> int:
        """Permits that got the point of the parcel at their address."""
        placed = await self._session.execute(PLACE_BY_PARCELS, {"city_id": city_id})
        return int(placed.rowcount)  # type: ignore[attr-defined]

    async def unplaced(self, city_id: UUID, *, limit: int) -> Sequence[Row[Any]]:
        """Addresses of a city's parcels and permits without a point that no geocoder was asked for."""
        values = {"city_id": city_id, "limit": limit, "days": AGAIN_DAYS}
        return (await self._session.execute(UNPLACED, values)).all()

    async def place(self, city_id: UUID, *, confidence: float, radius_miles: float) -> tuple[int, int]:
        """Parcels and permits that got a point by a sure match inside the city's reach."""
        values = {"city_id": city_id, "confidence": confidence, "metres": radius_miles * METRES_PER_MILE}
        parcels = (await self._session.execute(PLACE_PARCELS, values)).scalar_one()
        permits = (await self._session.execute(PLACE_PERMITS, values)).rowcount  # type: ignore[attr-defined]
        return int(parcels), int(permits)

    async def zips_by_neighbours(self, city_id: UUID) -> int:
        """Parcels whose ZIP code nobody told, and that got the one which all of their nearest neighbours have."""
        values = {
            "city_id": city_id,
            "neighbours": NEIGHBOURS,
            "metres": NEIGHBOUR_METRES,
            "confidence": NEIGHBOUR_CONFIDENCE,
        }
        return int((await self._session.execute(ZIP_BY_NEIGHBOURS, values)).scalar_one())

    async def left_out(self, city_id: UUID) -> Row[Any]:
        """Addresses that stay without a point: unknown to the geocoder, or matched too vaguely."""
        return (await self._session.execute(UNSURE, {"city_id": city_id})).one()

    async def other_zones(self, city_id: UUID, *, confidence: float) -> dict[str, int]:
        """Houses of a city that lie in another time zone than the city's own, by zone."""
        rows = await self._session.execute(OTHER_ZONES, {"city_id": city_id, "confidence": confidence})
        return {row.time_zone: row.houses for row in rows}

    async def city(self, city: str, state: str) -> Row[Any] | None:
        """A target city by its name."""
        return (await self._session.execute(CITY, {"city": city, "state": state})).one_or_none()

    async def property(self, parcel_id: UUID) -> tuple[Row[Any], dict[str, Row[Any]]]:
        """A parcel's facts, and where those came from that another source gave, by field."""
        row = (await self._session.execute(PROPERTY, {"id": parcel_id})).one()
        told = await self._session.execute(TOLD, {"id": parcel_id})
        return row, {one.field: one for one in told}
