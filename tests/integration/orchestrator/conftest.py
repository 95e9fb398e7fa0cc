"""The orchestrator on real storage."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from services.orchestrator.app import service
from services.orchestrator.settings import OrchestratorSettings
from shared.db.engine import SessionMaker
from tests.factories.services import RunningService, running, settings_with_keys


@pytest.fixture
async def orchestrator(
    database_url: str, redis_url: str, redis: Redis, committed_db: SessionMaker
) -> AsyncIterator[RunningService]:
    """The service, its schedule seeded."""
    from shared.workflow.schedule import seed_schedule

    settings = settings_with_keys(
        OrchestratorSettings, database_url=database_url, redis_url=redis_url, port_base=1
    )
    async with running(service, settings) as started:
        async with started.resources.unit_of_work() as uow:
            await seed_schedule(uow.session, service.name, tuple(service.schedule))
        yield started
