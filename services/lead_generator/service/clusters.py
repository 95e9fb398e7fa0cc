"""Clusters: a lead joins the nearest, and once a week a city's are drawn anew."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID, uuid4

import numpy as np
from pydantic import BaseModel
from sqlalchemy import Row

from services.lead_generator.domain.clusters import (
    NOISE,
    ClusterRules,
    Labels,
    Points,
    clusters_of,
    kept_names,
    members_of,
    plane,
    radius_of,
)
from services.lead_generator.repository.clusters import ClusterRepository, Place
from services.lead_generator.repository.leads import LeadRepository
from services.lead_generator.repository.prospects import ProspectRepository
from services.lead_generator.settings import LeadGeneratorSettings
from shared.db.geo import METRES_PER_MILE
from shared.db.unit_of_work import UnitOfWork
from shared.errors import Conflict, NotFound
from shared.runtime import Resources
from shared.schemas.page import Cursor, Page, cut_page
from shared.security import audit
from shared.security.policy import Actor
from shared.workflow.catalogue import OPTIMIZE_CLUSTERS
from shared.workflow.ordering import start_ordered
from shared.workflow.start import Started

SERVICE = "lead_generator"


class ClusterSummary(BaseModel):
    """A cluster and what its leads sum to."""

    id: UUID
    name: str | None
    city_id: UUID | None
    city: str | None
    state: str | None
    lat: float | None
    lng: float | None
    radius_miles: float | None
    leads: int
    available: int
    sold: int
    mean_score: float | None
    total_price_usd: float | None
    exclusive_contractor_id: UUID | None


class ClusterLead(BaseModel):
    """A lead as its cluster lists it."""

    id: UUID
    address: str
    status: str
    score: int | None
    grade: str | None
    price_usd: float | None
    lat: float
    lng: float


class ClusterDetail(ClusterSummary):
    """A cluster with its leads, best first."""

    members: list[ClusterLead]


def rules_of(settings: LeadGeneratorSettings) -> ClusterRules:
    """The rules as this deployment has them."""
    return ClusterRules(
        reach_miles=settings.cluster_radius_miles,
        least=settings.cluster_min_leads,
        most=settings.cluster_max_leads,
    )


async def assign(tx: UnitOfWork, lead: Row[Any], rules: ClusterRules) -> UUID:
    """Put a lead with a point into the nearest cluster with room within reach, or begin one around it."""
    repository = ClusterRepository(tx.session)
    await repository.lock(lead.city_id)
    cluster_id = await repository.nearest(
        lead.id, radius_miles=rules.reach_miles, max_leads=rules.most
    ) or await repository.begin(lead.id, rules.reach_miles)
    await repository.join(lead.id, cluster_id)
    return cluster_id


async def assign_property(resources: Resources, actor: Actor, property_id: UUID) -> tuple[UUID, UUID]:
    """The same for an operator, by the lead's id or its parcel's: (lead, cluster). Conflict where it has no point."""
    async with resources.unit_of_work() as uow:
        leads = LeadRepository(uow.session)
        lead_id = (await leads.leads_of([property_id])).get(property_id)
        lead = None if lead_id is None else await leads.one(lead_id)
        if lead is None:
            raise NotFound(f"there is no lead of property {property_id}", property_id=str(property_id))
        if not lead.located:
            raise Conflict("the lead has no point on the map", property_id=str(property_id))
        cluster_id = await assign(uow, lead, rules_of(resources.settings))
        await audit.record(
            uow.session,
            actor,
            "lead.cluster",
            service=SERVICE,
            object_type="base_lead",
            object_id=lead.id,
            details={"cluster_id": str(cluster_id)},
        )
    return lead.id, cluster_id


async def order_optimization(resources: Resources, actor: Actor, city_id: UUID | None) -> Started:
    """Start the job that draws a city's clusters anew, or every city's; the one of a city that runs already is it."""
    async with resources.unit_of_work() as uow:
        if city_id is not None and await ProspectRepository(uow.session).city(city_id) is None:
            raise NotFound(f"there is no city {city_id}", city_id=str(city_id))
        named = {"city_id": str(city_id)} if city_id is not None else {}
        return await start_ordered(
            uow.session, actor, OPTIMIZE_CLUSTERS.kind, service=SERVICE, subject_id=city_id, input=named
        )


async def draw_anew(tx: UnitOfWork, city_id: UUID, rules: ClusterRules) -> dict[str, int]:
    """Draw a city's clusters from where its leads are today; a cluster keeps its id and name where most leads stay.

    Clusters that a contractor owns stay as they are. Leads for whom no cluster of the least size is near belong to none.
    """
    repository = ClusterRepository(tx.session)
    await repository.lock(city_id)
    gone = await repository.let_go(city_id)
    rows = await repository.members(city_id)
    before, names = _numbered(rows)
    lat, lng = (np.array([getattr(row, name) for row in rows], np.float64) for name in ("lat", "lng"))
    after = await asyncio.to_thread(clusters_of, lat, lng, rules)
    ids = _ids_of(before, after, names)
    new = [cluster for cluster in ids if cluster not in set(names)]
    first = await repository.next_number(city_id)
    await repository.add(city_id, {each: str(first + place) for place, each in enumerate(new)})
    moved = {
        row.id: wanted
        for row, number in zip(rows, after.tolist(), strict=True)
        if (wanted := None if number == NOISE else ids[number]) != row.cluster_id
    }
    await repository.move(moved)
    await repository.settle(dict(zip(ids, _places(lat, lng, after), strict=True)))
    await repository.count(await repository.of_city(city_id))
    await repository.drop_empty(city_id)
    left_out = int((after == NOISE).sum())
    return {
        "leads": len(rows),
        "clusters": len(ids),
        "moved": len(moved),
        "left_out": left_out,
        "let_go": gone,
    }


def _numbered(rows: Sequence[Row[Any]]) -> tuple[Labels, list[UUID]]:
    """The leads' present clusters as numbers, and the cluster of each number."""
    names = sorted({row.cluster_id for row in rows if row.cluster_id is not None})
    numbers = {cluster: number for number, cluster in enumerate(names)}
    return np.array([numbers.get(row.cluster_id, NOISE) for row in rows], np.int64), names


def _ids_of(before: Labels, after: Labels, names: Sequence[UUID]) -> list[UUID]:
    """The id of every new cluster: the old one's that it shares most leads with, else a new one."""
    kept = kept_names(before, after)
    count = int(after.max(initial=NOISE)) + 1
    return [names[kept[number]] if number in kept else uuid4() for number in range(count)]


def _places(lat: Points, lng: Points, labels: Labels) -> Iterator[Place]:
    """Middle and reach of every cluster; the reach to a hundredth of a mile, never rounded down."""
    points = plane(lat, lng)
    for own in members_of(labels):
        miles = radius_of(points[own]) / METRES_PER_MILE
        yield Place(float(lat[own].mean()), float(lng[own].mean()), math.ceil(miles * 100) / 100)


async def page_of(
    resources: Resources, city_id: UUID | None, *, cursor: str | None, limit: int
) -> Page[ClusterSummary]:
    """Clusters of a city or of all, newest first."""
    async with resources.unit_of_work() as uow:
        rows = await ClusterRepository(uow.session).page(
            city_id=city_id, after=Cursor.decode(cursor), limit=limit + 1
        )
    kept, following = cut_page(rows, limit)
    return Page(items=[ClusterSummary(**_summary(row)) for row in kept], next_cursor=following)


async def detail_of(resources: Resources, cluster_id: UUID) -> ClusterDetail:
    """A cluster with its leads."""
    async with resources.unit_of_work() as uow:
        repository = ClusterRepository(uow.session)
        row = await repository.one(cluster_id)
        if row is None:
            raise NotFound(f"there is no cluster {cluster_id}", cluster_id=str(cluster_id))
        leads = await repository.leads_in(cluster_id)
    members = [
        ClusterLead(
            id=lead.id,
            address=lead.address,
            status=lead.status,
            score=lead.quality_score,
            grade=lead.grade,
            price_usd=lead.price,
            lat=lead.lat,
            lng=lead.lng,
        )
        for lead in leads
    ]
    return ClusterDetail(**_summary(row), members=members)


def _summary(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.cluster_name,
        "city_id": row.city_id,
        "city": row.city,
        "state": row.state,
        "lat": row.center_lat,
        "lng": row.center_lng,
        "radius_miles": row.radius_miles,
        "leads": row.lead_count,
        "available": row.leads_available,
        "sold": row.leads_sold,
        "mean_score": row.avg_quality_score,
        "total_price_usd": row.total_value,
        "exclusive_contractor_id": row.exclusive_contractor_id,
    }
