"""All providers of a process, opened as a service opens them, against a sandbox on a real port."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from shared.errors import PolicyViolation
from shared.http.client import FetchDenied, FetchSource
from shared.providers.assessor import ParcelQuery
from shared.providers.assessor.recipe import FieldRule, Recipe
from shared.providers.geocoder import PostalAddress
from shared.providers.opening import Providers, open_providers
from shared.providers.payments import ChargeRequest, ChargeStatus
from shared.providers.permit_source import SourceConfig
from shared.providers.settings import ProviderSettings
from shared.workflow.budget import Budget
from tests.factories.town import serving_town

RECIPE = Recipe(
    detail_path="/harrow/property/{apn}", fields=(FieldRule(field="owner_name", labels=("Owner Name",)),)
)
OPEN = FetchSource("harrow_tx_assessor", tos="allowed", enabled=True, requests_per_second=50, concurrency=10)


@pytest_asyncio.fixture
async def town() -> AsyncIterator[str]:
    """URL of a running sandbox."""
    async with serving_town(today=date(2026, 11, 20)) as served:
        yield served.url


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
    return SourceConfig(
        key="harrow_tx_permits", kind="socrata", dataset_id="h4rw-p7mt", base_url=f"{town}/socrata"
    )


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
        key="harrow_tx_parcels",
        kind="arcgis",
        layer_path="rest/services/Harrow_Parcels/FeatureServer/0",
        page_size=5,
    )
    apn = (await providers.parcel_source(parcels).sample(1))[0].columns["APN"]
    record = await providers.assessor(RECIPE, OPEN).look_up(ParcelQuery(apn=apn))
    assert record is not None
    assert record.owner_name
    closed = FetchSource("harrow_tx_assessor", tos="unknown", enabled=False)
    with pytest.raises(PolicyViolation):
        await providers.assessor(RECIPE, closed).look_up(ParcelQuery(apn=apn))


async def test_a_source_that_nobody_registered_is_not_read_whatever_the_caller_believes(
    providers: Providers, town: str
) -> None:
    believed = FetchSource("elsewhere", tos="allowed", enabled=True, requests_per_second=50)
    with pytest.raises(FetchDenied):
        await providers.assessor(RECIPE, believed).look_up(ParcelQuery(apn="1"))
    with pytest.raises(FetchDenied):
        await providers.permit_source(permits(town).model_copy(update={"key": "elsewhere"})).sample()


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
        verification = await opened.email_verifiers[0].verify("a@harrow.example")
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
