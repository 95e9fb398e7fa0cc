"""Routes that have roofs looked at."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from services.ml_inference.service import analyses
from shared.http.auth import require
from shared.http.idempotency import OptionalIdempotencyKey
from shared.runtime import ResourcesDep
from shared.schemas.enums import ModelType
from shared.security.policy import Action, Actor

router = APIRouter(prefix="/analyze", tags=["analysis"])
Operator = Annotated[Actor, require(Action.OPERATIONS_WRITE)]


class PropertyToAnalyze(BaseModel):
    """A lead, or a parcel that is one."""

    model_config = ConfigDict(extra="forbid")
    property_id: UUID


class ImageToAnalyze(BaseModel):
    """A stored picture and the models that shall look at it."""

    model_config = ConfigDict(extra="forbid")
    image_id: UUID
    models: list[ModelType] = Field(list(ModelType), min_length=1, max_length=3)


@router.post("/property", status_code=202)
async def analyze_property(
    body: PropertyToAnalyze,
    resources: ResourcesDep,
    actor: Operator,
    idempotency_key: OptionalIdempotencyKey = None,
) -> dict[str, Any]:
    """Look at all pictures of a property; the orchestrator shows the workflow of the job's id."""
    return await analyses.analyze_property(resources, actor, body.property_id, key=idempotency_key)


@router.post("/image")
async def analyze_image(body: ImageToAnalyze, resources: ResourcesDep, _: Operator) -> dict[str, Any]:
    """What the models see in one picture, boxes and outlines as shares of it."""
    return await analyses.analyze_image(resources, body.image_id, frozenset(body.models))
