"""An operator throws the kill switch of sales, and releases it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from services.orchestrator.app import service as orchestrator_service
from services.orchestrator.settings import OrchestratorSettings
from shared.db.engine import SessionMaker
from shared.security.policy import Role
from tests.factories.services import RunningService, running, settings_with_keys
from tests.integration.marketplace.conftest import Market


@pytest.fixture
async def orchestrator(database_url: str, redis_url: str, market: Market) -> AsyncIterator[RunningService]:
    """The service an operator speaks to, on the market's database."""
    settings = settings_with_keys(
        OrchestratorSettings,
        database_url=database_url,
        redis_url=redis_url,
        sandbox_url=market.town,
        port_base=1,
    )
    async with running(orchestrator_service, settings) as door:
        yield door


async def throw(door: RunningService, **switches: bool) -> None:
    changes = {key.replace("_", "."): on for key, on in switches.items()}
    async with door.client(token=door.user_token(Role.ADMIN)) as client:
        (await client.patch("/config/features", json=changes)).raise_for_status()


async def test_the_kill_switch_refuses_the_next_purchase_until_it_is_released(
    market: Market, orchestrator: RunningService, committed_db: SessionMaker
) -> None:
    await throw(orchestrator, kill_sale=True)
    refused = await market.buy()
    await throw(orchestrator, kill_sale=False)
    sold = await market.buy()

    assert (refused.status_code, refused.json()["reasons"]) == (403, ["POLICY_KILL_SWITCH"])
    assert sold.json()["status"] == "sold"
    async with committed_db() as session:
        changes = await session.execute(
            text(
                "SELECT details #>> '{after,kill.sale}' FROM audit_log WHERE action = 'features.change' ORDER BY occurred_at"
            )
        )
    assert list(changes.scalars()) == ["true", "false"]
