"""Routes that order pictures and that let them be seen."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from services.image_processor.service import links, ordering
from shared.http.auth import public_route, require
from shared.http.idempotency import IdempotencyKey
from shared.runtime import ResourcesDep
from shared.schemas.enums import ImageType, ViewAngle
from shared.schemas.geo import GeoPoint
from shared.security.policy import Action, Actor

router = APIRouter(prefix="/images", tags=["images"])
Reader = Annotated[Actor, require(Action.OPERATIONS_READ)]
Operator = Annotated[Actor, require(Action.OPERATIONS_WRITE)]


def _side(word: object) -> object:
    """The angle for a caller's word; 'back' means rear."""
    if not isinstance(word, str):
        return word
    angle = ViewAngle.parse(word)
    if angle is ViewAngle.OVERHEAD:
        raise ValueError("no street shows a house from above")
    return angle


Side = Annotated[ViewAngle, BeforeValidator(_side)]
FETCHED = (ImageType.SATELLITE, ImageType.STREET_VIEW)


class House(BaseModel):
    """A lead, or a parcel that is one, and the point to look at where it is not the lead's own."""

    model_config = ConfigDict(extra="forbid")
    property_id: UUID
    lat: float | None = None
    lng: float | None = None

    @model_validator(mode="after")
    def _whole_point(self) -> House:
        if (self.lat is None) is not (self.lng is None):
            raise ValueError("lat and lng come together")
        self.point()
        return self

    def point(self) -> GeoPoint | None:
        """The point, where one is given."""
        return None if self.lat is None or self.lng is None else GeoPoint(lat=self.lat, lng=self.lng)


class HouseFromTheStreet(House):
    """The sides of the house that are wanted."""

    angles: list[Side] = Field(
        [ViewAngle.FRONT, ViewAngle.LEFT, ViewAngle.RIGHT, ViewAngle.REAR], min_length=1, max_length=4
    )


class Houses(BaseModel):
    """Leads, or parcels that are leads, and which of their pictures are wanted."""

    model_config = ConfigDict(extra="forbid")
    property_ids: list[UUID] = Field(min_length=1, max_length=1000)
    image_types: list[ImageType] = Field(list(FETCHED), min_length=1, max_length=2)

    @model_validator(mode="after")
    def _only_fetched(self) -> Houses:
        if not set(self.image_types) <= set(FETCHED):
            raise ValueError("satellite and street_view are fetched, others are made")
        return self


@router.post("/satellite", status_code=202)
async def fetch_satellite(
    body: House, resources: ResourcesDep, actor: Operator, key: IdempotencyKey
) -> dict[str, Any]:
    """Fetch the picture from above; the orchestrator shows the workflow of the job's id."""
    return await ordering.fetch_satellite(resources, actor, body.property_id, at=body.point(), key=key)


@router.post("/streetview", status_code=202)
async def fetch_street_view(
    body: HouseFromTheStreet, resources: ResourcesDep, actor: Operator, key: IdempotencyKey
) -> dict[str, Any]:
    """Fetch sides of the house as the street shows them."""
    return await ordering.fetch_street_view(
        resources, actor, body.property_id, at=body.point(), angles=body.angles, key=key
    )


@router.post("/batch/download", status_code=202)
async def fetch_batch(
    body: Houses, resources: ResourcesDep, actor: Operator, key: IdempotencyKey
) -> dict[str, Any]:
    """Fetch pictures of many houses, each in a workflow of its own below one job."""
    return await ordering.fetch_batch(resources, actor, body.property_ids, views=body.image_types, key=key)


@router.get("/{image_id}")
async def describe_image(image_id: UUID, resources: ResourcesDep, _: Reader) -> dict[str, Any]:
    """What is known of a picture: source, licence, day, ground a pixel, quality."""
    return await links.describe(resources, image_id)


@router.get("/{image_id}/url")
async def link_to_image(image_id: UUID, resources: ResourcesDep, _: Reader) -> dict[str, Any]:
    """An address that shows the picture for five minutes; its vendor's own where it may not be kept."""
    return await links.link_to(resources, image_id)


@router.get("/{image_id}/file", response_class=Response)
@public_route("a link that is signed and ends after five minutes")
async def image_file(
    image_id: UUID,
    resources: ResourcesDep,
    expires: Annotated[int, Query(ge=0, le=2**40)],
    signature: Annotated[str, Query(pattern="^[0-9a-f]{64}$")],
) -> Response:
    """The picture behind a signed link."""
    body, media_type = await links.served(resources, image_id, expires=expires, signature=signature)
    return Response(body, media_type=media_type, headers={"cache-control": "private, max-age=60"})
