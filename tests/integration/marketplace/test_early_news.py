"""A refund or a dispute that is told before its invoice was booked: it waits, and the books end alike."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import httpx
import orjson
import pytest

from shared.db.engine import SessionMaker
from tests.factories.supply import stock
from tests.integration.marketplace.conftest import Market, rows, violations
from tests.integration.marketplace.test_checks import dispute
from tests.integration.marketplace.test_plans import (
    LEADS,
    STARTER,
    UNIT,
    account,
    books,
    pay,
    post,
    refresh,
    run,
    settle_plans,
    subscribed,
    tell,
)


@pytest.fixture(autouse=True)
async def enough(market: Market, committed_db: SessionMaker) -> None:
    """Leads that fill every plan."""
    await stock(committed_db, on_sale=50)


async def paid_at_stripe(market: Market, db: SessionMaker) -> tuple[str, str]:
    """A plan that is paid and of which we have heard nothing: Stripe's ids of the subscription and the payment."""
    page = (await post(market, "checkout", plan="starter")).raise_for_status().json()
    assert (await pay(page["url"])).status_code == 303
    [row] = await rows(db, "SELECT checkout_ref FROM plan_subscriptions WHERE status = 'checkout'")
    checkout = await market.resources.providers.billing.read_checkout(row.checkout_ref)
    assert checkout is not None
    assert checkout.subscription is not None
    [charge] = await market.charges()
    return checkout.subscription, charge["payment_intent"]


async def refund(market: Market, payment: str, cents: int) -> str:
    """What becomes of the news that so much of a payment has gone back in all."""
    charge = {"object": "charge", "id": "ch_1", "payment_intent": payment, "amount_refunded": cents}
    event = {"id": f"evt_{uuid4().hex}", "type": "charge.refunded", "created": 1_790_000_000 + cents}
    answer: str = (await market.webhook(orjson.dumps(event | {"data": {"object": charge}}))).json()["status"]
    return answer


async def kept(db: SessionMaker) -> int:
    """How many news wait."""
    return len(await rows(db, "SELECT 1 FROM early_payment_news"))


@pytest.mark.fault(15)
@pytest.mark.parametrize("refund_first", [True, False])
async def test_a_refund_is_booked_whether_it_or_its_invoice_is_told_first(
    market: Market, committed_db: SessionMaker, *, refund_first: bool
) -> None:
    subscription, payment = await paid_at_stripe(market, committed_db)
    if refund_first:
        assert [await refund(market, payment, cents) for cents in (3 * UNIT, UNIT)] == ["kept", "kept"]
        assert await kept(committed_db) == 2
        assert await books(committed_db) == {}
    await tell(market, committed_db, subscription)
    if not refund_first:
        assert [await refund(market, payment, cents) for cents in (3 * UNIT, UNIT)] == ["taken", "taken"]

    assert await books(committed_db) == {"stripe": STARTER - 3 * UNIT, "deferred": 3 * UNIT - STARTER}
    assert (await account(market))["leads_left"] == LEADS - 3
    assert await kept(committed_db) == 0
    assert await violations(committed_db) == {}


@pytest.mark.parametrize("status", ["needs_response", "lost"])
async def test_a_dispute_told_before_its_invoice_freezes_the_buyer_with_it(
    market: Market, committed_db: SessionMaker, status: str
) -> None:
    subscription, payment = await paid_at_stripe(market, committed_db)
    body = orjson.loads(dispute(payment, status=status))
    body["data"]["object"]["amount"] = STARTER
    assert (await market.webhook(orjson.dumps(body))).json() == {"status": "kept"}

    await tell(market, committed_db, subscription)

    [case] = await rows(committed_db, "SELECT contractor_id, processor_status FROM buyer_cases")
    assert tuple(case) == (market.contractor_id, status)
    assert await books(committed_db) == (
        {} if status == "lost" else {"stripe": STARTER, "deferred": -STARTER}
    )
    assert (await account(market))["leads_left"] == 0
    assert await kept(committed_db) == 0
    assert await violations(committed_db) == {}


async def test_refund_and_invoice_at_the_same_moment_are_both_booked(
    market: Market, committed_db: SessionMaker
) -> None:
    subscription, payment = await paid_at_stripe(market, committed_db)

    await asyncio.gather(
        *(refresh(market, subscription) for _ in range(3)),
        *(refund(market, payment, cents) for cents in (UNIT, 2 * UNIT, STARTER)),
    )

    assert await books(committed_db) == {}
    assert ((await account(market))["leads_left"], await kept(committed_db)) == (0, 0)
    assert await violations(committed_db) == {}


async def test_a_period_that_learns_its_payment_later_takes_what_waited_for_it(
    market: Market, committed_db: SessionMaker
) -> None:
    reference = await subscribed(market, committed_db)
    [period] = await rows(committed_db, "SELECT payment_ref FROM plan_periods")
    await run(committed_db, "UPDATE plan_periods SET payment_ref = NULL")
    assert await refund(market, period.payment_ref, UNIT) == "kept"

    await tell(market, committed_db, reference)

    assert (await books(committed_db))["stripe"] == STARTER - UNIT


async def test_the_job_takes_news_of_a_leads_charge_and_forgets_those_of_nobody(
    market: Market, committed_db: SessionMaker
) -> None:
    await market.buy()
    [charge] = await market.charges()
    await run(committed_db, "UPDATE payments SET provider_ref = 'pi_later'")
    assert (await market.webhook(dispute(charge["payment_intent"]))).json() == {"status": "kept"}
    assert await refund(market, "pi_nobodys", 100) == "kept"
    await run(committed_db, "UPDATE payments SET provider_ref = :ref", ref=charge["payment_intent"])

    await settle_plans(market, committed_db)
    assert len(await rows(committed_db, "SELECT 1 FROM buyer_cases")) == 1
    assert await kept(committed_db) == 1

    await run(committed_db, "UPDATE early_payment_news SET created_at = now() - interval '31 days'")
    await settle_plans(market, committed_db)
    assert await kept(committed_db) == 0


async def test_the_refund_of_a_sales_charge_is_no_plans(market: Market, committed_db: SessionMaker) -> None:
    """What we gave back ourselves, as Stripe tells of it."""
    await market.buy()
    [charge] = await market.charges()
    async with httpx.AsyncClient() as client:
        form = {"payment_intent": charge["payment_intent"]}
        headers = {"authorization": "Bearer sk_test_sandbox"}
        (await client.post(f"{market.town}/stripe/v1/refunds", data=form, headers=headers)).raise_for_status()
        told = await client.get(
            f"{market.town}/stripe/v1/events", params={"type": "charge.refunded"}, headers=headers
        )
    [event] = told.raise_for_status().json()["data"]

    assert (await market.webhook(orjson.dumps(event))).json() == {"status": "taken"}
    assert await kept(committed_db) == 0
