"""All providers of a process, opened as a service opens them, against a sandbox on a real port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import pytest
import pytest_asyncio
import uvicorn
from sqlalchemy import text

from shared.errors import PolicyViolation
from shared.http.client import FetchSource
from shared.providers.assessor import ParcelQuery
from shared.providers.assessor.recipe import FieldRule, Recipe
from shared.providers.geocoder import PostalAddress
from shared.providers.opening import Providers, open_providers
from shared.providers.payments import ChargeRequest, ChargeStatus
from shared.providers.permit_source import SourceConfig
from shared.providers.settings import ProviderSettings
from shared.sandbox.app import create_app
from shared.sandbox.settings import SandboxSettings
from shared.workflow.budget import Budget

RECIPE = Recipe(
    detail_path="/harrow/property/{apn}", fields=(FieldRule(field="owner_name", labels=("Owner Name",)),)
)
OPEN = FetchSource("harrow", tos="allowed", enabled=True, requests_per_second=50, concurrency=10)


@pytest_asyncio.fixture
async def town() -> AsyncIterator[str]:
    """URL of a running sandbox."""
    app = create_app(SandboxSettings(parcels=200, today=date(2026, 11, 20), stripe_webhook_url="off"))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, ws="none"))
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn offers no event to wait for
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await running


@pytest_asyncio.fixture
async def providers(town: str, unit_of_work: Any, redis: Any) -> AsyncIterator[Providers]:
    async with open_providers(
        ProviderSettings(sandbox_url=town),
        service="scraper",
        unit_of_work=unit_of_work,
        budget=Budget(unit_of_work),
        redis=redis,
        trusted_origins=[town],
    ) as opened:
        yield opened


def permits(town: str) -> SourceConfig:
    return SourceConfig(key="harrow", kind="socrata", dataset_id="h4rw-p7mt", base_url=f"{town}/socrata")


async def test_a_source_at_a_trusted_address_is_read(providers: Providers, town: str) -> None:
    rows = [row async for page in providers.permit_source(permits(town)).pages() for row in page.rows]
    assert len(rows) > 100


async def test_the_same_source_without_trust_is_refused(town: str, unit_of_work: Any, redis: Any) -> None:
    async with open_providers(
        ProviderSettings(),
        service="scraper",
        unit_of_work=unit_of_work,
        budget=Budget(unit_of_work),
        redis=redis,
    ) as opened:
        with pytest.raises(PolicyViolation):
            await opened.permit_source(permits(town)).sample()


async def test_an_assessor_is_read_and_a_closed_one_is_not(providers: Providers, town: str) -> None:
    parcels = SourceConfig(
        key="p", kind="arcgis", layer_path="rest/services/Harrow_Parcels/FeatureServer/0", page_size=5
    )
    apn = (await providers.parcel_source(parcels).sample(1))[0].columns["APN"]
    record = await providers.assessor(RECIPE, OPEN).look_up(ParcelQuery(apn=apn))
    assert record is not None
    assert record.owner_name
    closed = FetchSource("harrow", tos="unknown", enabled=False)
    with pytest.raises(PolicyViolation):
        await providers.assessor(RECIPE, closed).look_up(ParcelQuery(apn=apn))


async def test_money_moves_and_every_call_leaves_its_row(
    town: str, unit_of_work: Any, redis: Any, committed_db: Any
) -> None:
    async with open_providers(
        ProviderSettings(sandbox_url=town),
        service="marketplace",
        unit_of_work=unit_of_work,
        budget=Budget(unit_of_work),
        redis=redis,
    ) as opened:
        sale = ChargeRequest(30360, "pm_card_visa", {"sale_id": "s"})
        charge = await opened.payments.charge(sale, idempotency_key="sale:s")
        await opened.geocoder.locate(PostalAddress("a", "101 N Oak St", "Harrow", "TX"))
        verification = await opened.email_verifier.verify("a@harrow.example")
    assert charge.status is ChargeStatus.SUCCEEDED
    assert verification.provider == "zerobounce"
    async with committed_db() as session:
        rows = (await session.execute(text("SELECT * FROM api_usage_logs"))).all()
        spent = (await session.execute(text("SELECT sum(spent), sum(reserved) FROM core.budget"))).one()
    assert {row.api_provider for row in rows} == {"stripe", "census", "zerobounce"}
    assert {row.service for row in rows} == {"marketplace"}
    assert "harrow.example" not in repr(rows)
    assert spent[0] == sum(row.cost for row in rows)
    assert spent[1] == 0
