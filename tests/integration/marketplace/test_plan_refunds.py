"""Money of a plan that Stripe gives back: leads not bought go first, then what was earned; the books hold."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import orjson
import pytest

from shared.db.engine import SessionMaker
from tests.factories.supply import stock
from tests.integration.marketplace.conftest import Market, rows, violations
from tests.integration.marketplace.test_plans import (
    LEADS,
    STARTER,
    UNIT,
    account,
    books,
    end_month,
    subscribed,
)


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
