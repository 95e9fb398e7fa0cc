"""The registry of models, and the weights in use."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Row

from services.ml_inference.predicting import Loaded
from services.ml_inference.repository import ModelRepository
from services.ml_inference.service.cards import read_cards
from shared.errors import Conflict, NotFound
from shared.runtime import Resources
from shared.security import audit
from shared.security.policy import Actor

SERVICE = "ml_inference"


class ModelNotInUse(Conflict):
    """Weights that newer ones have replaced: there is nothing to read again."""

    code = "model-not-in-use"


async def list_models(resources: Resources) -> list[dict[str, Any]]:
    """Registered models."""
    async with resources.unit_of_work() as uow:
        return [row._asdict() for row in await ModelRepository(uow.session).all()]


async def one_model(resources: Resources, model_id: UUID) -> dict[str, Any]:
    """One registered model."""
    async with resources.unit_of_work() as uow:
        return (await _known(ModelRepository(uow.session), model_id))._asdict()


async def reload_model(resources: Resources, actor: Actor, model_id: UUID) -> dict[str, Any]:
    """Have every process read its weights again; WeightsRefused where they cannot be loaded, and then nothing has changed.

    The three models of a profile are read together; what they began with the old weights they end with them.
    """
    async with resources.unit_of_work() as uow:
        model = await _known(ModelRepository(uow.session), model_id)
    if not model.active:
        raise ModelNotInUse(f"{model.name} {model.version} is not in use", model_id=str(model_id))
    loaded: Loaded = await resources.own.models.reload()
    settings = resources.settings
    async with resources.unit_of_work() as uow:
        repository = ModelRepository(uow.session)
        await repository.register(read_cards(settings.weights_folder, settings.profile))
        resources.own.models.stamp = await repository.touch()
        await audit.record(
            uow.session, actor, "model.reload", service=SERVICE, object_type="model", object_id=model_id
        )
    return describe(loaded)


def describe(loaded: Loaded) -> dict[str, Any]:
    """The weights in use and what runs them."""
    return {
        "models": {
            role.value: {"name": one.name, "version": one.version} for role, one in loaded.identities.items()
        },
        "providers": list(loaded.providers),
    }


async def _known(repository: ModelRepository, model_id: UUID) -> Row[Any]:
    found = next((row for row in await repository.all() if row.id == model_id), None)
    if found is None:
        raise NotFound(f"there is no model {model_id}", model_id=str(model_id))
    return found
