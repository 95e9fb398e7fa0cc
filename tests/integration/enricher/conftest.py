"""The town whose vendors the enricher asks, one for all tests of a module."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.factories.town import ServedTown, serving_town


@pytest_asyncio.fixture
async def town() -> AsyncIterator[ServedTown]:
    async with serving_town(parcels=2_000) as served:
        yield served
