"""Routes of the registry of models."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter

from services.ml_inference.service import models as registry
from shared.http.auth import require
from shared.runtime import ResourcesDep
from shared.security.policy import Action, Actor

router = APIRouter(tags=["models"])
Reader = Annotated[Actor, require(Action.REVIEW_READ)]


@router.get("/models")
async def models(resources: ResourcesDep, _: Reader) -> list[dict[str, Any]]:
    """Available models with their measured figures."""
    return await registry.list_models(resources)


@router.get("/models/{model_id}")
async def model(model_id: UUID, resources: ResourcesDep, _: Reader) -> dict[str, Any]:
    """One model."""
    return await registry.one_model(resources, model_id)
