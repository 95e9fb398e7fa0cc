"""The service on a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from services.contractor_acquisition.app import service
from services.contractor_acquisition.settings import Settings
from shared.db.engine import SessionMaker
from tests.factories.services import RunningService, running, settings_with_keys


@pytest.fixture
async def contractor_service(
    database_url: str, redis_url: str, committed_db: SessionMaker
) -> AsyncIterator[RunningService]:
    settings = settings_with_keys(Settings, database_url=database_url, redis_url=redis_url)
    async with running(service, settings) as started:
        yield started


@pytest.fixture
async def client(contractor_service: RunningService) -> AsyncIterator[httpx.AsyncClient]:
    async with contractor_service.client(token=contractor_service.service_token()) as client:
        yield client
