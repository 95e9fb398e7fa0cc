"""The scraper at work on real storage, beside a sandbox town."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from services.scraper.app import service
from services.scraper.settings import ScraperSettings
from tests.factories.county_desk import Desk, operating
from tests.factories.steps import Bench, bench
from tests.factories.town import ServedTown, serving_town


@pytest_asyncio.fixture
async def town() -> AsyncIterator[ServedTown]:
    """A sandbox of its own."""
    async with serving_town() as served:
        yield served


@pytest_asyncio.fixture
async def scraper(
    town: ServedTown, database_url: str, redis_url: str, unit_of_work: Any, redis: Any
) -> AsyncIterator[Bench]:
    """The service on an empty database and an empty Redis."""
    del redis
    servers = {"database_url": database_url, "redis_url": redis_url}
    async with bench(service, ScraperSettings, town, unit_of_work, **servers) as at:
        yield at


@pytest.fixture
def quick_county(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short delays and one repeat: the true ones are tested by a clock of their own."""
    monkeypatch.setenv("ACCELA_PAGINATION_DELAY_FALLBACK", "0.01")
    monkeypatch.setenv("ACCELA_ENRICHMENT_DELAY_FALLBACK", "0.01")
    monkeypatch.setenv("ACCELA_MAX_RETRIES", "1")


@pytest_asyncio.fixture
async def desk(quick_county: None, scraper: Bench, town: ServedTown) -> AsyncIterator[Desk]:
    """The service with an operator before it."""
    del quick_county
    async with operating(scraper, town) as found:
        yield found
