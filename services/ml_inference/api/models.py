"""Routes of the registry of models, and this process's health with what runs them."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter

from services.ml_inference.service import models as registry
from shared.http.auth import public_route, require
from shared.runtime import ResourcesDep
from shared.security.policy import Action, Actor

router = APIRouter(tags=["models"])
Reader = Annotated[Actor, require(Action.REVIEW_READ)]
Operator = Annotated[Actor, require(Action.OPERATIONS_WRITE)]


@router.get("/models")
async def models(resources: ResourcesDep, _: Reader) -> list[dict[str, Any]]:
    """Available models with their measured figures."""
    return await registry.list_models(resources)


@router.get("/models/{model_id}")
async def model(model_id: UUID, resources: ResourcesDep, _: Reader) -> dict[str, Any]:
    """One model."""
    return await registry.one_model(resources, model_id)


@router.post("/models/{model_id}/reload")
async def reload_model(model_id: UUID, resources: ResourcesDep, actor: Operator) -> dict[str, Any]:
    """Read the weights again in every process; no analysis under way is lost."""
    return await registry.reload_model(resources, actor, model_id)


@router.get("/health")
@public_route("liveness probe")
async def health(resources: ResourcesDep) -> dict[str, Any]:
    """This process answers; with the models it has loaded, once it had to."""
    loaded = resources.own.models.now
    told = registry.describe(loaded) if loaded else {"models": {}, "providers": []}
    return {"status": "ok", "service": registry.SERVICE, "profile": resources.settings.profile, **told}
