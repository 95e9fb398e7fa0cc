"""What an operator configures is what may be spent and started."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.errors import BudgetExceeded
from shared.runtime.limits import prospect_cap, spending_caps
from shared.security.policy import Role
from tests.factories.services import RunningService


@dataclass
class Lead:
    """A lead that paid calls are made for."""

    id: UUID
    city_id: UUID
    city_budget: Decimal | None = None
    today: str = "2026-11-22"


async def configure(door: RunningService, **changes: Any) -> Any:
    async with door.client(token=door.user_token(Role.ADMIN)) as client:
        values = {key.replace("__", "."): value for key, value in changes.items()}
        return (await client.patch("/config", json=values)).raise_for_status().json()


async def caps(door: RunningService, lead: Lead) -> list[Decimal]:
    return list((await spending_caps(door.resources, lead)).values())


async def test_the_environment_holds_until_an_operator_sets_a_limit(orchestrator: RunningService) -> None:
    async with orchestrator.client(token=orchestrator.user_token(Role.ADMIN)) as client:
        shown = (await client.get("/config")).json()
    settings = orchestrator.resources.settings

    assert shown["lead.budget_usd"]["value"] == float(settings.lead_cap_usd)
    assert await caps(orchestrator, Lead(uuid4(), uuid4())) == [
        settings.lead_cap_usd,
        settings.city_daily_cap_usd,
    ]
    assert await prospect_cap(orchestrator.resources, None) == settings.daily_prospect_cap


async def test_a_configured_limit_is_used_and_the_citys_own_goes_before_it(
    orchestrator: RunningService,
) -> None:
    await configure(orchestrator, lead__budget_usd=0.25, city__daily_budget_usd=7, city__daily_prospect_cap=3)

    assert await caps(orchestrator, Lead(uuid4(), uuid4())) == [Decimal("0.25"), Decimal(7)]
    assert await caps(orchestrator, Lead(uuid4(), uuid4(), Decimal(0))) == [Decimal("0.25"), Decimal(0)]
    assert await prospect_cap(orchestrator.resources, None) == 3
    assert await prospect_cap(orchestrator.resources, 0) == 0


async def test_a_raised_cap_holds_for_a_budget_that_is_already_in_use(orchestrator: RunningService) -> None:
    budget, lead = orchestrator.resources.budget, Lead(uuid4(), uuid4())
    one = Decimal(1)
    with pytest.raises(BudgetExceeded):
        await budget.reserve({f"lead:{lead.id}": Decimal("0.5")}, one, provider="hunter")

    await budget.reserve({f"lead:{lead.id}": Decimal("1.5")}, one, provider="hunter")
    with pytest.raises(BudgetExceeded):
        await budget.reserve({f"lead:{lead.id}": Decimal("1.5")}, one, provider="hunter")
    await budget.reserve({f"lead:{lead.id}": Decimal(2)}, one, provider="hunter")
