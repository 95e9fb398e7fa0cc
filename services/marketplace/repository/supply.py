"""Every statement about what a buyer's cities hold, and who waits for a plan there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.domain.supply import LOOK_BACK_DAYS
from services.marketplace.repository.plans import LIVE


def cities_of(buyer: str) -> str:
    """The ids of the cities that a row of contractors names as served, or of its own where it names none."""
    return f"""
        SELECT t.id FROM target_cities t JOIN (
            SELECT lower(area.city) AS city, upper(area.state) AS state
              FROM jsonb_to_recordset(coalesce({buyer}.service_areas, '[]'::jsonb)) AS area(city text, state text)
             UNION SELECT lower({buyer}.city), upper({buyer}.state)
             WHERE coalesce({buyer}.service_areas, '[]'::jsonb) = '[]'::jsonb
        ) named ON lower(t.city) = named.city AND t.state = named.state
    """  # noqa: S608 - an alias of ours


_CITIES: Final = text(
    f"""
    SELECT t.id, t.city || ', ' || t.state AS name FROM target_cities t
     WHERE t.id IN (SELECT served.id FROM contractors c CROSS JOIN LATERAL ({cities_of("c")}) served WHERE c.id = :contractor)
     ORDER BY t.state, t.city
    """  # noqa: S608 - our own text
)
_LOCK: Final = text(
    """
    SELECT pg_advisory_xact_lock(hashtextextended('plan-supply:' || place, 0))
      FROM (SELECT unnest(CAST(:cities AS text[])) AS place ORDER BY 1) places
    """
)
_HOLDINGS: Final = text(
    f"""
    SELECT count(*) FILTER (WHERE status = 'available' AND (available_until IS NULL OR available_until > now())
                            AND (exclusive_contractor_id IS NULL OR exclusive_contractor_id = :contractor)) AS on_sale,
           count(*) FILTER (WHERE status = 'review' OR (status = 'processing' AND status_reason IS NULL)) AS in_work,
           count(*) FILTER (WHERE published) AS published,
           count(*) FILTER (WHERE published OR turned_away) AS decided
      FROM (
          SELECT *, coalesce(published_at > now() - interval '{LOOK_BACK_DAYS} days', false) AS published,
                 published_at IS NULL AND updated_at > now() - interval '{LOOK_BACK_DAYS} days'
                 AND (status IN ('withdrawn', 'suppressed', 'expired')
                      OR (status = 'processing' AND status_reason IS NOT NULL)) AS turned_away
            FROM base_leads WHERE city_id = ANY (:cities)
      ) l
    """  # noqa: S608 - a number of ours
)
_NEIGHBOURS: Final = f"EXISTS (SELECT 1 FROM ({cities_of('c')}) served WHERE served.id = ANY (:cities))"  # noqa: S608 - our own text
_PROMISED: Final = text(
    f"""
    SELECT (SELECT coalesce(sum(l.included_leads), 0) FROM plan_subscriptions s JOIN plans l ON l.id = s.plan_id
              JOIN contractors c ON c.id = s.contractor_id
             WHERE {LIVE} AND s.contractor_id <> :contractor AND {_NEIGHBOURS})
         + (SELECT coalesce(sum(w.leads), 0) FROM plan_waits w JOIN contractors c ON c.id = w.contractor_id
             WHERE w.held_until > now() AND w.contractor_id <> :contractor AND {_NEIGHBOURS}) AS leads
    """  # noqa: S608 - our own text
)
_AHEAD: Final = text(
    f"""
    SELECT w.leads FROM plan_waits w JOIN contractors c ON c.id = w.contractor_id
     WHERE w.held_until IS NULL AND w.contractor_id <> :contractor AND {_NEIGHBOURS}
       AND w.created_at < coalesce((SELECT mine.created_at FROM plan_waits mine WHERE mine.contractor_id = :contractor), now())
    """  # noqa: S608 - our own text
)


class SupplyRepository:
    """Counts over leads, plans and the waiting list; the caller may see everybody's rows."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def cities(self, contractor_id: UUID) -> Sequence[Row[Any]]:
        """Our cities that a buyer serves: id and name."""
        return (await self._session.execute(_CITIES, {"contractor": contractor_id})).all()

    async def lock(self, cities: Sequence[UUID]) -> None:
        """Let other sales of plans in these cities wait until the caller commits."""
        await self._session.execute(_LOCK, {"cities": [str(city) for city in cities]})

    async def holdings(self, cities: Sequence[UUID], contractor_id: UUID) -> Row[Any]:
        """Leads of the cities: on sale to the buyer, in work, and of late published or decided on."""
        values = {"cities": list(cities), "contractor": contractor_id}
        return (await self._session.execute(_HOLDINGS, values)).one()

    async def promised(self, cities: Sequence[UUID], contractor_id: UUID) -> int:
        """Leads a month that others' plans in any of the cities include, or that are kept for others."""
        values = {"cities": list(cities), "contractor": contractor_id}
        return int((await self._session.execute(_PROMISED, values)).scalar_one())

    async def ahead(self, cities: Sequence[UUID], contractor_id: UUID) -> list[int]:
        """What those want who wait in the cities since before the buyer did."""
        values = {"cities": list(cities), "contractor": contractor_id}
        return list((await self._session.execute(_AHEAD, values)).scalars())

    async def wait_of(self, contractor_id: UUID) -> Row[Any] | None:
        """The buyer's wish, and whether it is kept for it now."""
        statement = text(
            """
            SELECT code, leads, created_at, CASE WHEN held_until > now() THEN held_until END AS held_until
              FROM plan_waits WHERE contractor_id = :id AND (held_until IS NULL OR held_until > now())
            """
        )
        return (await self._session.execute(statement, {"id": contractor_id})).one_or_none()

    async def wait(self, contractor_id: UUID, code: str, leads: int) -> None:
        """Put a wish on the list; another plan keeps its place, a right that has run out loses it."""
        statement = text(
            """
            INSERT INTO plan_waits AS w (contractor_id, code, leads) VALUES (:id, :code, :leads)
            ON CONFLICT (contractor_id) DO UPDATE SET code = excluded.code, leads = excluded.leads,
                created_at = CASE WHEN w.held_until <= now() THEN now() ELSE w.created_at END, held_until = NULL
            """
        )
        await self._session.execute(statement, {"id": contractor_id, "code": code, "leads": leads})

    async def hold(self, contractor_id: UUID, code: str, leads: int, minutes: int) -> None:
        """Keep leads for a buyer for some minutes."""
        statement = text(
            """
            INSERT INTO plan_waits (contractor_id, code, leads, held_until)
            VALUES (:id, :code, :leads, now() + make_interval(mins => :minutes))
            ON CONFLICT (contractor_id) DO UPDATE
               SET code = excluded.code, leads = excluded.leads, held_until = excluded.held_until
            """
        )
        values = {"id": contractor_id, "code": code, "leads": leads, "minutes": minutes}
        await self._session.execute(statement, values)

    async def leave(self, contractor_id: UUID) -> bool:
        """Take a wish off the list; False where there was none."""
        statement = text("DELETE FROM plan_waits WHERE contractor_id = :id")
        return bool((await self._session.execute(statement, {"id": contractor_id})).rowcount)  # type: ignore[attr-defined]

    async def forget_lapsed(self) -> None:
        """Drop rights that nobody used in time."""
        await self._session.execute(text("DELETE FROM plan_waits WHERE held_until <= now()"))

    async def waiting(self) -> Sequence[Row[Any]]:
        """Wishes that nothing is kept for, the oldest first, with who has them."""
        statement = text(
            """
            SELECT w.contractor_id, c.company_name, c.city, c.state, w.code, w.leads, w.created_at
              FROM plan_waits w JOIN contractors c ON c.id = w.contractor_id
             WHERE w.held_until IS NULL ORDER BY w.created_at, w.contractor_id
            """
        )
        return (await self._session.execute(statement)).all()
