"""A plan whose payment the buyer's bank takes back: its buyer is frozen, its leads are neither sold nor credited."""

from __future__ import annotations

import pytest

from shared.db.engine import SessionMaker
from tests.factories.leads import make_lead
from tests.factories.supply import stock
from tests.integration.marketplace.conftest import Market, rows
from tests.integration.marketplace.test_checks import dispute
from tests.integration.marketplace.test_plans import (
    STARTER,
    account,
    books,
    run,
    settle_plans,
    subscribed,
    tell,
)
from tests.integration.marketplace.test_returns import claim


@pytest.fixture(autouse=True)
async def enough(market: Market, committed_db: SessionMaker) -> None:
    """Leads that fill every plan."""
    await stock(committed_db, on_sale=400)


async def test_a_plans_payment_that_the_bank_took_back_freezes_its_buyer(
    market: Market, committed_db: SessionMaker
) -> None:
    await subscribed(market, committed_db)
    [paid] = [each for each in await market.charges() if each["amount"] == STARTER]

    async with committed_db.begin() as session:
        other = await make_lead(session, market.resources.keys)
    owned = (await market.buy(other)).json()["sale_id"]
    taken = await market.webhook(dispute(paid["payment_intent"]))
    bought, back = await market.buy(), await claim(market, committed_db, owned)

    [case] = await rows(committed_db, "SELECT contractor_id, sale_id, charge_ref, outcome FROM buyer_cases")
    assert taken.json() == {"status": "taken"}
    assert tuple(case) == (market.contractor_id, None, paid["payment_intent"], None)
    assert (bought.status_code, bought.json()["code"]) == (403, "sale-refused")
    assert (back.status_code, back.json()["code"]) == (409, "return-not-possible")


async def test_a_period_of_before_learns_its_payment_from_the_next_news(
    market: Market, committed_db: SessionMaker
) -> None:
    reference = await subscribed(market, committed_db)
    before = await rows(committed_db, "SELECT payment_ref FROM plan_periods")
    await run(committed_db, "UPDATE plan_periods SET payment_ref = NULL")

    await tell(market, committed_db, reference)

    assert await rows(committed_db, "SELECT payment_ref FROM plan_periods") == before != [(None,)]
    assert await books(committed_db) == {"stripe": STARTER, "deferred": -STARTER}


async def test_leads_of_a_payment_that_the_bank_took_back_are_neither_sold_nor_credited(
    market: Market, committed_db: SessionMaker
) -> None:
    await subscribed(market, committed_db)
    [paid] = [each for each in await market.charges() if each["amount"] == STARTER]
    await market.webhook(dispute(paid["payment_intent"], status="lost"))
    await run(committed_db, "UPDATE buyer_cases SET outcome = 'released', settled_at = now()")

    bought = await market.buy()
    await run(
        committed_db,
        "UPDATE plan_periods SET starts_at = starts_at - interval '2 months', ends_at = ends_at - interval '2 months'",
    )
    await settle_plans(market, committed_db)

    assert (bought.json()["status"], bought.json()["price"]) == ("sold", "175.00")
    [period] = (await account(market))["periods"]
    assert (period["bought"], period["usable"], period["closed_at"]) == (0, False, None)
    assert await books(committed_db) == {"stripe": STARTER + 17500, "deferred": -STARTER, "revenue": -17500}
