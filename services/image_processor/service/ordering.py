"""Pictures on demand: one view of a house, or whole batches; the answer is the job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.image_processor.domain.viewpoints import distance_m
from services.image_processor.repository import ImageRepository
from shared.errors import InvalidInput, NotFound
from shared.http.idempotency import Answer, answer_once
from shared.runtime import Resources
from shared.schemas.enums import ImageType, ViewAngle
from shared.schemas.geo import GeoPoint
from shared.security.policy import Actor
from shared.workflow.catalogue import FETCH_IMAGE_BATCH, FETCH_SATELLITE, FETCH_STREET_VIEW
from shared.workflow.ordering import start_ordered

SERVICE = "image_processor"
FURTHEST_M = 500.0
"""A point further from where the lead lies is another house's."""


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody asks for: the kind of job, and its input."""

    kind: str
    given: Mapping[str, Any]
    property_id: UUID
    at: GeoPoint | None = None


async def fetch_satellite(
    resources: Resources, actor: Actor, property_id: UUID, *, at: GeoPoint | None, key: str
) -> dict[str, Any]:
    """The job that fetches a house's picture from above."""
    given = {"views": [ImageType.SATELLITE]}
    return await _begin(resources, actor, Order(FETCH_SATELLITE.kind, given, property_id, at), key)


async def fetch_street_view(
    resources: Resources,
    actor: Actor,
    property_id: UUID,
    *,
    at: GeoPoint | None,
    angles: Sequence[ViewAngle],
    key: str,
) -> dict[str, Any]:
    """The job that fetches the sides of a house that are asked for."""
    given = {"views": [ImageType.STREET_VIEW], "angles": list(angles)}
    return await _begin(resources, actor, Order(FETCH_STREET_VIEW.kind, given, property_id, at), key)


async def fetch_batch(
    resources: Resources, actor: Actor, property_ids: Sequence[UUID], *, views: Sequence[ImageType], key: str
) -> dict[str, Any]:
    """A job that fetches pictures of these leads or parcels, each lead in a workflow of its own."""
    asked = {"property_ids": [str(one) for one in property_ids], "views": list(views)}
    async with resources.unit_of_work() as uow:

        async def begin() -> Answer:
            leads = await ImageRepository(uow.session).leads_of(property_ids)
            if not leads:
                raise InvalidInput("none of the properties is a lead")
            chosen = sorted({str(lead_id) for lead_id in leads.values()})
            given = {"lead_ids": chosen, "views": list(views)}
            run = await start_ordered(
                uow.session, actor, FETCH_IMAGE_BATCH.kind, service=SERVICE, input=given
            )
            unknown = [str(one) for one in property_ids if one not in leads]
            return Answer(202, {"job_id": str(run.workflow_id), "accepted": len(chosen), "unknown": unknown})

        scope = f"{SERVICE}.{FETCH_IMAGE_BATCH.kind}:{actor.name}"
        answer = await answer_once(uow.session, begin, scope=scope, key=key, request=asked)
    return answer.body


async def _begin(resources: Resources, actor: Actor, order: Order, key: str) -> dict[str, Any]:
    """The job, and whether this order began it; the same order while one runs is that one."""
    point = order.at.model_dump() if order.at else None
    async with resources.unit_of_work() as uow:

        async def act() -> Answer:
            lead_id = await _lead_of(ImageRepository(uow.session), order)
            given = {**order.given, "at": point}
            run = await start_ordered(
                uow.session, actor, order.kind, service=SERVICE, subject_id=lead_id, input=given
            )
            return Answer(202, {"job_id": str(run.workflow_id), "lead_id": str(lead_id), "new": run.new})

        request = {"property_id": str(order.property_id), "at": point, **order.given}
        scope = f"{SERVICE}.{order.kind}:{actor.name}"
        answer = await answer_once(uow.session, act, scope=scope, key=key, request=request)
    return answer.body


async def _lead_of(repository: ImageRepository, order: Order) -> UUID:
    """The lead that a property is; refuses a point that lies elsewhere, and a house that lies nowhere."""
    lead_id = (await repository.leads_of([order.property_id])).get(order.property_id)
    place = await repository.place(lead_id) if lead_id else None
    if lead_id is None or place is None:
        raise NotFound("No lead has this id.")
    if place.lat is None or place.lng is None:
        if order.at is None:
            raise InvalidInput("The house has no point on the map: give lat and lng.")
        return lead_id
    own = GeoPoint(lat=float(place.lat), lng=float(place.lng))
    if order.at is not None and distance_m(own, order.at) > FURTHEST_M:
        raise InvalidInput("The point is not where the house lies.", lat=own.lat, lng=own.lng)
    return lead_id
