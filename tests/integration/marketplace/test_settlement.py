"""Sales whose payment is open, refused or wrong: each is decided, and what paid for nothing goes back."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from shared.db.engine import SessionMaker
from shared.providers.payments import Charge, ChargeRequest
from tests.factories.leads import make_lead
from tests.integration.marketplace.conftest import Market, rows, stripe_event, violations
from tests.integration.marketplace.test_refund import open_workflows, refund, refunds

STRIPE = {"authorization": "Bearer sk_test_sandbox"}


async def intent(market: Market, sale_id: UUID, *, cents: int = 17500, card: str | None = None) -> str:
    """A payment intent of the town's Stripe for this sale, confirmed only with a card."""
    form = {"amount": str(cents), "currency": "usd", "metadata[sale_id]": str(sale_id)}
    if card:
        form |= {"payment_method": card, "confirm": "true"}
    async with httpx.AsyncClient(base_url=f"{market.town}/stripe/v1", headers=STRIPE) as client:
        if not card:
            form["payment_method"] = "pm_card_visa"
        answer = await client.post("/payment_intents", data=form)
    return str(answer.raise_for_status().json()["id"])


async def charge_of(market: Market, sale_id: UUID, *, cents: int, key: str) -> Charge:
    """A succeeded charge with this sale in its metadata."""
    request = ChargeRequest(cents, "pm_card_visa", {"sale_id": str(sale_id)})
    return await market.resources.providers.payments.charge(request, idempotency_key=key)


async def learn(market: Market, db: SessionMaker, charge_id: str) -> None:
    """Let the marketplace hear of a charge by the processor's event."""
    await market.webhook(stripe_event(charge_id, f"evt_{charge_id}"))
    for workflow in await open_workflows(db, "stripe_event"):
        assert await market.runner().run(workflow, "stripe_event")


async def one(db: SessionMaker, statement: str, **values: Any) -> Any:
    return (await rows(db, statement, **values))[0]


async def test_a_sale_whose_payment_stays_open_is_called_off_and_its_lead_sold_to_another(
    market: Market, committed_db: SessionMaker
) -> None:
    payment = await intent(market, await market.hanging_sale(committed_db))

    await market.settle(committed_db)

    sale = await one(committed_db, "SELECT status, provider_ref FROM sales")
    assert tuple(sale) == ("released", payment)
    assert (await market.buy()).json()["status"] == "sold"
    assert await violations(committed_db) == {}


async def test_a_payment_that_is_open_within_its_time_is_waited_for(
    market: Market, committed_db: SessionMaker
) -> None:
    await intent(market, await market.hanging_sale(committed_db))
    async with committed_db.begin() as session:
        await session.execute(
            text(
                "UPDATE sales SET reserved_until = now() + interval '1 minute', updated_at = now() - interval '2 min'"
            )
        )

    await market.settle(committed_db)

    assert (await one(committed_db, "SELECT status FROM base_leads")).status == "reserved"


async def test_a_refused_charge_ends_the_sale_at_once(market: Market, committed_db: SessionMaker) -> None:
    answer = await market.buy(card="pm_made_up")

    assert answer.json()["status"] == "declined"
    assert (await one(committed_db, "SELECT status FROM base_leads")).status == "available"
    assert (await one(committed_db, "SELECT status FROM core.step WHERE name = 'charge'")).status == "done"
    assert (await market.buy()).json()["status"] == "sold"


async def test_a_charge_of_another_amount_sells_nothing_and_goes_back(
    market: Market, committed_db: SessionMaker
) -> None:
    sale_id = await market.hanging_sale(committed_db)
    charge = await charge_of(market, sale_id, cents=100, key="wrong")

    await learn(market, committed_db, charge.id)
    await refund(market, committed_db)

    assert (await one(committed_db, "SELECT status FROM sales")).status == "declined"
    assert (await one(committed_db, "SELECT status FROM base_leads")).status == "available"
    assert await refunds(market) == [100]
    assert await violations(committed_db) == {}


async def test_a_second_charge_of_a_sold_sale_goes_back_and_the_first_stays(
    market: Market, committed_db: SessionMaker
) -> None:
    sale_id = UUID((await market.buy()).json()["sale_id"])
    strays = [await charge_of(market, sale_id, cents=17500, key=f"again-{n}") for n in range(2)]

    for stray in [*strays, *strays]:
        await learn(market, committed_db, stray.id)
    await refund(market, committed_db)

    assert (await one(committed_db, "SELECT status FROM sales")).status == "sold"
    assert await refunds(market) == [17500, 17500]
    balance = await one(
        committed_db, "SELECT balance_cents FROM ledger_accounts WHERE code = 'stripe:clearing'"
    )
    assert balance.balance_cents == 17500
    assert await violations(committed_db) == {}


WORKER_DIED_BEFORE_THE_ANSWER = (
    "UPDATE core.effect SET state = 'intended', response = NULL, provider_ref = NULL",
    "UPDATE core.workflow SET status = 'running', finished_at = NULL WHERE kind = 'sale'",
    "UPDATE core.step SET status = 'ready', output = NULL, run_after = now() WHERE name = 'charge'",
)


@pytest.mark.fault(5)
async def test_a_sale_that_the_event_settled_first_leaves_no_charge_open(
    market: Market, committed_db: SessionMaker
) -> None:
    await market.buy()
    assert (await one(committed_db, "SELECT status FROM sales")).status == "sold"
    async with committed_db.begin() as session:
        for statement in WORKER_DIED_BEFORE_THE_ANSWER:
            await session.execute(text(statement))

    workflow = (await one(committed_db, "SELECT id FROM core.workflow WHERE kind = 'sale'")).id
    await market.runner().run(workflow, "charge")

    (charge,) = await market.charges()
    effect = await one(committed_db, "SELECT state, provider_ref FROM core.effect")
    assert (effect.state, effect.provider_ref) == ("confirmed", charge["payment_intent"])
    assert (await one(committed_db, "SELECT status FROM core.step WHERE name = 'charge'")).status == "skipped"
    assert await violations(committed_db) == {}


async def test_one_sale_that_cannot_be_decided_keeps_no_other_from_it(
    market: Market, committed_db: SessionMaker
) -> None:
    broken = await market.hanging_sale(committed_db)
    async with committed_db.begin() as session:
        await session.execute(
            text(
                "UPDATE sales SET reserved_at = now() - interval '30 min', updated_at = now() - interval '2 min'"
            )
        )
        await session.execute(text("UPDATE base_leads SET status = 'available', sale_id = NULL"))
        market.lead_id = await make_lead(session, market.resources.keys)
    healthy = await market.hanging_sale(committed_db)
    for sale_id in (broken, healthy):
        await intent(market, sale_id, card="pm_card_visa")

    await market.settle(committed_db)

    assert (await one(committed_db, "SELECT status FROM sales WHERE id = :id", id=healthy)).status == "sold"
    job = await one(committed_db, "SELECT output FROM core.step WHERE name = 'settle_sales'")
    assert job.output == {"failed": 1, "sold": 1}


@pytest.mark.fault(5)
async def test_a_charge_is_found_though_the_processors_clock_is_behind(
    market: Market, committed_db: SessionMaker
) -> None:
    sale_id = await market.hanging_sale(committed_db)
    await intent(market, sale_id, card="pm_card_visa")
    async with committed_db.begin() as session:
        await session.execute(text("UPDATE sales SET reserved_at = now() + interval '5 minutes'"))

    await market.settle(committed_db)

    assert (await one(committed_db, "SELECT status FROM sales")).status == "sold"
