"""HVAC: one statement from stored permits to houses with the age of their systems, and to leads."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.lead_generator.domain.hvac import LEAD_FROM_YEARS
from services.lead_generator.domain.hvac_sql import (
    dates_a_system,
    normal_address_expression,
    score_expression,
    tier_expression,
    years_expression,
)

LOCK = text("SELECT pg_advisory_xact_lock(hashtext('hvac_properties'))")

_TODAY = "coalesce(CAST(:today AS date), current_date)"
_COLUMNS = (
    "county_id", "address", "normalized_address", "city", "zip", "lat", "lng", "geom", "newest_permit_id",
    "newest_permit_on", "permit_count", "system_age_years", "lead_score", "lead_tier",
)  # fmt: skip
_KNOWN = ", ".join(f"known.{name}" for name in _COLUMNS if name != "geom")
_FRESH = ", ".join(f"excluded.{name}" for name in _COLUMNS if name != "geom")

# A county's run looks at the houses that its permits name, with whatever another agency knows of them. A house whose
# permits were all cancelled since keeps its row without an age, and its lead is withdrawn.
AGGREGATE: TextClause = text(
    f"""
    WITH touched AS MATERIALIZED (
        SELECT DISTINCT state, address_key FROM roofing_permits
         WHERE vertical = 'hvac' AND address_key IS NOT NULL
           AND (CAST(:county_id AS uuid) IS NULL OR county_id = :county_id)
    ), houses AS MATERIALIZED (
        SELECT DISTINCT ON (p.state, p.address_key) p.id AS newest_permit_id, p.issue_date AS newest_permit_on, p.county_id,
               p.state, p.address_key, p.address, p.city, p.zip, p.lat, p.lng, p.geom,
               {normal_address_expression("p.address")} AS normalized_address,
               count(*) OVER (PARTITION BY p.state, p.address_key) AS permit_count,
               {years_expression("p.issue_date", _TODAY)} AS system_age_years
          FROM roofing_permits p JOIN touched USING (state, address_key)
         WHERE p.vertical = 'hvac' AND {dates_a_system("p.issue_date", "p.permit_status", _TODAY)}
         ORDER BY p.state, p.address_key, p.issue_date DESC, p.permit_number DESC
    ), kept AS (
        INSERT INTO hvac_properties AS known (state, address_key, {", ".join(_COLUMNS)})
        SELECT state, address_key, county_id, address, normalized_address, city, zip, lat, lng, geom, newest_permit_id,
               newest_permit_on, permit_count, system_age_years, {score_expression("system_age_years")},
               {tier_expression("system_age_years")}
          FROM houses ORDER BY state, address_key
            ON CONFLICT (state, address_key) DO UPDATE
           SET {", ".join(f"{name} = excluded.{name}" for name in _COLUMNS)}
         WHERE ({_KNOWN}) IS DISTINCT FROM ({_FRESH})
        RETURNING id, system_age_years, (xmax = 0) AS is_new
    ), emptied AS (
        UPDATE hvac_properties known
           SET newest_permit_id = NULL, newest_permit_on = NULL, permit_count = 0, system_age_years = NULL,
               lead_score = NULL, lead_tier = NULL
          FROM touched t
         WHERE (known.state, known.address_key) = (t.state, t.address_key) AND known.permit_count > 0
           AND NOT EXISTS (SELECT 1 FROM houses h WHERE (h.state, h.address_key) = (t.state, t.address_key))
        RETURNING known.id
    ), qualified AS (
        INSERT INTO hvac_leads AS known (property_id)
        SELECT id FROM kept WHERE system_age_years >= {LEAD_FROM_YEARS} ORDER BY id
            ON CONFLICT (property_id) DO UPDATE SET status = 'qualified' WHERE known.status <> 'qualified'
        RETURNING (xmax = 0) AS is_new
    ), withdrawn AS (
        UPDATE hvac_leads lead SET status = 'withdrawn'
         WHERE lead.status = 'qualified' AND lead.property_id IN (
               SELECT id FROM kept WHERE system_age_years < {LEAD_FROM_YEARS} UNION ALL SELECT id FROM emptied)
        RETURNING lead.id
    )
    SELECT (SELECT count(*) FROM touched) AS properties_seen,
           (SELECT count(*) FROM kept WHERE is_new) AS properties_created,
           (SELECT count(*) FROM kept WHERE NOT is_new) + (SELECT count(*) FROM emptied) AS properties_updated,
           (SELECT count(*) FROM qualified WHERE is_new) AS leads_created,
           (SELECT count(*) FROM qualified WHERE NOT is_new) AS leads_restored,
           (SELECT count(*) FROM withdrawn) AS leads_withdrawn
    """  # noqa: S608 - built from rule tables, values are bound
)


RUN_WAITS = text(
    """
    SELECT EXISTS (
        SELECT 1 FROM core.workflow w JOIN core.step s ON s.workflow_id = w.id
         WHERE w.kind = 'hvac_properties' AND w.status = 'running' AND s.status = 'ready'
           AND w.input ->> 'county_id' = CAST(:county_id AS text))
    """
)


class HvacRepository:
    """Houses and leads of the HVAC vertical."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def run_waits(self, county_id: UUID) -> bool:
        """Whether a run over this county's houses is still to be claimed: it will read what is stored now."""
        return bool((await self._session.execute(RUN_WAITS, {"county_id": str(county_id)})).scalar_one())

    async def aggregate(self, county_id: UUID | None = None, *, today: date | None = None) -> dict[str, int]:
        """Bring the houses of a county, or of all, to what their permits say today; what changed, counted."""
        await self._session.execute(LOCK)
        row = (await self._session.execute(AGGREGATE, {"county_id": county_id, "today": today})).one()
        return {name: int(number) for name, number in row._asdict().items()}
