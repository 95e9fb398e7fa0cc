"""Money is set aside before it is spent, and never more than there is."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from shared.db.unit_of_work import UnitOfWorkFactory
from shared.errors import BudgetExceeded
from shared.workflow.budget import Budget, Reservation
from tests.factories.core import Core

CAPS = {"provider:hunter": Decimal(40), "city:1": Decimal(1000)}


async def state(core: Core, scope: str) -> Any:
    row = (await core.rows("SELECT spent, reserved FROM core.budget WHERE scope = :s", s=scope))[0]
    return row.spent, row.reserved


async def test_two_hundred_at_once_get_exactly_forty(unit_of_work: UnitOfWorkFactory, core: Core) -> None:
    budget = Budget(unit_of_work)
    tries = [budget.reserve(CAPS, Decimal(1), provider="hunter") for _ in range(200)]
    results = await asyncio.gather(*tries, return_exceptions=True)
    kept = [result for result in results if isinstance(result, Reservation)]
    assert len(kept) == 40
    assert all(
        isinstance(result, BudgetExceeded) for result in results if not isinstance(result, Reservation)
    )
    assert await state(core, "provider:hunter") == (0, 40)
    assert await state(core, "city:1") == (0, 40)


async def test_reserving_and_settling_together_neither_deadlocks_nor_overspends(
    unit_of_work: UnitOfWorkFactory, core: Core
) -> None:
    budget = Budget(unit_of_work)

    async def spend(i: int) -> bool:
        caps = dict(reversed(CAPS.items())) if i % 2 else CAPS
        try:
            reservation = await budget.reserve(caps, Decimal(1), provider="hunter")
        except BudgetExceeded:
            return False
        await (budget.release(reservation) if i % 3 == 0 else budget.settle(reservation, Decimal("0.5")))
        return i % 3 != 0

    spent = sum(await asyncio.gather(*(spend(i) for i in range(200))))
    assert await state(core, "provider:hunter") == (Decimal("0.5") * spent, 0)
    assert Decimal("0.5") * spent <= 40


async def test_settling_twice_counts_once(unit_of_work: UnitOfWorkFactory, core: Core) -> None:
    budget = Budget(unit_of_work)
    reservation = await budget.reserve(CAPS, Decimal(10), provider="hunter")
    await budget.settle(reservation, Decimal(4))
    await budget.settle(reservation, Decimal(4))
    await budget.release(reservation)
    assert await state(core, "provider:hunter") == (4, 0)


async def test_old_reservation_becomes_unknown_and_keeps_its_money(
    unit_of_work: UnitOfWorkFactory, core: Core
) -> None:
    budget = Budget(unit_of_work)
    reservation = await budget.reserve(CAPS, Decimal(10), provider="hunter")
    await core.rows("UPDATE core.budget_reservation SET expires_at = now() - interval '1 s'")
    assert await budget.expire() == 1
    assert await state(core, "provider:hunter") == (0, 10)
    with pytest.raises(BudgetExceeded):
        await budget.reserve(CAPS, Decimal(31), provider="hunter")
    await budget.settle(reservation, Decimal(2))
    assert await state(core, "provider:hunter") == (2, 0)


async def unknown(core: Core, budget: Budget, *, hours_ago: int) -> Reservation:
    """A reservation nobody settled, which expired some hours ago."""
    reservation = await budget.reserve(CAPS, Decimal(10), provider="hunter")
    await core.rows(
        "UPDATE core.budget_reservation SET created_at = now() - make_interval(hours => :hours, mins => 15),"
        " expires_at = now() - make_interval(hours => :hours, secs => 1) WHERE id = :id",
        hours=hours_ago,
        id=reservation.id,
    )
    await budget.expire()
    return reservation


async def log_call(core: Core, reservation: Reservation, cost: Decimal, *, hours_ago: int) -> None:
    await core.rows(
        "INSERT INTO api_usage_logs (api_provider, cost, reservation_id, created_at)"
        " VALUES ('hunter', :cost, :id, now() - make_interval(hours => :hours, mins => 10))",
        cost=cost,
        id=reservation.id,
        hours=hours_ago,
    )


async def test_unknown_reservation_is_settled_at_what_the_usage_log_was_billed(
    unit_of_work: UnitOfWorkFactory, core: Core
) -> None:
    budget = Budget(unit_of_work)
    billed = await unknown(core, budget, hours_ago=1)
    silent = await unknown(core, budget, hours_ago=1)
    await log_call(core, billed, Decimal(3), hours_ago=1)
    await log_call(core, billed, Decimal(1), hours_ago=1)
    await log_call(core, silent, Decimal(0), hours_ago=1)
    assert await budget.reconcile() == 1
    assert await budget.reconcile() == 0
    assert await state(core, "provider:hunter") == (4, 10)
    assert await state(core, "city:1") == (4, 10)


async def test_unknown_reservation_nobody_billed_is_given_back_after_a_day(
    unit_of_work: UnitOfWorkFactory, core: Core
) -> None:
    budget = Budget(unit_of_work)
    await unknown(core, budget, hours_ago=23)
    old = await unknown(core, budget, hours_ago=25)
    assert await budget.reconcile() == 1
    assert await state(core, "provider:hunter") == (0, 10)
    closed = "SELECT state FROM core.budget_reservation WHERE id = :id"
    assert await core.one(closed, id=old.id) == "released"
