"""Every statement about territories. Two never meet: the exclusion constraint of the table sees to that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.repository.leads import AREAS
from shared.schemas.page import Cursor

MEETS: Final = "o.city_id = t.city_id AND o.zips && t.zips AND o.clusters && t.clusters"
INSIDE: Final = """l.city_id = t.city_id AND (t.kind = 'city' OR (t.kind = 'zip' AND left(l.zip, 5) = t.zip)
                   OR (t.kind = 'cluster' AND l.cluster_id = t.cluster_id))"""
VIEW: Final = f"""
    SELECT t.id, t.contractor_id, c.company_name, t.kind, t.city_id, p.city, p.state, t.zip, t.cluster_id, k.cluster_name,
           t.status, coalesce(lower(t.period), t.created_at) AS since, t.offered_until, t.warned_at, t.ended_at,
           t.end_reason, t.created_at,
           CASE WHEN t.status <> 'waiting' THEN 0 ELSE (
               SELECT count(*) FROM territories o
                WHERE o.status IN ('waiting', 'offered') AND {MEETS} AND (o.created_at, o.id) < (t.created_at, t.id)) END AS ahead,
           CASE WHEN t.status = 'ended' THEN 0 ELSE (
               SELECT count(*) FROM base_leads l WHERE l.status = 'available' AND {INSIDE}) END AS leads
      FROM territories t JOIN contractors c ON c.id = t.contractor_id JOIN target_cities p ON p.id = t.city_id
      LEFT JOIN lead_clusters k ON k.id = t.cluster_id
"""  # noqa: S608 - our own constants
NEAR: Final = f"""
    SELECT DISTINCT p.id FROM target_cities p JOIN ({AREAS}) area
        ON (lower(p.city) = area.city AND p.state = area.state) OR ST_DWithin(p.center, area.center, area.metres)
"""  # noqa: S608 - our own constant


class TerritoryRepository:
    """Territories and the leads' copy of who holds them."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def lock(self, city_id: UUID) -> None:
        """Let one at a time change who holds and who waits in a city."""
        statement = text("SELECT pg_advisory_xact_lock(hashtext('territory'), hashtext(CAST(:city AS text)))")
        await self._session.execute(statement, {"city": str(city_id)})

    async def tier(self, contractor_id: UUID) -> str | None:
        """What a contractor subscribed to."""
        statement = text("SELECT subscription_tier FROM contractors WHERE id = :id")
        found: str | None = (await self._session.execute(statement, {"id": contractor_id})).scalar_one()
        return found

    async def lock_buyer(self, contractor_id: UUID) -> None:
        """Let a contractor's other wishes wait until the caller commits.

        The contractor's row stays free: a purchase takes a lead first and that row then, a territory the other way round.
        """
        lock = text("SELECT pg_advisory_xact_lock(hashtext('territory_buyer'), hashtext(CAST(:id AS text)))")
        await self._session.execute(lock, {"id": str(contractor_id)})

    async def serves(self, contractor_id: UUID, city_id: UUID) -> bool:
        """Whether a city is one of a contractor's service areas or its centre lies in one."""
        statement = text(f"SELECT :city_id IN ({NEAR})")
        values = {"contractor_id": contractor_id, "city_id": city_id}
        return bool((await self._session.execute(statement, values)).scalar_one())

    async def place_exists(self, place: dict[str, Any]) -> bool:
        """Whether we know the city, houses of it in the ZIP, or the cluster in it."""
        statement = text(
            """
            SELECT EXISTS (SELECT 1 FROM target_cities WHERE id = :city_id) AND CASE CAST(:kind AS text)
                   WHEN 'zip' THEN EXISTS (SELECT 1 FROM base_leads WHERE city_id = :city_id AND left(zip, 5) = :zip)
                   WHEN 'cluster' THEN EXISTS (SELECT 1 FROM lead_clusters WHERE id = :cluster_id AND city_id = :city_id)
                   ELSE true END
            """
        )
        return bool((await self._session.execute(statement, place)).scalar_one())

    async def add(self, contractor_id: UUID, place: dict[str, Any]) -> UUID:
        """A wish at the end of the waiting list."""
        statement = text(
            """
            INSERT INTO territories (contractor_id, kind, city_id, zip, cluster_id, status, created_at)
            VALUES (:contractor_id, :kind, :city_id, :zip, :cluster_id, 'waiting', clock_timestamp()) RETURNING id
            """
        )
        found: UUID = (
            await self._session.execute(statement, place | {"contractor_id": contractor_id})
        ).scalar_one()
        return found

    async def in_the_way(self, territory_id: UUID) -> Sequence[Row[Any]]:
        """Whose held or offered territories meet this one."""
        statement = text(
            f"""
            SELECT o.id, o.contractor_id FROM territories t JOIN territories o ON {MEETS}
             WHERE t.id = :id AND o.id <> t.id AND o.status IN ('held', 'offered')
            """  # noqa: S608 - our own constant
        )
        return (await self._session.execute(statement, {"id": territory_id})).all()

    async def same_wish(self, contractor_id: UUID, place: dict[str, Any]) -> bool:
        """Whether this contractor holds the place already, is offered it or waits for it."""
        statement = text(
            """
            SELECT EXISTS (SELECT 1 FROM territories WHERE contractor_id = :contractor_id AND city_id = :city_id
                              AND kind = :kind AND status <> 'ended' AND zip IS NOT DISTINCT FROM CAST(:zip AS text)
                              AND cluster_id IS NOT DISTINCT FROM CAST(:cluster_id AS uuid))
            """
        )
        values = place | {"contractor_id": contractor_id}
        return bool((await self._session.execute(statement, values)).scalar_one())

    async def hold(self, territory_id: UUID, *, allowed_from: str) -> bool:
        """Give a place to who waits for it or accepts its offer in time; False where it is not in that state."""
        statement = text(
            """
            UPDATE territories SET status = 'held', period = tstzrange(now(), NULL), offered_until = NULL
             WHERE id = :id AND status = :before AND (offered_until IS NULL OR offered_until > now()) RETURNING id
            """
        )
        values = {"id": territory_id, "before": allowed_from}
        return (await self._session.execute(statement, values)).one_or_none() is not None

    async def offer(self, territory_id: UUID, hours: int) -> Row[Any]:
        """Keep a place for the one that waits for it: who that is, and until when."""
        statement = text(
            """
            UPDATE territories SET status = 'offered', period = tstzrange(now(), NULL),
                                   offered_until = now() + make_interval(hours => :hours)
             WHERE id = :id AND status = 'waiting' RETURNING contractor_id, offered_until
            """
        )
        return (await self._session.execute(statement, {"id": territory_id, "hours": hours})).one()

    async def end(self, territory_id: UUID, reason: str) -> Row[Any] | None:
        """End a wish, an offer or a holding; None when it has ended before."""
        statement = text(
            """
            UPDATE territories t
               SET status = 'ended', period = tstzrange(lower(t.period), now()), offered_until = NULL, ended_at = now(),
                   end_reason = :reason
              FROM territories before
             WHERE t.id = :id AND before.id = t.id AND t.status <> 'ended'
            RETURNING t.id, t.contractor_id, t.city_id, before.status AS was
            """
        )
        values = {"id": territory_id, "reason": reason}
        return (await self._session.execute(statement, values)).one_or_none()

    async def note_holder(self, territory_id: UUID) -> int:
        """Write who holds a territory on its unsold leads and its cluster; how many leads changed."""
        cluster = text(
            """
            UPDATE lead_clusters k
               SET exclusive_contractor_id = CASE WHEN t.status = 'held' THEN t.contractor_id END,
                   assigned_at = CASE WHEN t.status = 'held' THEN lower(t.period) END
              FROM territories t WHERE t.id = :id AND k.id = t.cluster_id
            """
        )
        leads = text(
            f"""
            UPDATE base_leads l SET exclusive_contractor_id = lead_holder(l.city_id, l.zip, l.cluster_id) FROM territories t
             WHERE t.id = :id AND {INSIDE} AND l.status IN ('processing', 'review', 'available')
               AND l.exclusive_contractor_id IS DISTINCT FROM lead_holder(l.city_id, l.zip, l.cluster_id)
            """  # noqa: S608 - our own constant
        )
        await self._session.execute(cluster, {"id": territory_id})
        return int((await self._session.execute(leads, {"id": territory_id})).rowcount)  # type: ignore[attr-defined]

    async def one(self, territory_id: UUID, contractor_id: UUID | None = None) -> Row[Any] | None:
        """A territory of this contractor; of anybody where none is named."""
        statement = text(
            f"{VIEW} WHERE t.id = :id AND (CAST(:contractor AS uuid) IS NULL OR t.contractor_id = :contractor)"
        )
        values = {"id": territory_id, "contractor": contractor_id}
        return (await self._session.execute(statement, values)).one_or_none()

    async def of(self, contractor_id: UUID, limit: int) -> Sequence[Row[Any]]:
        """A contractor's territories, what is live first, then the newest."""
        statement = text(
            f"{VIEW} WHERE t.contractor_id = :id ORDER BY t.status = 'ended', t.created_at DESC, t.id LIMIT :limit"
        )
        return (await self._session.execute(statement, {"id": contractor_id, "limit": limit})).all()

    async def page(self, *, status: str | None, after: Cursor | None, limit: int) -> Sequence[Row[Any]]:
        """Everybody's, newest first; one more than a page holds."""
        statement = text(
            f"""{VIEW}
            WHERE (CAST(:status AS text) IS NULL OR t.status = :status)
              AND (CAST(:created_at AS timestamptz) IS NULL OR (t.created_at, t.id) < (:created_at, CAST(:after AS uuid)))
            ORDER BY t.created_at DESC, t.id DESC LIMIT :limit"""
        )
        values = {
            "status": status,
            "created_at": after.created_at if after else None,
            "after": after.id if after else None,
            "limit": limit + 1,
        }
        return (await self._session.execute(statement, values)).all()

    async def places(self, contractor_id: UUID, kinds: Sequence[str], limit: int) -> Sequence[Row[Any]]:
        """Places of these kinds near a contractor's service areas, free ones first, then most leads first.

        What meets a place that the contractor itself holds, is offered or waits for is left out.
        """
        statement = text(
            f"""
            WITH near AS ({NEAR}), stock AS MATERIALIZED (
                SELECT l.city_id, left(l.zip, 5) AS zip, l.cluster_id, count(*) AS leads FROM base_leads l
                 WHERE l.city_id IN (SELECT id FROM near) AND l.status = 'available' GROUP BY 1, 2, 3
            ), places AS (
                SELECT 'city' AS kind, id AS city_id, NULL AS zip, CAST(NULL AS uuid) AS cluster_id,
                       int4range(NULL, NULL) AS zips, int8range(NULL, NULL) AS clusters,
                       coalesce((SELECT sum(leads) FROM stock WHERE stock.city_id = near.id), 0) AS leads FROM near
                UNION ALL
                SELECT 'zip', city_id, zip, NULL, int4range(zip::int, zip::int, '[]'), int8range(NULL, NULL), sum(leads)
                  FROM stock WHERE zip ~ '^\\d{{5}}$' GROUP BY city_id, zip
                UNION ALL
                SELECT 'cluster', city_id, NULL, cluster_id, int4range(NULL, NULL),
                       int8range(hashtext(cluster_id::text), hashtext(cluster_id::text), '[]'), sum(leads)
                  FROM stock WHERE cluster_id IS NOT NULL GROUP BY city_id, cluster_id
            )
            SELECT t.kind, t.city_id, p.city, p.state, t.zip, t.cluster_id, k.cluster_name, t.leads,
                   NOT EXISTS (SELECT 1 FROM territories o WHERE o.status IN ('held', 'offered') AND {MEETS}) AS free,
                   (SELECT count(*) FROM territories o WHERE o.status IN ('waiting', 'offered') AND {MEETS}) AS waiting
              FROM places t JOIN target_cities p ON p.id = t.city_id LEFT JOIN lead_clusters k ON k.id = t.cluster_id
             WHERE t.kind = ANY (:kinds)
               AND NOT EXISTS (SELECT 1 FROM territories o
                                WHERE o.contractor_id = :contractor_id AND o.status <> 'ended' AND {MEETS})
             ORDER BY free DESC, t.kind <> 'city', t.leads DESC, t.kind, t.zip, t.cluster_id LIMIT :limit
            """  # noqa: S608 - our own constants
        )
        values = {"contractor_id": contractor_id, "kinds": list(kinds), "limit": limit}
        return (await self._session.execute(statement, values)).all()

    async def waiting_in(self, city_id: UUID) -> list[UUID]:
        """Who waits in a city and meets nothing held or offered, longest first."""
        statement = text(
            f"""
            SELECT t.id FROM territories t
             WHERE t.city_id = :city_id AND t.status = 'waiting'
               AND NOT EXISTS (SELECT 1 FROM territories o WHERE o.status IN ('held', 'offered') AND {MEETS})
             ORDER BY t.created_at, t.id
            """  # noqa: S608 - our own constant
        )
        return list((await self._session.execute(statement, {"city_id": city_id})).scalars())

    async def live_cities(self) -> list[UUID]:
        """Cities in which somebody holds or waits."""
        statement = text("SELECT DISTINCT city_id FROM territories WHERE status <> 'ended' ORDER BY 1")
        return list((await self._session.execute(statement)).scalars())

    async def overdue(self, city_id: UUID) -> Sequence[Row[Any]]:
        """Offers nobody accepted in time and wishes for a cluster that is gone, with the reason of their end."""
        statement = text(
            """
            SELECT id, CASE WHEN status = 'offered' AND offered_until <= now() THEN 'offer_ran_out' ELSE 'place_gone' END AS reason
              FROM territories
             WHERE city_id = :city_id AND ((status = 'offered' AND offered_until <= now())
                    OR (status <> 'ended' AND kind = 'cluster' AND cluster_id IS NULL))
            """
        )
        return (await self._session.execute(statement, {"city_id": city_id})).all()

    async def ranked(self, city_id: UUID) -> Sequence[Row[Any]]:
        """Live territories of a city with their buyer's tier and their place among all the buyer's of the kind, oldest first."""
        statement = text(
            """
            SELECT * FROM (
                SELECT t.id, t.city_id, t.contractor_id, t.kind, c.subscription_tier AS tier,
                       row_number() OVER (PARTITION BY t.contractor_id, t.kind ORDER BY t.created_at, t.id) AS rank
                  FROM territories t JOIN contractors c ON c.id = t.contractor_id
                 WHERE t.status <> 'ended' AND t.contractor_id IN (
                       SELECT contractor_id FROM territories WHERE city_id = :city_id AND status <> 'ended')) live
             WHERE city_id = :city_id ORDER BY rank DESC, id
            """
        )
        return (await self._session.execute(statement, {"city_id": city_id})).all()

    async def holders(self, city_id: UUID) -> Sequence[Row[Any]]:
        """Held territories with the last log-in, session or purchase of their holder's, none before it got the place."""
        statement = text(
            """
            SELECT t.id, t.contractor_id, t.warned_at, now() AS now, greatest(
                   lower(t.period),
                   (SELECT max(u.last_login_at) FROM users u WHERE u.contractor_id = t.contractor_id),
                   (SELECT max(s.issued_at) FROM refresh_tokens s JOIN users u ON u.id = s.user_id
                     WHERE u.contractor_id = t.contractor_id),
                   (SELECT max(s.sold_at) FROM sales s WHERE s.contractor_id = t.contractor_id)) AS active_at
              FROM territories t WHERE t.city_id = :city_id AND t.status = 'held' ORDER BY t.id
            """
        )
        return (await self._session.execute(statement, {"city_id": city_id})).all()

    async def note_warning(self, territory_id: UUID) -> None:
        """Remember when a holder was told that it will lose a territory."""
        statement = text("UPDATE territories SET warned_at = now() WHERE id = :id AND warned_at IS NULL")
        await self._session.execute(statement, {"id": territory_id})

    async def forget_warning(self, territory_id: UUID) -> None:
        """The holder is back."""
        statement = text("UPDATE territories SET warned_at = NULL WHERE id = :id")
        await self._session.execute(statement, {"id": territory_id})
