"""Permits: staged by COPY, upserted by (jurisdiction, permit_number)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.scraper.domain.lines import PERMIT_COLUMNS as COLUMNS
from services.scraper.domain.permit_types import DATES_NO_ROOF
from services.scraper.domain.rows import StatusChange
from services.scraper.repository.staging import Staging, Upserted
from shared.schemas.enums import TradeVertical

TABLE = "staged_permits"
STAGED = ("ordinal", "home_city", "vertical", *COLUMNS, "content_hash")
DEFINITION = f"""
    SELECT 0 AS ordinal, ''::text AS home_city, ''::text AS vertical, {", ".join(COLUMNS)}, content_hash
      FROM roofing_permits WITH NO DATA
"""  # noqa: S608 - column names of ours
# The last row of a number wins: feeds append an amended permit behind its first form. One sort finds it, whatever the
# planner knows of the rows; an ANALYZE before every load took a sixth of its time.
# What the enricher found out about the place of an address holds until the permit names another.
PLACE = ("zip", "lat", "lng")
KNOWN_PLACE = """
    CASE WHEN known.address_key = excluded.address_key THEN coalesce(excluded.{name}, known.{name})
         ELSE excluded.{name} END"""
UPSERT = f"""
    WITH incoming AS (
        SELECT DISTINCT ON (jurisdiction, permit_number) *
          FROM {TABLE}
         ORDER BY jurisdiction, permit_number, ordinal DESC
    ), upserted AS (
        INSERT INTO roofing_permits AS known
               ({", ".join(COLUMNS)}, content_hash, geom, city_id, vertical_id, raw_record_id, vertical, county_id,
                read_method)
        SELECT {", ".join(f"i.{name}" for name in COLUMNS)}, i.content_hash,
               CASE WHEN i.lat IS NOT NULL THEN ST_SetSRID(ST_MakePoint(i.lng, i.lat), 4326)::geography END,
               c.id, v.id, CAST(:raw_record_id AS bigint), CAST(:vertical AS varchar), CAST(:county_id AS uuid),
               CAST(:read_method AS varchar)
          FROM incoming i
          LEFT JOIN target_cities c
            ON c.city = i.home_city AND c.state = i.state AND CAST(:county_id AS uuid) IS NULL
          LEFT JOIN verticals v ON v.slug = i.vertical
            ON CONFLICT (jurisdiction, permit_number) DO UPDATE
           SET {", ".join(f"{name} = excluded.{name}" for name in COLUMNS[2:] if name not in PLACE)},
               {", ".join(f"{name} = {KNOWN_PLACE.format(name=name)}" for name in (*PLACE, "geom"))},
               content_hash = excluded.content_hash,
               city_id = coalesce(excluded.city_id, known.city_id), vertical_id = excluded.vertical_id,
               raw_record_id = excluded.raw_record_id, scraped_at = now(), vertical = excluded.vertical,
               county_id = excluded.county_id, read_method = excluded.read_method
         WHERE known.content_hash <> excluded.content_hash
            OR known.county_id IS DISTINCT FROM excluded.county_id
            OR (known.city_id IS NULL AND excluded.city_id IS NOT NULL)
        RETURNING (xmax = 0) AS is_new
    )
    SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new),
           (SELECT count(*) FROM {TABLE})
      FROM upserted
"""  # noqa: S608 - column names of ours


# The hash goes with the content: whatever row of the permit comes next is an update.
APPLY = text(
    """
    WITH told AS (
        SELECT permit.id, change.place, coalesce(change.permit_status, permit.permit_status) AS permit_status,
               coalesce(change.completion_date, permit.completion_date) AS completion_date
          FROM unnest(CAST(:jurisdictions AS text[]), CAST(:numbers AS text[]), CAST(:statuses AS text[]),
                      CAST(:completed AS date[])) WITH ORDINALITY
               AS change (jurisdiction, permit_number, permit_status, completion_date, place)
          JOIN roofing_permits permit USING (jurisdiction, permit_number)
    ), last AS (
        SELECT DISTINCT ON (id) * FROM told ORDER BY id, place DESC
    ), changed AS (
        UPDATE roofing_permits permit
           SET permit_status = last.permit_status, completion_date = last.completion_date,
               reroof = coalesce(permit.roof_work = 'reroof', false)
                        AND coalesce(last.permit_status <> ALL (CAST(:dating_none AS text[])), true),
               content_hash = md5(concat_ws('|', permit.content_hash, last.permit_status, last.completion_date)),
               raw_record_id = CAST(:raw_record_id AS bigint), scraped_at = now()
          FROM last
         WHERE permit.id = last.id
           AND (permit.permit_status, permit.completion_date)
               IS DISTINCT FROM (last.permit_status, last.completion_date)
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM changed), (SELECT count(*) FROM told)
    """
)


@dataclass(frozen=True, slots=True)
class CountyOfRows:
    """The county whose pull brings the rows; they are no city's."""

    id: UUID
    vertical: str


class PermitRepository:
    """Writes and reads roofing_permits."""

    def __init__(
        self,
        session: AsyncSession,
        *,
        raw_record_id: int | None = None,
        county: CountyOfRows | None = None,
        read_method: str | None = None,
    ) -> None:
        self._session = session
        self._belonging = {
            "raw_record_id": raw_record_id,
            "vertical": county.vertical if county else TradeVertical.ROOFING.value,
            "county_id": county.id if county else None,
            "read_method": read_method,
        }
        self._staging = Staging(session, TABLE, DEFINITION, STAGED)

    async def begin_load(self) -> None:
        """Make room for staged rows in this transaction."""
        await self._staging.prepare()

    async def stage(self, rows: bytes) -> None:
        """Append rows made by `permit_line`, in one piece."""
        await self._staging.copy(rows)

    async def finish_load(self) -> Upserted:
        """Upsert everything staged by one statement; rows equal to what is stored are duplicates."""
        result = await self._session.execute(text(UPSERT), self._belonging)
        stored, updated, staged = result.one()
        return Upserted(stored, updated, staged - stored - updated)

    async def apply(self, changes: Sequence[StatusChange]) -> tuple[int, int]:
        """How many permits were changed, and how many of the changes are of permits that are known."""
        values = {
            "jurisdictions": [change.jurisdiction for change in changes],
            "numbers": [change.permit_number for change in changes],
            "statuses": [change.permit_status for change in changes],
            "completed": [change.completion_date for change in changes],
            "dating_none": list(DATES_NO_ROOF),
            "raw_record_id": self._belonging["raw_record_id"],
        }
        changed, known = (await self._session.execute(APPLY, values)).one()
        return int(changed), int(known)
