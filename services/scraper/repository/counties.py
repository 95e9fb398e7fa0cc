"""Counties: where they are, when they are pulled, and what their agencies' limits were last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

ADD = text(
    """
    INSERT INTO counties (id, name, state, agency_id, source_key, module, permit_type, time_zone, is_active,
                          last_tested_at)
    VALUES (:id, :name, :state, :agency_id, :source_key, :module, :permit_type, :time_zone, :is_active, now())
    ON CONFLICT DO NOTHING RETURNING id
    """
)
CHANGE = text(
    """
    UPDATE counties SET name = :name, state = :state, module = :module, permit_type = :permit_type,
           time_zone = :time_zone, is_active = :is_active
     WHERE id = :id
    """
)
SET_SCHEDULE = text(
    """
    INSERT INTO county_pull_schedules (county_id, auto_pull_enabled, incremental_pull_enabled, every_days)
    VALUES (:id, :auto_pull_enabled, :incremental_pull_enabled, :every_days)
    ON CONFLICT (county_id) DO UPDATE
       SET auto_pull_enabled = excluded.auto_pull_enabled,
           incremental_pull_enabled = excluded.incremental_pull_enabled, every_days = excluded.every_days
    """
)
ALL = text(
    """
    SELECT c.*, a.agency_code, a.environment, a.token_expires_at, s.auto_pull_enabled,
           s.incremental_pull_enabled, s.every_days, s.next_pull_at
      FROM counties c JOIN agencies a ON a.id = c.agency_id JOIN county_pull_schedules s ON s.county_id = c.id
     WHERE (CAST(:id AS uuid) IS NULL OR c.id = CAST(:id AS uuid))
     ORDER BY c.state, c.name
    """
)
LOCK = text("SELECT id, agency_id, name, state, is_active FROM counties WHERE id = :id FOR UPDATE")
RENAME_PERMITS = text(
    "UPDATE roofing_permits SET jurisdiction = :after WHERE county_id = :id AND jurisdiction = :before"
)
DROP = text("DELETE FROM counties WHERE id = :id")
NOTE_TEST = text(
    "UPDATE counties SET last_tested_at = now(), last_test_error = CAST(:error AS text) WHERE id = :id"
)
NOTE_PULL = text(
    """
    WITH pulled AS (
        UPDATE counties SET last_pull_at = now(), initial_pull_completed = initial_pull_completed OR :initial
         WHERE id = :id RETURNING id
    )
    UPDATE county_pull_schedules s
       SET next_pull_at = greatest(s.next_pull_at, now() + make_interval(days => s.every_days))
      FROM pulled WHERE s.county_id = pulled.id
    """
)
# What the hourly look may start: all four conditions of the specification, and none that runs already.
DUE = text(
    """
    SELECT c.id FROM counties c JOIN county_pull_schedules s ON s.county_id = c.id
     WHERE c.is_active AND c.initial_pull_completed AND s.auto_pull_enabled AND s.incremental_pull_enabled
       AND s.next_pull_at <= now()
     ORDER BY s.next_pull_at FOR NO KEY UPDATE OF c, s SKIP LOCKED
    """
)
PUT_OFF = text(
    """
    UPDATE county_pull_schedules SET next_pull_at = now() + make_interval(days => every_days)
     WHERE county_id = :id
    """
)
NOTE_LIMITS = text(
    """
    INSERT INTO county_rate_limits AS known (county_id, endpoint, allowance, remaining, reset_at, observed_at)
    SELECT :id, endpoint, allowance, remaining, reset_at, observed_at
      FROM jsonb_to_recordset(CAST(:limits AS jsonb))
           AS row(endpoint text, allowance int, remaining int, reset_at timestamptz, observed_at timestamptz)
    ON CONFLICT (county_id, endpoint) DO UPDATE
       SET allowance = excluded.allowance, remaining = excluded.remaining, reset_at = excluded.reset_at,
           observed_at = excluded.observed_at
     WHERE known.observed_at < excluded.observed_at
    """
)
RATE_STATS = text(
    """
    WITH calls AS (
        SELECT api_endpoint AS endpoint, count(*) AS requests, count(*) FILTER (WHERE success) AS succeeded,
               count(*) FILTER (WHERE response_status = 429) AS rate_limited,
               count(*) FILTER (WHERE NOT success AND response_status IS DISTINCT FROM 429) AS failed,
               round(avg(response_time_ms))::int AS average_ms, max(created_at) AS last_request_at,
               count(*) FILTER (WHERE created_at > now() - interval '1 minute') AS last_minute
          FROM api_usage_logs
         WHERE entity_type = 'county' AND entity_id = :id AND created_at > now() - make_interval(hours => :hours)
         GROUP BY 1
    )
    SELECT endpoint, coalesce(c.requests, 0) AS requests, coalesce(c.succeeded, 0) AS succeeded,
           coalesce(c.rate_limited, 0) AS rate_limited, coalesce(c.failed, 0) AS failed, c.average_ms,
           c.last_request_at, coalesce(c.last_minute, 0) AS last_minute, l.allowance AS "limit", l.remaining,
           l.reset_at, l.observed_at
      FROM calls c
      FULL JOIN (SELECT * FROM county_rate_limits WHERE county_id = :id) l USING (endpoint)
     ORDER BY endpoint
    """
)
# The agency let our app in: its interface may be read. Whether its records may be sold is a person's decision.
REGISTER_SOURCE = text(
    """
    INSERT INTO compliance.source_registry (source_key, host, kind, owner, enabled, tos, tos_basis, reviewed_at,
        government, may_display, may_store, may_analyse, requests_per_second, concurrency)
    VALUES (:source_key, 'apis.accela.com', 'permit_source', :owner, true, 'allowed', :basis, now(),
        true, true, true, true, 10, 8)
    ON CONFLICT (source_key) DO NOTHING
    """
)


class CountyRepository:
    """Writes and reads counties, their schedules and their limits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, values: Mapping[str, Any]) -> bool:
        """Store a county; False where one of this name or agency is there already."""
        return (await self._session.execute(ADD, values)).scalar_one_or_none() is not None

    async def change(self, values: Mapping[str, Any]) -> None:
        """Store other facts of a county."""
        await self._session.execute(CHANGE, values)

    async def set_schedule(self, values: Mapping[str, Any]) -> None:
        """Say whether and how often a county is pulled by itself."""
        await self._session.execute(SET_SCHEDULE, values)

    async def all(self) -> Sequence[Row[Any]]:
        """All counties with their schedules, by state and name."""
        return (await self._session.execute(ALL, {"id": None})).all()

    async def one(self, county_id: UUID) -> Row[Any] | None:
        """One of them."""
        return (await self._session.execute(ALL, {"id": county_id})).one_or_none()

    async def lock(self, county_id: UUID) -> Row[Any] | None:
        """A county that nobody else changes meanwhile."""
        return (await self._session.execute(LOCK, {"id": county_id})).one_or_none()

    async def rename_permits(self, county_id: UUID, *, before: str, after: str) -> None:
        """Let a county's permits bear its new name: by the old one the next pull would not know them again."""
        await self._session.execute(RENAME_PERMITS, {"id": county_id, "before": before, "after": after})

    async def drop(self, county_id: UUID) -> None:
        """Remove a county and its schedule; its permits stay without it."""
        await self._session.execute(DROP, {"id": county_id})

    async def note_test(self, county_id: UUID, error: str | None) -> None:
        """When the connection was tried last, and why it failed."""
        await self._session.execute(NOTE_TEST, {"id": county_id, "error": error})

    async def note_pull(self, county_id: UUID, *, initial: bool) -> None:
        """A pull is through: the next one is due after the county's days."""
        await self._session.execute(NOTE_PULL, {"id": county_id, "initial": initial})

    async def due(self) -> Sequence[UUID]:
        """Counties to be pulled now, held until the transaction ends."""
        return (await self._session.execute(DUE)).scalars().all()

    async def put_off(self, county_id: UUID) -> None:
        """Its next pull is a whole round away."""
        await self._session.execute(PUT_OFF, {"id": county_id})

    async def note_limits(self, county_id: UUID, limits: Sequence[Mapping[str, Any]]) -> None:
        """Keep what the newest headers said; older news change nothing."""
        if limits:
            values = {"id": county_id, "limits": orjson.dumps(list(limits)).decode()}
            await self._session.execute(NOTE_LIMITS, values)

    async def rate_stats(self, county_id: UUID, *, hours: int) -> Sequence[Row[Any]]:
        """Calls of the last hours by endpoint, with the allowance its headers told last."""
        return (await self._session.execute(RATE_STATS, {"id": county_id, "hours": hours})).all()

    async def register_source(self, source_key: str, owner: str) -> None:
        """Make the county's interface one that may be read, unless an operator has said something of it."""
        values = {
            "source_key": source_key,
            "owner": owner,
            "basis": "documented interface, opened to our app by the agency itself",
        }
        await self._session.execute(REGISTER_SOURCE, values)
