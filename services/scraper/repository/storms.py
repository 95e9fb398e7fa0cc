"""Storms: staged by COPY, upserted by (source, external_id)."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.scraper.domain.rows import StormRow
from services.scraper.repository.staging import Staging, Upserted, hashed_line

TABLE = "staged_storms"
COLUMNS = (
    "source", "external_id", "event_type", "began_at", "ended_at", "event_date", "event_time", "city", "county",
    "state", "lat", "lng", "radius_miles", "severity", "hail_size_inches", "wind_speed_mph", "tornado_rating",
    "damage_estimate", "source_url",
)  # fmt: skip
STAGED = ("ordinal", *COLUMNS, "content_hash")
DEFINITION = f"SELECT 0 AS ordinal, {', '.join(COLUMNS)}, content_hash FROM weather_events WITH NO DATA"  # noqa: S608 - column names of ours

UPSERT = f"""
    WITH incoming AS (
        SELECT s.* FROM {TABLE} s
          JOIN (SELECT max(ordinal) AS ordinal FROM {TABLE} GROUP BY source, external_id) AS last USING (ordinal)
    ), upserted AS (
        INSERT INTO weather_events AS known ({", ".join(COLUMNS)}, content_hash, geom)
        SELECT {", ".join(f"i.{name}" for name in COLUMNS)}, i.content_hash,
               CASE WHEN i.lat IS NOT NULL THEN ST_SetSRID(ST_MakePoint(i.lng, i.lat), 4326)::geography END
          FROM incoming i
            ON CONFLICT (source, external_id) DO UPDATE
           SET {", ".join(f"{name} = excluded.{name}" for name in COLUMNS[2:])},
               content_hash = excluded.content_hash, geom = excluded.geom
         WHERE known.content_hash <> excluded.content_hash
        RETURNING (xmax = 0) AS is_new
    )
    SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new),
           (SELECT count(*) FROM {TABLE})
      FROM upserted
"""  # noqa: S608 - column names of ours


def storm_line(ordinal: int, row: StormRow) -> str:
    """The staged form of a storm; its date and hour are those of the place."""
    local = row.local_began_at or row.began_at
    content = hashed_line(
        (
            row.source, row.external_id, row.event_type, row.began_at, row.ended_at, local.date(),
            local.time().replace(tzinfo=None), row.city, row.county, row.state, row.lat, row.lng, row.radius_miles,
            row.severity, row.hail_size_inches, row.wind_speed_mph, row.tornado_rating, row.damage_estimate,
            row.source_url,
        )
    )  # fmt: skip
    return f"{ordinal}\t{content}"


class StormRepository:
    """Writes and reads weather_events."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self._staging = Staging(session, TABLE, DEFINITION, STAGED)

    async def begin_load(self) -> None:
        """Make room for staged rows in this transaction."""
        await self._staging.prepare()

    async def stage(self, lines: Sequence[str]) -> None:
        """Append rows made by `storm_line`."""
        await self._staging.copy(lines)

    async def finish_load(self) -> Upserted:
        """Upsert everything staged by one statement; a re-issued file updates, it never appends."""
        await self._staging.analyse()
        stored, updated, staged = (await self._session.execute(text(UPSERT))).one()
        return Upserted(stored, updated, staged - stored - updated)
