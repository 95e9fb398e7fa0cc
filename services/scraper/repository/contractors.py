"""Roofers as the stored permits of a city show them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.scraper.domain.contractor_names import name_key_expression
from services.scraper.domain.roofing_classifier import RoofingWork

TRENDING_DAYS = 90
AREAS = 20

# A clerk writes the licence on some of a company's permits: its name carries the licence to the others.
OF_CITY = text(
    f"""
    WITH work AS (
        SELECT {name_key_expression("contractor_name")} AS name_key, contractor_name, zip, issue_date, estimated_value,
               nullif(upper(regexp_replace(contractor_license, '[^A-Za-z0-9]', '', 'g')), '') AS licence,
               roof_work = '{RoofingWork.REROOF}' AS is_reroof
          FROM roofing_permits
         WHERE city_id = :city_id AND contractor_name IS NOT NULL
           AND roof_work IN ('{RoofingWork.REROOF}', '{RoofingWork.REPAIR}')
    ), licences AS (
        SELECT name_key, mode() WITHIN GROUP (ORDER BY licence) AS licence FROM work GROUP BY name_key
    ), jobs AS (
        SELECT coalesce(w.licence, l.licence, w.name_key) AS contractor, w.*, coalesce(w.licence, l.licence) AS known_licence
          FROM work w JOIN licences l USING (name_key)
    ), areas AS (
        SELECT contractor, array_agg(zip ORDER BY jobs DESC, zip) AS zips
          FROM (SELECT contractor, zip, count(*) AS jobs FROM jobs WHERE zip IS NOT NULL GROUP BY 1, 2) AS by_zip
         GROUP BY contractor
    )
    SELECT mode() WITHIN GROUP (ORDER BY j.contractor_name) AS company_name, max(j.known_licence) AS license_number,
           count(*) AS jobs, count(*) FILTER (WHERE j.is_reroof) AS reroofs,
           count(*) FILTER (WHERE j.issue_date > current_date - {TRENDING_DAYS}) AS jobs_last_{TRENDING_DAYS}_days,
           CAST(sum(j.estimated_value) AS float8) AS total_value_usd,
           CAST(round(avg(j.estimated_value), 2) AS float8) AS average_value_usd,
           min(j.issue_date)::text AS first_permit_on, max(j.issue_date)::text AS last_permit_on,
           coalesce((SELECT a.zips[1:{AREAS}] FROM areas a WHERE a.contractor = j.contractor), '{{}}') AS zips
      FROM jobs j
     GROUP BY j.contractor ORDER BY jobs DESC, j.contractor LIMIT :most
    """  # noqa: S608 - rule tables and numbers of ours
)


class ContractorRepository:
    """Reads who worked on a city's roofs."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def of_city(self, city_id: UUID, most: int) -> list[dict[str, Any]]:
        """The companies with re-roofs and repairs in a city, most jobs first."""
        rows = await self._session.execute(OF_CITY, {"city_id": city_id, "most": most})
        return [dict(row) for row in rows.mappings()]
