"""Prospecting: one statement over a city's parcels, their storms and permits; another that makes leads of the best."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row, TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.lead_generator.domain.prospecting import NEIGHBOR_RADIUS_MILES, NEIGHBOR_WINDOW_DAYS
from services.lead_generator.domain.prospecting_sql import (
    ParcelColumns,
    exclusion_expression,
    house_age_expression,
    pre_score_expression,
    reasons_expression,
    roof_age_expression,
)
from shared.db.geo import METRES_PER_MILE

_NEIGHBOR_METRES = NEIGHBOR_RADIUS_MILES * METRES_PER_MILE
# A recording is judged as of its own last day; everything else as of today.
_TODAY = "coalesce(CAST(:as_of AS date), current_date)"
_PARCEL = ParcelColumns(
    today=_TODAY, opted_out="parcel.id = ANY (CAST(:opted_out AS uuid[]))", state_sales_on="policy.on"
)

# The temporary table lives for the transaction: judged once, then counted and cut from the same rows. What lies around a
# parcel is looked up per parcel by index: aggregates joined afterwards are computed again for every parcel whenever the
# planner, without statistics after a large load, takes the city to be one row.
JUDGE: TextClause = text(
    f"""
    CREATE TEMPORARY TABLE judged ON COMMIT DROP AS
    SELECT parcel.id, parcel.state, parcel.address_key, {reasons_expression(_PARCEL)} AS reasons,
           {exclusion_expression(_PARCEL)} AS exclusion, {pre_score_expression(_PARCEL)} AS pre_score,
           {roof_age_expression(_PARCEL)} AS roof_age, {house_age_expression(_PARCEL)} AS house_age,
           neighbors.permits_30d, neighbors.permits_60d, neighbors.permits_90d
      FROM parcels parcel
      LEFT JOIN parcel_storms storm ON storm.city_id = :city_id AND storm.parcel_id = parcel.id
     CROSS JOIN LATERAL (
        SELECT count(*) AS permits_90d,
               count(*) FILTER (WHERE r.issue_date > {_TODAY} - 60) AS permits_60d,
               count(*) FILTER (WHERE r.issue_date > {_TODAY} - 30) AS permits_30d
          FROM roofing_permits r
         WHERE ST_DWithin(r.geom, parcel.geom, {_NEIGHBOR_METRES})
           AND r.reroof AND r.vertical = 'roofing' AND r.issue_date > {_TODAY} - {NEIGHBOR_WINDOW_DAYS} AND r.issue_date <= {_TODAY}
           AND r.address_key IS DISTINCT FROM parcel.address_key
     ) neighbors
     CROSS JOIN (SELECT CAST(:sales_on AS boolean) AS on) policy
     WHERE parcel.city_id = :city_id
    """  # noqa: S608 - built from rule tables, values are bound
)

COUNT_JUDGED = text(
    """
    SELECT CASE WHEN exclusion IS NOT NULL THEN 'excluded_' || exclusion
                WHEN cardinality(reasons) = 0 THEN 'no_reason' ELSE 'candidates' END AS verdict, count(*) AS n
      FROM judged GROUP BY 1
    """
)

# Leads already known keep their state; the cut counts only houses that are new.
INSERT_PROSPECTS = text(
    """
    WITH chosen AS (
        SELECT j.* FROM judged j
         WHERE j.exclusion IS NULL AND cardinality(j.reasons) > 0
           AND NOT EXISTS (SELECT 1 FROM base_leads l WHERE l.state = j.state AND l.address_key = j.address_key)
         ORDER BY j.pre_score DESC, j.address_key LIMIT :cap
    ), leads AS (
        INSERT INTO base_leads (vertical_id, address, city, state, zip, lat, lng, geom, property_value, year_built, sqft,
            lot_size, beds, baths, property_type, owner_name, owner_name_hash, owner_occupied, city_id, parcel_id,
            address_key, unit, county, apn, time_zone, subject_id, mailing_address, mailing_address_hash, last_sale_on,
            last_sale_price, pre_score, prospect_reason, roof_installed_on, roof_age_low, roof_age_mid, roof_age_high,
            roof_age_evidence, roof_material, sandbox)
        SELECT v.id, p.address, p.city, p.state, p.zip, p.lat, p.lng, p.geom, nullif(coalesce(p.market_value, p.assessed_value), 0),
               nullif(p.year_built, 0), nullif(p.sqft, 0), p.lot_size, p.beds, p.baths, p.property_type,
               p.owner_name, p.owner_name_hash, p.owner_occupied, p.city_id, p.id, p.address_key, p.unit, p.county,
               p.apn, c.time_zone, p.subject_id, p.mailing_address, p.mailing_address_hash, p.last_sale_on,
               nullif(p.last_sale_price, 0), chosen.pre_score, chosen.reasons, p.roof_installed_on,
               CASE WHEN p.roof_installed_on IS NULL THEN CASE WHEN chosen.house_age IS NOT NULL THEN 0 END
                    ELSE chosen.roof_age END, chosen.roof_age,
               CASE WHEN p.roof_installed_on IS NULL THEN chosen.house_age ELSE chosen.roof_age END,
               CASE WHEN p.roof_installed_on IS NOT NULL THEN coalesce(p.roof_evidence, 'permit')
                    WHEN chosen.house_age IS NOT NULL THEN 'year_built' END, p.roof_material, c.sandbox
          FROM chosen JOIN parcels p ON p.id = chosen.id JOIN target_cities c ON c.id = p.city_id
         CROSS JOIN verticals v WHERE v.slug = 'roofing'
        ON CONFLICT (state, address_key) DO NOTHING
        RETURNING id, vertical_id, parcel_id, city_id, roof_age_mid, roof_installed_on
    ), details AS (
        INSERT INTO roofing_leads (base_lead_id, vertical_id, estimated_roof_age, last_roof_permit, neighbor_permits_30d,
                                   neighbor_permits_60d, neighbor_permits_90d)
        SELECT l.id, l.vertical_id, l.roof_age_mid, l.roof_installed_on, j.permits_30d, j.permits_60d, j.permits_90d
          FROM leads l JOIN judged j ON j.id = l.parcel_id
        ON CONFLICT (base_lead_id) DO NOTHING
    ), origin AS (
        INSERT INTO compliance.provenance (entity, entity_id, field, source, licence_id, fetched_at, confidence)
        SELECT 'base_leads', l.id, f.field, p.source, coalesce(p.licence_id, s.licence_id), p.fetched_at, 0.9
          FROM leads l JOIN parcels p ON p.id = l.parcel_id
          LEFT JOIN compliance.source_registry s ON s.source_key = p.source,
               LATERAL (VALUES ('owner_name', p.owner_name IS NOT NULL), ('mailing_address', p.mailing_address IS NOT NULL),
                               ('property_value', coalesce(p.market_value, p.assessed_value) > 0),
                               ('year_built', p.year_built > 0), ('sqft', p.sqft > 0), ('address', true)) AS f (field, present)
         WHERE f.present
        ON CONFLICT DO NOTHING
    )
    SELECT id, city_id FROM leads
    """
)

# PR-8: a person's fields leave where the state's law or the source's own row forbids selling them.
STRIP_PERSON_FIELDS = text(
    """
    WITH forbidden AS (
        SELECT l.id FROM base_leads l
          JOIN compliance.provenance p ON p.entity = 'base_leads' AND p.entity_id = l.id AND p.field IN ('owner_name', 'mailing_address')
          LEFT JOIN compliance.source_registry s ON s.source_key = p.source
         WHERE l.id = ANY (:ids)
           AND (coalesce(s.commercial_use, 'unknown') IN ('prohibited', 'unknown')
                OR (l.state = ANY (:prohibited_states) AND coalesce(s.government, true)))
    ), stripped AS (
        UPDATE base_leads l SET owner_name = NULL, owner_name_hash = NULL, mailing_address = NULL, mailing_address_hash = NULL
          FROM forbidden f WHERE l.id = f.id RETURNING l.id
    )
    SELECT count(*) FROM stripped
    """
)


class ProspectRepository:
    """Set-based prospecting of one city."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def city(self, city_id: UUID) -> Row[Any] | None:
        """The city with its own cap and its state's sale switch."""
        statement = text(
            """
            SELECT c.id, c.city, c.state, c.daily_prospect_cap, c.sandbox,
                   (SELECT p.sale_enabled FROM compliance.state_policy p
                     WHERE p.state = c.state AND p.effective_from <= current_date ORDER BY p.version DESC LIMIT 1) AS sale_enabled
              FROM target_cities c WHERE c.id = :id
            """
        )
        return (await self._session.execute(statement, {"id": city_id})).one_or_none()

    async def active_cities(self, only: UUID | None = None) -> Sequence[UUID]:
        """Cities whose prospects are looked for; the one that is named, if it is active."""
        statement = text(
            "SELECT id FROM target_cities WHERE active AND (CAST(:only AS uuid) IS NULL OR id = :only)"
        )
        return (await self._session.execute(statement, {"only": only})).scalars().all()

    async def cities_with_leads(self, only: UUID | None = None) -> Sequence[UUID]:
        """Cities that have leads nobody has bought; the one that is named, if it has."""
        statement = text(
            """
            SELECT c.id FROM target_cities c
             WHERE (CAST(:only AS uuid) IS NULL OR c.id = :only)
               AND EXISTS (SELECT 1 FROM base_leads l WHERE l.city_id = c.id
                              AND l.status IN ('processing', 'review', 'available'))
            """
        )
        return (await self._session.execute(statement, {"only": only})).scalars().all()

    async def lock_city(self, city_id: UUID) -> None:
        """Let one transaction at a time count and spend a city's daily prospects."""
        statement = text("SELECT pg_advisory_xact_lock(hashtext('prospect'), hashtext(CAST(:city AS text)))")
        await self._session.execute(statement, {"city": str(city_id)})

    async def suppressed_addresses(self) -> set[str]:
        """Blind indexes of houses whose owners opted out."""
        statement = text(
            """
            SELECT value_hash FROM compliance.suppression
             WHERE kind = 'address' AND scope IN ('global', 'sale') AND (expires_at IS NULL OR expires_at > now())
            """
        )
        return set((await self._session.execute(statement)).scalars())

    async def parcel_keys(self, city_id: UUID) -> Sequence[Row[Any]]:
        """Id, state and address key of every parcel of a city."""
        statement = text("SELECT id, state, address_key FROM parcels WHERE city_id = :id")
        return (await self._session.execute(statement, {"id": city_id})).all()

    async def recording_day(self, city_id: UUID) -> date | None:
        """The day by which 99 of 100 of a city's permits were issued: where a recording ends, a stray date aside."""
        statement = text(
            """
            SELECT percentile_disc(0.99) WITHIN GROUP (ORDER BY issue_date) FROM roofing_permits
             WHERE city_id = :id AND vertical = 'roofing' AND issue_date <= current_date
            """
        )
        day: date | None = (await self._session.execute(statement, {"id": city_id})).scalar_one()
        return day

    async def judge(
        self, city_id: UUID, *, opted_out: Sequence[UUID], sales_on: bool, as_of: date | None = None
    ) -> dict[str, int]:
        """Judge every parcel of a city by the storms matched to it, as of today unless said otherwise; counts by verdict."""
        await self._session.execute(
            JUDGE,
            {"city_id": city_id, "opted_out": list(opted_out), "sales_on": sales_on, "as_of": as_of},
        )
        rows = (await self._session.execute(COUNT_JUDGED)).all()
        return {row.verdict: row.n for row in rows}

    async def insert(self, cap: int) -> list[UUID]:
        """Make leads of the best new candidates; their ids."""
        return list((await self._session.execute(INSERT_PROSPECTS, {"cap": cap})).scalars())

    async def started_today(self, city_id: UUID) -> int:
        """Prospects a city got since midnight UTC."""
        statement = text("SELECT count(*) FROM base_leads WHERE city_id = :id AND created_at >= current_date")
        return int((await self._session.execute(statement, {"id": city_id})).scalar_one())

    async def strip_person_fields(self, lead_ids: Sequence[UUID], prohibited_states: Sequence[str]) -> int:
        """Remove person fields that may not be sold; how many leads lost them."""
        values = {"ids": list(lead_ids), "prohibited_states": list(prohibited_states)}
        return int((await self._session.execute(STRIP_PERSON_FIELDS, values)).scalar_one())
