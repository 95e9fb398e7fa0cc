"""Routes that have roofs looked at."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.ml_inference.service import analyses, validation
from shared.http.auth import require
from shared.http.idempotency import OptionalIdempotencyKey
from shared.runtime import ResourcesDep
from shared.schemas.enums import ModelType, RoofCondition
from shared.schemas.roof_evidence import Share
from shared.security.policy import Action, Actor

router = APIRouter(tags=["analysis"])
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


class Prediction(BaseModel):
    """What somebody's model says of a roof."""

    model_config = ConfigDict(extra="forbid")
    condition: RoofCondition
    confidence: float = Field(ge=0, le=1)
    probabilities: dict[RoofCondition, Share] | None = None
    familiar: bool = True

    @model_validator(mode="after")
    def _sums_to_one(self) -> Prediction:
        if self.probabilities is not None and abs(sum(self.probabilities.values()) - 1) > 0.01:
            raise ValueError("the probabilities must sum to 1")
        return self


class PredictionToValidate(BaseModel):
    """A lead, or a parcel that is one, and the prediction."""

    model_config = ConfigDict(extra="forbid")
    property_id: UUID
    prediction: Prediction


@router.post("/analyze/property", status_code=202)
async def analyze_property(
    body: PropertyToAnalyze,
    resources: ResourcesDep,
    actor: Operator,
    idempotency_key: OptionalIdempotencyKey = None,
) -> dict[str, Any]:
    """Look at all pictures of a property; the orchestrator shows the workflow of the job's id."""
    return await analyses.analyze_property(resources, actor, body.property_id, key=idempotency_key)


@router.post("/analyze/image")
async def analyze_image(body: ImageToAnalyze, resources: ResourcesDep, _: Operator) -> dict[str, Any]:
    """What the models see in one picture, boxes and outlines as shares of it."""
    return await analyses.analyze_image(resources, body.image_id, frozenset(body.models))


@router.post("/validate/prediction")
async def validate_prediction(
    body: PredictionToValidate, resources: ResourcesDep, _: Operator
) -> dict[str, Any]:
    """A prediction after all five stages of validation, and which way it would go; nothing is stored."""
    return await validation.validate_prediction(
        resources,
        body.property_id,
        condition=body.prediction.condition,
        confidence=body.prediction.confidence,
        probabilities=body.prediction.probabilities,
        familiar=body.prediction.familiar,
    )
