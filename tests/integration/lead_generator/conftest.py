"""The lead generator on tables of a test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from services.lead_generator.app import service
from services.lead_generator.settings import LeadGeneratorSettings
from shared.db.engine import SessionMaker
from tests.factories.services import RunningService, running, settings_with_keys


@pytest.fixture
async def generator(
    database_url: str, redis_url: str, redis: Redis, committed_db: SessionMaker
) -> AsyncIterator[RunningService]:
    """The service on committed tables."""
    settings = settings_with_keys(
        LeadGeneratorSettings, database_url=database_url, redis_url=redis_url, port_base=1
    )
    async with running(service, settings) as started:
        yield started
