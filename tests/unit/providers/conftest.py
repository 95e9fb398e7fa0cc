"""A provider client over an in-memory vendor."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from shared.providers.settings import ProviderSettings
from tests.unit.providers.world import World, surround


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    requests: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return made.answer(request)

    async with httpx.AsyncClient(transport=httpx.MockTransport(handle)) as http:
        made = surround(http, requests)
        yield made


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> ProviderSettings:
    """Settings that no variable of the outside reaches."""
    for name in ("SANDBOX_URL", "EMAIL_FINDERS", "RIDGELINE_ENVIRONMENT"):
        monkeypatch.delenv(name, raising=False)
    return ProviderSettings(
        socrata_base_url="https://data.town.test",
        arcgis_base_url="https://gis.town.test",
        hunter_api_key="hunter-secret",
        zerobounce_api_key="zero-secret",
        stripe_secret_key="sk_test_secret",
        sendgrid_api_key="SG.secret",
        streetview_api_key="street-secret",
    )
