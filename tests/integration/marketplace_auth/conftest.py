"""Log-in and contractors of the marketplace, with contractor_acquisition beside it in the same process."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from services.contractor_acquisition.app import service as contractor_acquisition
from services.contractor_acquisition.settings import Settings as ContractorSettings
from services.marketplace.api import auth, contractors
from services.marketplace.settings import MarketplaceSettings
from shared.db.engine import SessionMaker
from shared.runtime import Service
from tests.factories.services import RunningService, running, settings_with_keys

DOOR = Service(
    name="marketplace",
    summary="Log-in and contractors.",
    settings=MarketplaceSettings,
    routers=[auth.router, contractors.router],
    accepts_cookies=True,
)


@pytest.fixture
async def owners(
    database_url: str, redis_url: str, committed_db: SessionMaker
) -> AsyncIterator[RunningService]:
    """contractor_acquisition."""
    settings = settings_with_keys(ContractorSettings, database_url=database_url, redis_url=redis_url)
    async with running(contractor_acquisition, settings) as started:
        yield started


@pytest.fixture
async def door(
    database_url: str, redis_url: str, owners: RunningService, redis: Redis
) -> AsyncIterator[RunningService]:
    """The marketplace."""
    settings = settings_with_keys(MarketplaceSettings, database_url=database_url, redis_url=redis_url)
    async with running(DOOR, settings, neighbours={"contractor_acquisition": owners}) as started:
        yield started
