"""The registry of models."""

from __future__ import annotations

from uuid import uuid4

from redis.asyncio import Redis

from services.ml_inference.app import service
from services.ml_inference.settings import MlInferenceSettings
from shared.db.engine import SessionMaker
from tests.factories.services import call, running, settings_with_keys


async def test_the_weights_in_use_are_listed_and_an_unknown_model_is_not_found(
    database_url: str, redis_url: str, redis: Redis, committed_db: SessionMaker
) -> None:
    settings = settings_with_keys(
        MlInferenceSettings, database_url=database_url, redis_url=redis_url, port_base=1
    )
    async with running(service, settings) as door:
        models = (await call(door, "GET", "/models")).json()
        assert (await call(door, "GET", f"/models/{models[0]['id']}")).json() == models[0]
        assert (await call(door, "GET", f"/models/{uuid4()}")).status_code == 404
