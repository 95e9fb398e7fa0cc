"""The cities' configured sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.scraper.domain.person_fields import Filings, PersonRules
from services.scraper.formats.field_map import PermitSource

SOURCES = text(
    "SELECT city, state, time_zone, sources FROM target_cities WHERE lower(city) = lower(:city) AND state = :state"
)


_CITY = """
    SELECT id, city, state, county, time_zone, sources, assessor_config, assessor_url, sandbox, active,
           ST_Y(center::geometry) AS lat, ST_X(center::geometry) AS lng
      FROM target_cities
"""
CITY = text(_CITY + " WHERE id = :id")
CITY_BY_NAME = text(_CITY + " WHERE lower(city) = lower(:city) AND upper(state) = upper(:state)")

ACTIVE = text(
    """
    SELECT id FROM target_cities
     WHERE active AND jsonb_array_length(coalesce(sources -> 'permit_sources', '[]'::jsonb)) > 0
     ORDER BY state, city
    """
)

REGISTRY = text(
    """
    SELECT source_key, enabled, tos, tos_basis, commercial_use, licence_id, requests_per_second, concurrency
      FROM compliance.source_registry WHERE source_key = ANY (:keys)
    """
)

KEEP_CHECK = text(
    """
    UPDATE compliance.source_registry
       SET checked_at = now(), newest_row_at = coalesce(CAST(:newest AS timestamptz), newest_row_at),
           check_result = CAST(:result AS jsonb)
     WHERE source_key = :key
    """
)

FILINGS = text(
    """
    SELECT kind, state, coalesce(source_key, '') AS source FROM compliance.registration_in_force
    UNION ALL
    SELECT 'switch', state, '' FROM (
        SELECT DISTINCT ON (state) state, sale_enabled FROM compliance.state_policy
         WHERE effective_from <= current_date ORDER BY state, version DESC) AS newest
     WHERE sale_enabled
    UNION ALL
    SELECT 'use:' || commercial_use, '', source_key FROM compliance.source_registry
     WHERE commercial_use IN ('prohibited', 'statement_required')
    """
)

NOTE_SCRAPE = text(
    """
    UPDATE target_cities SET first_scraped_at = coalesce(first_scraped_at, now()), last_scraped_at = now(),
           total_permits_found = (SELECT count(*) FROM roofing_permits
                                   WHERE city_id = :id AND vertical = 'roofing')
     WHERE id = :id
    RETURNING (SELECT max(issue_date) FROM roofing_permits WHERE city_id = :id AND vertical = 'roofing')
    """
)

_PROPERTY = """
    SELECT l.id AS lead_id, p.id AS parcel_id, p.apn, p.address, p.source, c.id AS city_id, c.city, c.state,
           c.assessor_config, c.assessor_url, c.sources
"""
PROPERTY = text(
    f"""
    {_PROPERTY}
      FROM base_leads l JOIN target_cities c ON c.id = l.city_id LEFT JOIN parcels p ON p.id = l.parcel_id
     WHERE l.id = :id
    """
)
PROPERTY_OF_PARCEL = text(
    f"""
    {_PROPERTY}
      FROM parcels p JOIN target_cities c ON c.id = p.city_id
      LEFT JOIN base_leads l ON l.parcel_id = p.id WHERE p.id = :id ORDER BY l.id LIMIT 1
    """
)

STORE_FACTS = text(
    """
    UPDATE parcels SET year_built = coalesce(:year_built, year_built), sqft = coalesce(:sqft, sqft),
           stories = coalesce(:stories, stories), beds = coalesce(:beds, beds), baths = coalesce(:baths, baths),
           market_value = coalesce(:market_value, market_value), assessed_value = coalesce(:assessed_value, assessed_value),
           tax_amount = coalesce(:tax_amount, tax_amount), last_sale_on = coalesce(:last_sale_on, last_sale_on),
           last_sale_price = coalesce(:last_sale_price, last_sale_price), roof_material = coalesce(:roof_material, roof_material)
     WHERE id = :id
    """
)

STORE_PROVENANCE = text(
    """
    INSERT INTO compliance.provenance (entity, entity_id, field, source, licence_id, fetched_at, confidence)
    SELECT 'parcels', :id, f, :source, (SELECT s.licence_id FROM compliance.source_registry s WHERE s.source_key = :source),
           :fetched_at, 0.95
      FROM unnest(CAST(:fields AS text[])) AS f
    ON CONFLICT (entity, entity_id, field) DO UPDATE
       SET source = excluded.source, licence_id = excluded.licence_id, fetched_at = excluded.fetched_at,
           confidence = excluded.confidence
    """
)


class CityRepository:
    """Reads target_cities and what hangs on a city; writes its scraping times."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def city(self, city_id: UUID) -> Row[Any] | None:
        """A city with its place, its sources and its assessor's recipe."""
        return (await self._session.execute(CITY, {"id": city_id})).one_or_none()

    async def by_name(self, city: str, state: str) -> Row[Any] | None:
        """The same by name, in any case."""
        return (await self._session.execute(CITY_BY_NAME, {"city": city, "state": state})).one_or_none()

    async def active_with_permit_feeds(self) -> Sequence[UUID]:
        """Cities whose permits are read every day."""
        return (await self._session.execute(ACTIVE)).scalars().all()

    async def registry(self, keys: Sequence[str]) -> dict[str, Row[Any]]:
        """Registry rows of sources by key."""
        rows = (await self._session.execute(REGISTRY, {"keys": list(keys)})).all()
        return {row.source_key: row for row in rows}

    async def keep_check(self, key: str, result: Mapping[str, Any], newest: str | None) -> None:
        """Keep a source's verdict with its licence row; the day of the newest row ever seen stays."""
        values = {"key": key, "result": orjson.dumps(result).decode(), "newest": newest}
        await self._session.execute(KEEP_CHECK, values)

    async def person_rules(self, laws: Mapping[str, Mapping[str, str]]) -> PersonRules:
        """The states' rules on person fields against what is filed today."""
        rows = (await self._session.execute(FILINGS)).all()
        filings = Filings(
            statements=frozenset((row.state, row.source) for row in rows if row.kind == "az_statement"),
            brokers=frozenset(row.state for row in rows if row.kind == "broker"),
            switched_on=frozenset(row.state for row in rows if row.kind == "switch"),
        )
        uses = {row.source: row.kind[4:] for row in rows if row.kind.startswith("use:")}
        return PersonRules(laws, filings, uses)

    async def note_scrape(self, city_id: UUID) -> date | None:
        """Bring a city's scraping times and permit count up to date; the day of its newest permit."""
        return (await self._session.execute(NOTE_SCRAPE, {"id": city_id})).scalar_one_or_none()

    async def property(self, lead_id: UUID) -> Row[Any] | None:
        """The parcel behind a lead and the assessor who knows it."""
        return (await self._session.execute(PROPERTY, {"id": lead_id})).one_or_none()

    async def property_of_parcel(self, parcel_id: UUID) -> Row[Any] | None:
        """The same for a parcel, with its lead where it is one."""
        return (await self._session.execute(PROPERTY_OF_PARCEL, {"id": parcel_id})).one_or_none()

    async def store_assessor_facts(self, parcel_id: UUID, facts: Mapping[str, Any]) -> None:
        """What the assessor's page says of a parcel; what it leaves out stays as it was."""
        await self._session.execute(STORE_FACTS, {"id": parcel_id, **facts})

    async def store_provenance(
        self, parcel_id: UUID, fields: Sequence[str], source: Mapping[str, Any]
    ) -> None:
        """Where each field of a parcel came from, and when."""
        await self._session.execute(STORE_PROVENANCE, {"id": parcel_id, "fields": list(fields), **source})

    async def permit_source(self, city: str, state: str, key: str) -> PermitSource | None:
        """The configured permit source of that key, ready to read rows with, or None."""
        row = (await self._session.execute(SOURCES, {"city": city, "state": state})).one_or_none()
        if row is None:
            return None
        config = _by_key((row.sources or {}).get("permit_sources") or [], key)
        if config is None:
            return None
        return PermitSource.from_config(key, config, city=row.city, state=row.state, time_zone=row.time_zone)


def _by_key(entries: Sequence[Mapping[str, Any]], key: str) -> Mapping[str, Any] | None:
    return next((entry for entry in entries if entry.get("key") == key and entry.get("field_map")), None)
