"""Routes of clusters."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from services.lead_generator.api.leads import OrderedJob, Property
from services.lead_generator.service import clusters
from services.lead_generator.service.clusters import ClusterDetail, ClusterSummary
from shared.http.auth import require
from shared.runtime import ResourcesDep
from shared.schemas.page import Page, PageQuery
from shared.security.policy import Action, Actor

router = APIRouter(prefix="/clusters", tags=["clusters"])
Reader = Annotated[Actor, require(Action.OPERATIONS_READ)]
Operator = Annotated[Actor, require(Action.OPERATIONS_WRITE)]


class CityToOptimize(BaseModel):
    """The city whose clusters are drawn anew; all where none is named."""

    model_config = ConfigDict(extra="forbid")
    city_id: UUID | None = None


class ClusterQuery(PageQuery):
    """Which page, and of which city."""

    city_id: UUID | None = None


class Assigned(BaseModel):
    """Where the lead belongs now."""

    property_id: UUID
    cluster_id: UUID


@router.get("")
async def list_clusters(
    resources: ResourcesDep, _: Reader, query: Annotated[ClusterQuery, Query()]
) -> Page[ClusterSummary]:
    """Clusters, newest first."""
    return await clusters.page_of(resources, query.city_id, cursor=query.cursor, limit=query.limit)


@router.post("/assign")
async def assign(body: Property, resources: ResourcesDep, actor: Operator) -> Assigned:
    """Put a lead into the nearest cluster with room within two miles, or begin one around it."""
    lead_id, cluster_id = await clusters.assign_property(resources, actor, body.property_id)
    return Assigned(property_id=lead_id, cluster_id=cluster_id)


@router.post("/optimize", status_code=202)
async def optimize(body: CityToOptimize, resources: ResourcesDep, actor: Operator) -> OrderedJob:
    """Start the job that draws clusters anew."""
    return OrderedJob.of(await clusters.order_optimization(resources, actor, body.city_id))


@router.get("/{cluster_id}")
async def describe(cluster_id: UUID, resources: ResourcesDep, _: Reader) -> ClusterDetail:
    """A cluster with its leads, best first."""
    return await clusters.detail_of(resources, cluster_id)
