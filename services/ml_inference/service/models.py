"""The registry of models."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from services.ml_inference.repository import AnalysisRepository
from shared.errors import NotFound
from shared.runtime import Resources


async def list_models(resources: Resources) -> list[dict[str, Any]]:
    """Registered models."""
    async with resources.unit_of_work() as uow:
        return [row._asdict() for row in await AnalysisRepository(uow.session).models()]


async def one_model(resources: Resources, model_id: UUID) -> dict[str, Any]:
    """One registered model."""
    found = next((model for model in await list_models(resources) if model["id"] == model_id), None)
    if found is None:
        raise NotFound(f"there is no model {model_id}", model_id=str(model_id))
    return found
