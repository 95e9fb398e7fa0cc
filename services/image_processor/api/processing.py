"""Routes that order work on stored pictures; the answer to what takes long is a job."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from services.image_processor.domain.keys import DamageView, Enlargement
from services.image_processor.service import processing
from shared.http.auth import require
from shared.http.idempotency import IdempotencyKey
from shared.runtime import ResourcesDep
from shared.security.policy import Action, Actor

router = APIRouter(prefix="/images", tags=["processing"])
Operator = Annotated[Actor, require(Action.OPERATIONS_WRITE)]


class House(BaseModel):
    """A property by its id."""

    model_config = ConfigDict(extra="forbid")
    property_id: UUID


class Houses(BaseModel):
    """Properties by their ids."""

    model_config = ConfigDict(extra="forbid")
    property_ids: list[UUID] = Field(min_length=1, max_length=1000)


class EnhanceOrder(BaseModel):
    """A fetched picture, and how much larger it is wanted."""

    model_config = ConfigDict(extra="forbid")
    image_id: UUID
    scale: Literal[2, 4] = 4


class TransformOrder(BaseModel):
    """A fetched picture, and the damages that its views should show."""

    model_config = ConfigDict(extra="forbid")
    image_id: UUID
    transformations: list[DamageView] = Field(min_length=1, max_length=20)


@router.post("/preprocess", status_code=202)
async def preprocess(
    body: House, resources: ResourcesDep, actor: Operator, key: IdempotencyKey
) -> dict[str, Any]:
    """A job that brings the house's stored pictures into the standard form, each once."""
    return await processing.preprocess(resources, actor, body.property_id, key=key)


@router.post("/enhance", status_code=202)
async def enhance(
    body: EnhanceOrder, resources: ResourcesDep, actor: Operator, key: IdempotencyKey
) -> dict[str, Any]:
    """A job that enlarges the roof in a picture that is too coarse or too small; 409 for one that is not."""
    return await processing.enhance(resources, actor, body.image_id, Enlargement(f"{body.scale}x"), key=key)


@router.post("/transform")
async def transform(body: TransformOrder, resources: ResourcesDep, _: Operator) -> dict[str, Any]:
    """The picture's damage views, each made once and kept; an unknown name is 422."""
    return await processing.transform(resources, body.image_id, body.transformations)


@router.post("/batch/process", status_code=202)
async def process_batch(
    body: Houses, resources: ResourcesDep, actor: Operator, key: IdempotencyKey
) -> dict[str, Any]:
    """A job that brings the stored pictures of many houses into the standard form, a workflow each."""
    return await processing.process_batch(resources, actor, body.property_ids, key=key)
