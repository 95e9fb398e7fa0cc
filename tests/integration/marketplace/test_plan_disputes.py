"""A plan whose payment the buyer's bank takes back: its buyer is frozen, its leads are neither sold nor credited."""

from __future__ import annotations

import orjson
import pytest

from shared.db.engine import SessionMaker
from tests.factories.leads import make_lead
from tests.factories.supply import stock
from tests.integration.marketplace.conftest import PAGE, Market, rows, violations
from tests.integration.marketplace.test_checks import dispute
from tests.integration.marketplace.test_plan_refunds import refunded
from tests.integration.marketplace.test_plans import (
    STARTER,
    UNIT,
    account,
    books,
    run,
    settle_plans,
    subscribed,
    tell,
)
from tests.integration.marketplace.test_returns import claim, operator


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
    lost = 17500
    assert await books(committed_db) == {"stripe": STARTER, "deferred": lost - STARTER, "revenue": -17500}
    assert await violations(committed_db) == {}


async def lose(market: Market, db: SessionMaker, cents: int, *events: tuple[str, str]) -> None:
    """Let the bank take so much of the plan's payment back, and tell of it as often as there are events."""
    [paid] = [each for each in await market.charges() if each["amount"] == STARTER]
    for event, status in events:
        body = orjson.loads(dispute(paid["payment_intent"], event, status=status))
        body["data"]["object"]["amount"] = cents
        assert (await market.webhook(orjson.dumps(body))).json() == {"status": "taken"}


async def test_a_lost_dispute_of_a_plans_payment_is_booked_once_like_its_refund(
    market: Market, committed_db: SessionMaker
) -> None:
    await subscribed(market, committed_db)
    await market.buy()

    await lose(market, committed_db, STARTER, ("evt_1", "needs_response"))
    assert (await books(committed_db))["stripe"] == STARTER
    await lose(market, committed_db, STARTER, ("evt_2", "lost"), ("evt_3", "lost"), ("evt_4", "won"))
    await settle_plans(market, committed_db)

    assert await books(committed_db) == {}
    [period] = await rows(
        committed_db, "SELECT lost_cents, refunded_cents, taken_back_cents, leads FROM plan_periods"
    )
    assert tuple(period) == (STARTER, 0, STARTER - UNIT, 1)
    assert [row.booked_cents for row in await rows(committed_db, "SELECT booked_cents FROM buyer_cases")] == [
        STARTER
    ]
    assert await violations(committed_db) == {}


async def test_what_was_refunded_is_not_lost_again(market: Market, committed_db: SessionMaker) -> None:
    await subscribed(market, committed_db)
    await refunded(market, committed_db, 4 * UNIT)

    await lose(market, committed_db, STARTER, ("evt_1", "lost"))
    await refunded(market, committed_db, STARTER)

    assert await books(committed_db) == {}
    [case] = await rows(committed_db, "SELECT booked_cents FROM buyer_cases")
    assert case.booked_cents == STARTER - 4 * UNIT
    assert await violations(committed_db) == {}


async def test_a_lost_dispute_of_a_leads_charge_is_revenue_lost(
    market: Market, committed_db: SessionMaker
) -> None:
    await market.buy()
    [charge] = await market.charges()

    await market.webhook(dispute(charge["payment_intent"], status="lost"))

    assert await books(committed_db) == {}
    desk = await operator(market, committed_db)
    async with desk:
        assert "$175 booked as lost" in (await desk.get("/ops/cases", headers=PAGE)).text
    assert await violations(committed_db) == {}


async def test_a_loss_of_before_is_booked_by_the_job_and_the_checker_misses_it_until_then(
    market: Market, committed_db: SessionMaker
) -> None:
    await market.buy()
    [charge] = await market.charges()
    await market.webhook(dispute(charge["payment_intent"]))
    await run(committed_db, "ALTER TABLE buyer_cases DISABLE TRIGGER USER")
    await run(
        committed_db,
        "UPDATE buyer_cases SET processor_status = 'lost', updated_at = now() - interval '2 hours'",
    )
    await run(committed_db, "ALTER TABLE buyer_cases ENABLE TRIGGER USER")
    assert await violations(committed_db) == {"gone_money_matches_books": 1}

    for _ in range(2):
        await settle_plans(market, committed_db)

    assert await books(committed_db) == {}
    assert await violations(committed_db) == {}


async def test_the_checker_sees_money_that_is_gone_and_not_booked(
    market: Market, committed_db: SessionMaker
) -> None:
    await subscribed(market, committed_db)
    await run(committed_db, "UPDATE plan_periods SET refunded_cents = 1")
    assert await violations(committed_db) == {"gone_money_matches_books": 1}
    await run(committed_db, "UPDATE plan_periods SET refunded_cents = 0, lost_cents = 1")
    assert await violations(committed_db) == {"gone_money_matches_books": 1}
