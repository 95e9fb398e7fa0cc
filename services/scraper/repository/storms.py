"""Storms: staged by COPY, upserted by (source, external_id), the lesser reports of an event superseded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.scraper.domain.lines import STORM_COLUMNS as COLUMNS
from services.scraper.domain.supersession import AUTHORITY, TOLERANCES, WIDEST_SPAN
from services.scraper.repository.staging import Staging, Upserted
from shared.db.geo import METRES_PER_MILE

TABLE = "staged_storms"
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
        RETURNING (xmax = 0) AS is_new, began_at, ended_at
    )
    SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new),
           (SELECT count(*) FROM {TABLE}), min(began_at), max(coalesce(ended_at, began_at))
      FROM upserted
"""  # noqa: S608 - column names of ours

_RULES = ", ".join(
    f"('{source}', {authority}, {TOLERANCES[source].miles * METRES_PER_MILE if source in TOLERANCES else 'NULL'}::float8,"
    f" interval '{TOLERANCES[source].minutes if source in TOLERANCES else 0} minutes')"
    for source, authority in AUTHORITY.items()
)
# The one place that says which report of an event counts; whoever counts storms asks for `superseded_by IS NULL`.
# Of several better reports the highest authority wins, then the nearest; a report that lost its better one counts again.
SUPERSEDE = text(
    f"""
    WITH rule (source, authority, metres, leeway) AS (VALUES {_RULES}),
    report AS (
        SELECT e.id, e.event_type, e.began_at, coalesce(e.ended_at, e.began_at) AS ended_at, e.superseded_by,
               coalesce(e.swath, e.geom) AS place, rule.authority, rule.metres, rule.leeway
          FROM weather_events e JOIN rule ON rule.source = e.source
         WHERE rule.metres IS NOT NULL AND e.began_at BETWEEN :since AND :until
           AND coalesce(e.swath, e.geom) IS NOT NULL
    ), judged AS (
        SELECT report.id, report.superseded_by AS known, better.id AS better
          FROM report LEFT JOIN LATERAL (
            SELECT o.id
              FROM weather_events o JOIN rule r ON r.source = o.source AND r.authority > report.authority
             WHERE o.event_type = report.event_type
               AND o.began_at BETWEEN report.began_at - report.leeway AND report.ended_at + report.leeway
               AND ST_DWithin(coalesce(o.swath, o.geom), report.place, report.metres)
             ORDER BY r.authority DESC, ST_Distance(coalesce(o.swath, o.geom), report.place),
                      abs(extract(epoch FROM o.began_at - report.began_at)), o.id
             LIMIT 1
          ) better ON true
    )
    UPDATE weather_events e SET superseded_by = judged.better, updated_at = now()
      FROM judged WHERE e.id = judged.id AND judged.known IS DISTINCT FROM judged.better
    """  # noqa: S608 - numbers and names of ours
)

# A record that takes the place of an early report is no news: the report was announced when it came.
REACHED_CITIES = text(
    """
    SELECT c.id AS city_id, count(*) AS reports
      FROM target_cities c
      JOIN weather_events e ON ST_DWithin(coalesce(e.swath, e.geom), c.center, :metres)
     WHERE c.active AND e.created_at >= :since AND e.superseded_by IS NULL
       AND e.began_at > now() - make_interval(days => :days)
       AND NOT EXISTS (SELECT 1 FROM weather_events early WHERE early.superseded_by = e.id AND early.created_at < :since)
     GROUP BY c.id ORDER BY c.id
    """
)


NEAR_CITY = text(
    """
    SELECT count(*) FROM weather_events e JOIN target_cities c ON c.id = :city_id
     WHERE ST_DWithin(coalesce(e.swath, e.geom), c.center, :metres) AND e.superseded_by IS NULL
       AND e.began_at > now() - make_interval(days => :days)
    """
)


class StormRepository:
    """Writes and reads weather_events."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self._staging = Staging(session, TABLE, DEFINITION, STAGED)

    async def begin_load(self) -> None:
        """Make room for staged rows in this transaction."""
        await self._staging.prepare()

    async def stage(self, rows: bytes) -> None:
        """Append rows made by `storm_line`, in one piece."""
        await self._staging.copy(rows)

    async def reached_cities(self, since: datetime, *, days: int, radius_miles: float) -> Sequence[Row[Any]]:
        """Active cities with the number of new storms of the last days near them, stored since a moment."""
        values = {"since": since, "days": days, "metres": radius_miles * METRES_PER_MILE}
        return (await self._session.execute(REACHED_CITIES, values)).all()

    async def count_near_city(self, city_id: UUID, *, days: int, radius_miles: float) -> int:
        """How many storms of the last days lie near a city."""
        values = {"city_id": city_id, "days": days, "metres": radius_miles * METRES_PER_MILE}
        return int((await self._session.execute(NEAR_CITY, values)).scalar_one())

    async def finish_load(self) -> Upserted:
        """Upsert everything staged by one statement, then let the better report of each event supersede the others.

        A re-issued file updates, it never appends.
        """
        await self._staging.analyse()
        stored, updated, staged, first, last = (await self._session.execute(text(UPSERT))).one()
        if first is not None:
            span = {"since": first - WIDEST_SPAN, "until": last + WIDEST_SPAN}
            await self._session.execute(SUPERSEDE, span)
        return Upserted(stored, updated, staged - stored - updated)
