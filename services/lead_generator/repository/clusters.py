"""Clusters of leads: who belongs to which, and what they sum to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.geo import METRES_PER_MILE
from shared.schemas.page import Cursor

# A lead that left the market unsold belongs to no crew's round any more.
_STANDING: Final = "status IN ('processing', 'review', 'available', 'reserved', 'sold')"
_OWNED: Final = (
    "c.exclusive_contractor_id IS NOT NULL AND coalesce(c.exclusivity_expires_at, 'infinity') > now()"
)
_COLUMNS: Final = """
    c.id, c.created_at, c.cluster_name, c.city_id, c.city, c.state, c.center_lat, c.center_lng, c.radius_miles, c.lead_count,
    c.avg_quality_score, c.total_value, c.leads_available, c.leads_sold, c.exclusive_contractor_id, c.exclusivity_expires_at,
    c.updated_at
"""
_NEXT_NUMBER: Final = r"""
    SELECT coalesce(max(CAST(substring(cluster_name FROM '(\d{1,9})$') AS bigint)), 0) + 1
      FROM lead_clusters WHERE city_id = :city_id
"""


class Place(NamedTuple):
    """Where a cluster lies: its middle in degrees and how far its leads reach."""

    lat: float
    lng: float
    radius_miles: float


class ClusterRepository:
    """Writes lead_clusters and the leads' membership."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def lock(self, city_id: UUID) -> None:
        """Let one at a time change a city's clusters."""
        statement = text("SELECT pg_advisory_xact_lock(hashtext('cluster'), hashtext(CAST(:city AS text)))")
        await self._session.execute(statement, {"city": str(city_id)})

    async def nearest(self, lead_id: UUID, *, radius_miles: float, max_leads: int) -> UUID | None:
        """The nearest cluster of the same city with room, within the radius."""
        statement = text(
            """
            SELECT c.id FROM base_leads l
              JOIN lead_clusters c ON c.city_id = l.city_id AND c.lead_count < :max_leads
                                  AND ST_DWithin(c.center, l.geom, :metres)
             WHERE l.id = :id ORDER BY ST_Distance(c.center, l.geom), c.id LIMIT 1
            """
        )
        values = {"id": lead_id, "metres": radius_miles * METRES_PER_MILE, "max_leads": max_leads}
        cluster: UUID | None = (await self._session.execute(statement, values)).scalar_one_or_none()
        return cluster

    async def begin(self, lead_id: UUID, radius_miles: float) -> UUID:
        """A cluster around a lead that is near none."""
        statement = text(
            f"""
            INSERT INTO lead_clusters (cluster_name, city, state, city_id, center, center_lat, center_lng, radius_miles)
            SELECT l.city || ' ' || ({_NEXT_NUMBER.replace(":city_id", "l.city_id")}), l.city, l.state,
                   l.city_id, l.geom, l.lat, l.lng, :radius FROM base_leads l WHERE l.id = :id
            RETURNING id
            """  # noqa: S608 - a statement of ours
        )
        cluster: UUID = (
            await self._session.execute(statement, {"id": lead_id, "radius": radius_miles})
        ).scalar_one()
        return cluster

    async def join(self, lead_id: UUID, cluster_id: UUID) -> None:
        """Put a lead into a cluster and bring the statistics of its new and of its old one up to date."""
        statement = text(
            """
            UPDATE base_leads l SET cluster_id = :cluster FROM base_leads before
             WHERE l.id = :id AND before.id = l.id RETURNING before.cluster_id
            """
        )
        left = (
            await self._session.execute(statement, {"id": lead_id, "cluster": cluster_id})
        ).scalar_one_or_none()
        await self.count([cluster for cluster in (cluster_id, left) if cluster is not None])

    async def members(self, city_id: UUID) -> Sequence[Row[Any]]:
        """The city's leads that a run may move: id, degrees and present cluster; those of an owned cluster stay."""
        statement = text(
            f"""
            SELECT l.id, ST_Y(l.geom::geometry) AS lat, ST_X(l.geom::geometry) AS lng, l.cluster_id
              FROM base_leads l LEFT JOIN lead_clusters c ON c.id = l.cluster_id
             WHERE l.city_id = :city_id AND l.geom IS NOT NULL AND l.{_STANDING} AND ({_OWNED}) IS NOT TRUE
             ORDER BY l.id
            """  # noqa: S608 - conditions of ours
        )
        return (await self._session.execute(statement, {"city_id": city_id})).all()

    async def next_number(self, city_id: UUID) -> int:
        """The first number that no cluster of the city's is named by."""
        number: int = (await self._session.execute(text(_NEXT_NUMBER), {"city_id": city_id})).scalar_one()
        return number

    async def add(self, city_id: UUID, clusters: Mapping[UUID, str]) -> None:
        """New clusters by id with the end of their names; place and statistics follow by `count`."""
        statement = text(
            """
            INSERT INTO lead_clusters (id, cluster_name, city, state, city_id)
            SELECT new.id, t.city || ' ' || new.name, t.city, t.state, t.id
              FROM target_cities t, unnest(CAST(:ids AS uuid[]), CAST(:names AS text[])) AS new (id, name) WHERE t.id = :city_id
            """
        )
        values = {"city_id": city_id, "ids": list(clusters), "names": list(clusters.values())}
        await self._session.execute(statement, values)

    async def move(self, membership: Mapping[UUID, UUID | None]) -> None:
        """Put leads into clusters, or into none."""
        statement = text(
            """
            UPDATE base_leads l SET cluster_id = new.cluster_id
              FROM unnest(CAST(:leads AS uuid[]), CAST(:clusters AS uuid[])) AS new (id, cluster_id) WHERE l.id = new.id
            """
        )
        values = {"leads": list(membership), "clusters": list(membership.values())}
        await self._session.execute(statement, values)

    async def let_go(self, city_id: UUID) -> int:
        """Take leads that left the market out of their clusters; how many."""
        statement = text(
            f"UPDATE base_leads SET cluster_id = NULL WHERE city_id = :city_id AND cluster_id IS NOT NULL AND NOT {_STANDING}"  # noqa: S608
        )
        return int((await self._session.execute(statement, {"city_id": city_id})).rowcount)  # type: ignore[attr-defined]

    async def count(self, cluster_ids: Sequence[UUID]) -> None:
        """Bring clusters' statistics in line with their leads; their middle stays, so nobody falls out of reach."""
        statement = text(
            """
            UPDATE lead_clusters c
               SET lead_count = s.n, avg_quality_score = s.mean, total_value = s.total, leads_available = s.available,
                   leads_sold = s.sold
              FROM (SELECT known.id, count(l.id) AS n, round(avg(l.quality_score), 2) AS mean, sum(l.price) AS total,
                           count(*) FILTER (WHERE l.status = 'available') AS available,
                           count(*) FILTER (WHERE l.status = 'sold') AS sold
                      FROM unnest(CAST(:ids AS uuid[])) AS known (id)
                      LEFT JOIN base_leads l ON l.cluster_id = known.id GROUP BY known.id) s
             WHERE c.id = s.id AND (c.lead_count, c.avg_quality_score, c.total_value, c.leads_available, c.leads_sold)
                                   IS DISTINCT FROM (s.n, s.mean, s.total, s.available, s.sold)
            """
        )
        await self._session.execute(statement, {"ids": list(cluster_ids)})

    async def settle(self, places: Mapping[UUID, Place]) -> None:
        """Middle and radius of clusters."""
        statement = text(
            """
            UPDATE lead_clusters c
               SET center = ST_SetSRID(ST_Point(new.lng, new.lat), 4326)::geography, center_lat = new.lat,
                   center_lng = new.lng, radius_miles = new.miles
              FROM unnest(CAST(:ids AS uuid[]), CAST(:lats AS float8[]), CAST(:lngs AS float8[]), CAST(:miles AS float8[]))
                   AS new (id, lat, lng, miles)
             WHERE c.id = new.id
            """
        )
        lats, lngs, miles = zip(*places.values(), strict=True) if places else ((), (), ())
        values = {"ids": list(places), "lats": list(lats), "lngs": list(lngs), "miles": list(miles)}
        await self._session.execute(statement, values)

    async def of_city(self, city_id: UUID) -> list[UUID]:
        """All clusters of a city."""
        statement = text("SELECT id FROM lead_clusters WHERE city_id = :city_id")
        return list((await self._session.execute(statement, {"city_id": city_id})).scalars())

    async def drop_empty(self, city_id: UUID) -> int:
        """Remove clusters that no lead and no contractor is left in; how many."""
        statement = text(
            f"""
            DELETE FROM lead_clusters c WHERE c.city_id = :city_id AND ({_OWNED}) IS NOT TRUE
               AND NOT EXISTS (SELECT 1 FROM base_leads l WHERE l.cluster_id = c.id)
            """  # noqa: S608 - a condition of ours
        )
        return int((await self._session.execute(statement, {"city_id": city_id})).rowcount)  # type: ignore[attr-defined]

    async def cities(self, city_id: UUID | None) -> list[UUID]:
        """Cities with leads on the map, or the one named if it has any."""
        statement = text(
            """
            SELECT t.id FROM target_cities t WHERE (CAST(:city_id AS uuid) IS NULL OR t.id = :city_id)
               AND EXISTS (SELECT 1 FROM base_leads l WHERE l.city_id = t.id AND l.geom IS NOT NULL) ORDER BY t.id
            """
        )
        return list((await self._session.execute(statement, {"city_id": city_id})).scalars())

    async def page(self, *, city_id: UUID | None, after: Cursor | None, limit: int) -> Sequence[Row[Any]]:
        """Clusters, newest first."""
        statement = text(
            f"""
            SELECT {_COLUMNS} FROM lead_clusters c
             WHERE (CAST(:city_id AS uuid) IS NULL OR c.city_id = :city_id)
               AND (CAST(:at AS timestamptz) IS NULL OR (c.created_at, c.id) < (:at, CAST(:after AS uuid)))
             ORDER BY c.created_at DESC, c.id DESC LIMIT :limit
            """  # noqa: S608 - columns of ours
        )
        values = {
            "city_id": city_id,
            "at": after and after.created_at,
            "after": after and after.id,
            "limit": limit,
        }
        return (await self._session.execute(statement, values)).all()

    async def one(self, cluster_id: UUID) -> Row[Any] | None:
        """A cluster."""
        statement = text(f"SELECT {_COLUMNS} FROM lead_clusters c WHERE c.id = :id")  # noqa: S608
        return (await self._session.execute(statement, {"id": cluster_id})).one_or_none()

    async def leads_in(self, cluster_id: UUID) -> Sequence[Row[Any]]:
        """A cluster's leads, best first; at most as many as a cluster holds."""
        statement = text(
            """
            SELECT id, address, status, quality_score, grade, price, ST_Y(geom::geometry) AS lat, ST_X(geom::geometry) AS lng
              FROM base_leads WHERE cluster_id = :id ORDER BY quality_score DESC NULLS LAST, id LIMIT 500
            """
        )
        return (await self._session.execute(statement, {"id": cluster_id})).all()
