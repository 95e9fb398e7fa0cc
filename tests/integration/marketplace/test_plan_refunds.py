"""Money of a plan that Stripe gives back: leads not bought go first, then what was earned; the books hold."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from services.marketplace.service import sales
from shared.db.engine import SessionMaker
from shared.db.rows import all_rows
from tests.factories.leads import make_lead
from tests.factories.supply import stock
from tests.integration.marketplace.conftest import Market, rows, violations
from tests.integration.marketplace.test_plans import (
    LEADS,
    STARTER,
    UNIT,
    account,
    books,
    end_month,
    run,
    subscribed,
)
from tests.integration.marketplace.test_returns import claim, decide


@pytest.fixture(autouse=True)
async def enough(market: Market, committed_db: SessionMaker) -> None:
    """Leads that fill every plan."""
    await stock(committed_db, on_sale=50)


async def refunded(market: Market, db: SessionMaker, cents: int) -> str:
    """What becomes of Stripe's word that so much of the plan's payment has gone back in all."""
    [period] = await rows(db, "SELECT payment_ref FROM plan_periods")
    charge = {
        "object": "charge",
        "id": f"ch_{uuid4().hex}",
        "payment_intent": period.payment_ref,
        "amount_refunded": cents,
    }
    event = {
        "id": f"evt_{uuid4().hex}",
        "type": "charge.refunded",
        "created": 1_790_000_000,
        "data": {"object": charge},
    }
    answer: str = (await market.webhook(orjson.dumps(event))).json()["status"]
    return answer


async def test_a_part_takes_leads_that_were_not_bought(market: Market, committed_db: SessionMaker) -> None:
    await subscribed(market, committed_db)
    await market.buy()

    assert await refunded(market, committed_db, 3 * UNIT + 1) == "taken"

    # what pays for no whole lead any more takes the lead too
    assert (await account(market))["leads_left"] == LEADS - 1 - 4
    assert await books(committed_db) == {
        "stripe": STARTER - 3 * UNIT - 1,
        "deferred": -(STARTER - UNIT - 3 * UNIT - 1),
        "revenue": -UNIT,
    }
    assert await violations(committed_db) == {}


async def test_all_of_it_takes_what_was_earned_as_well(market: Market, committed_db: SessionMaker) -> None:
    await subscribed(market, committed_db)
    await market.buy()

    await refunded(market, committed_db, STARTER)

    found = {name: cents for name, cents in (await books(committed_db)).items() if cents}
    assert (found, (await account(market))["leads_left"]) == ({}, 0)
    assert await violations(committed_db) == {}


async def test_the_same_word_again_an_older_one_and_several_at_once_are_booked_once(
    market: Market, committed_db: SessionMaker
) -> None:
    await subscribed(market, committed_db)
    await asyncio.gather(*(refunded(market, committed_db, cents * UNIT) for cents in (2, 5, 3, 5, 1)))

    assert (await books(committed_db))["stripe"] == STARTER - 5 * UNIT
    assert (await account(market))["leads_left"] == LEADS - 5
    assert await violations(committed_db) == {}


async def test_the_end_of_the_month_credits_what_is_left(market: Market, committed_db: SessionMaker) -> None:
    await subscribed(market, committed_db)
    await refunded(market, committed_db, 4 * UNIT)
    await end_month(market, committed_db)
    await refunded(market, committed_db, 5 * UNIT)

    found = {name: cents for name, cents in (await books(committed_db)).items() if cents}
    assert found == {"stripe": STARTER - 5 * UNIT, "credit": -(LEADS - 4) * UNIT, "revenue": UNIT}
    assert await violations(committed_db) == {}


async def held(market: Market, db: SessionMaker) -> UUID:
    """A lead of the plan that is just being bought."""
    sale_id = await market.hanging_sale(db)
    await run(
        db,
        "UPDATE sales SET price = 50, plan_period_id = (SELECT id FROM plan_periods) WHERE id = :id",
        id=sale_id,
    )
    return sale_id


async def give_up(market: Market, db: SessionMaker) -> None:
    """Let a purchase end that nobody finished."""
    await market.settle(db)
    await run(db, "UPDATE core.workflow SET finished_at = now() - interval '2 minutes' WHERE kind = 'sale'")
    await market.settle(db)
    assert [row.status for row in await rows(db, "SELECT status FROM sales")] == ["released"]


async def decline(market: Market, sale_id: UUID) -> None:
    """Let a purchase end at once."""
    with all_rows():
        async with market.resources.unit_of_work() as uow:
            assert await sales.decline(uow, sale_id, "no") == "declined"


async def left(db: SessionMaker) -> tuple[dict[str, int], tuple[int, ...]]:
    """What the books hold, and refunded cents, cents taken back and leads of the one period."""
    [period] = await rows(db, "SELECT refunded_cents, taken_back_cents, leads FROM plan_periods")
    return await books(db), tuple(period)


async def test_after_a_refund_of_all_a_purchase_that_fails_leaves_no_lead(
    market: Market, committed_db: SessionMaker
) -> None:
    await subscribed(market, committed_db)
    await held(market, committed_db)
    await refunded(market, committed_db, STARTER)
    assert await left(committed_db) == ({"deferred": -UNIT, "revenue": UNIT}, (STARTER, STARTER - UNIT, 1))

    await give_up(market, committed_db)

    assert await left(committed_db) == ({}, (STARTER, STARTER, 0))
    assert (await market.buy()).json()["included"] is False
    assert await violations(committed_db) == {}


async def test_after_a_refund_of_all_a_purchase_that_succeeds_leaves_none_either(
    market: Market, committed_db: SessionMaker
) -> None:
    await subscribed(market, committed_db)
    sale_id = await held(market, committed_db)
    await refunded(market, committed_db, STARTER)

    with all_rows():
        async with market.resources.unit_of_work() as uow:
            assert await sales.settle_without_charge(uow, sale_id) == "sold"

    assert await left(committed_db) == ({}, (STARTER, STARTER - UNIT, 1))
    assert (await account(market))["leads_left"] == 0
    assert await violations(committed_db) == {}


async def test_a_purchase_that_fails_at_the_very_moment_of_the_refund_leaves_no_lead(
    market: Market, committed_db: SessionMaker
) -> None:
    await subscribed(market, committed_db)
    sale_id = await held(market, committed_db)

    await asyncio.gather(decline(market, sale_id), *(refunded(market, committed_db, STARTER) for _ in "abc"))

    assert await left(committed_db) == ({}, (STARTER, STARTER, 0))
    assert await violations(committed_db) == {}


async def test_a_purchase_that_fails_without_a_refund_gives_its_lead_back_to_the_plan(
    market: Market, committed_db: SessionMaker
) -> None:
    await subscribed(market, committed_db)
    await decline(market, await held(market, committed_db))

    assert await left(committed_db) == ({"stripe": STARTER, "deferred": -STARTER}, (0, 0, LEADS))


async def bring_back(market: Market, db: SessionMaker, sale_id: str) -> dict[str, Any]:
    """An accepted return."""
    opened = await claim(market, db, sale_id)
    decided: dict[str, Any] = (await decide(market, db, opened.json()["id"], "accept")).json()
    assert decided["status"] == "accepted"
    return decided


@pytest.mark.parametrize("ended", [False, True])
async def test_a_lead_that_comes_back_after_a_refund_of_all_brings_nothing(
    market: Market, committed_db: SessionMaker, *, ended: bool
) -> None:
    await subscribed(market, committed_db)
    sale_id = (await market.buy()).json()["sale_id"]
    if ended:
        await end_month(market, committed_db)
    await refunded(market, committed_db, STARTER)
    before = await books(committed_db)

    back = await bring_back(market, committed_db, sale_id)

    assert back["credit_cents"] == 0
    assert await books(committed_db) == before
    assert await rows(committed_db, "SELECT 1 FROM receipts WHERE kind = 'credit_note'") == []
    assert (await account(market))["leads_left"] == 0
    assert await violations(committed_db) == {}


@pytest.mark.parametrize(
    ("ended", "now_owed"),
    [(False, {"deferred": -3000, "revenue": -UNIT}), (True, {"credit": -3000, "revenue": -UNIT})],
)
async def test_a_lead_that_comes_back_after_a_part_of_its_price_brings_the_rest(
    market: Market, committed_db: SessionMaker, *, ended: bool, now_owed: dict[str, int]
) -> None:
    await subscribed(market, committed_db)
    async with committed_db.begin() as session:
        other = await make_lead(session, market.resources.keys)
    first = (await market.buy()).json()["sale_id"]
    assert (await market.buy(other)).json()["included"]
    await refunded(market, committed_db, 8 * UNIT)
    if ended:
        await end_month(market, committed_db)
    await refunded(market, committed_db, 8 * UNIT + 2000)

    back = await bring_back(market, committed_db, first)

    assert back["credit_cents"] == 3000
    stripe = {"stripe": STARTER - 8 * UNIT - 2000}
    assert await books(committed_db) == stripe | now_owed
    [note] = await rows(committed_db, "SELECT price_cents FROM receipts WHERE kind = 'credit_note'")
    assert note.price_cents == 3000
    assert (await account(market))["leads_left"] == 0
    assert await violations(committed_db) == {}
