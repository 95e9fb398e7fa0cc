"""Money that comes for a sale already given up goes back once, whatever dies in between."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from services.marketplace.repository.sales import SaleRepository
from services.marketplace.service.sales import charge_request
from shared.db.engine import SessionMaker
from shared.db.rows import all_rows
from shared.providers.payments import Charge
from shared.workflow.effects import once
from tests.integration.marketplace.conftest import Market, let_due, rows, stripe_event, violations


async def given_up_sale(market: Market, db: SessionMaker) -> UUID:
    """A sale that was released because nobody had paid it."""
    sale_id = await market.hanging_sale(db)
    await market.settle(db)
    async with db.begin() as session:
        await session.execute(
            text("UPDATE core.workflow SET finished_at = now() - interval '2 minutes' WHERE kind = 'sale'")
        )
    await market.settle(db)
    assert (await rows(db, "SELECT status FROM sales"))[0].status == "released"
    return sale_id


async def late_charge(market: Market, sale_id: UUID) -> Charge:
    """A charge that reaches the processor after the sale was given up."""
    with all_rows():
        async with market.resources.unit_of_work() as uow:
            sale = await SaleRepository(uow.session).one(sale_id)
    assert sale is not None
    payments = market.resources.providers.payments
    return await payments.charge(charge_request(sale, "pm_card_visa"), idempotency_key=str(sale_id))


async def learn(market: Market, db: SessionMaker, charge: Charge, *, way: str) -> None:
    """Let the marketplace hear of a charge twice, by the processor's event or by asking for it."""
    for turn in range(2):
        if way == "look-up":
            await market.settle(db)
            continue
        assert (await market.webhook(stripe_event(charge.id, f"evt_{turn}"))).json() == {"status": "taken"}
        for workflow in await open_workflows(db, "stripe_event"):
            assert await market.runner().run(workflow, "stripe_event")


async def open_workflows(db: SessionMaker, kind: str) -> list[UUID]:
    found = await rows(
        db, "SELECT id FROM core.workflow WHERE kind = :kind AND status = 'running'", kind=kind
    )
    return [row.id for row in found]


async def refund(market: Market, db: SessionMaker) -> None:
    """Run every refund that is due, twice each."""
    await let_due(db)
    for workflow in await open_workflows(db, "refund_stray"):
        for _ in range(2):
            await market.runner().run(workflow, "refund_stray")


async def refunds(market: Market) -> list[int]:
    """The refunds of the town's Stripe, in cents."""
    async with httpx.AsyncClient() as client:
        answer = await client.get(
            f"{market.town}/stripe/v1/events",
            params={"type": "charge.refunded"},
            headers={"authorization": "Bearer sk_test_sandbox"},
        )
    return [event["data"]["object"]["amount_refunded"] for event in answer.raise_for_status().json()["data"]]


async def assert_given_back_once(market: Market, db: SessionMaker) -> None:
    assert await refunds(market) == [17500]
    booked = await rows(db, "SELECT kind, status, amount_cents FROM payments ORDER BY kind")
    assert [tuple(row) for row in booked] == [("charge", "refunded", 17500), ("refund", "succeeded", 17500)]
    balances = await rows(db, "SELECT balance_cents FROM ledger_accounts")
    assert [row.balance_cents for row in balances] == [0, 0]
    assert len(await rows(db, "SELECT 1 FROM ledger_entries")) == 4
    assert await violations(db) == {}


@pytest.mark.parametrize("way", ["webhook", "look-up"])
async def test_money_for_a_released_sale_goes_back_once(
    market: Market, committed_db: SessionMaker, way: str
) -> None:
    charge = await late_charge(market, await given_up_sale(market, committed_db))

    await learn(market, committed_db, charge, way=way)
    assert await refunds(market) == []
    await refund(market, committed_db)

    await assert_given_back_once(market, committed_db)
    assert (await rows(committed_db, "SELECT status FROM base_leads"))[0].status == "available"


async def test_news_of_the_refund_starts_no_second_one(market: Market, committed_db: SessionMaker) -> None:
    charge = await late_charge(market, await given_up_sale(market, committed_db))
    await learn(market, committed_db, charge, way="webhook")
    await refund(market, committed_db)

    await market.webhook(stripe_event(charge.id, "evt_refunded"))
    for workflow in await open_workflows(committed_db, "stripe_event"):
        await market.runner().run(workflow, "stripe_event")

    assert await open_workflows(committed_db, "refund_stray") == []
    await assert_given_back_once(market, committed_db)


class Killed(BaseException):
    """The process is gone."""


async def refund_and_die(market: Market, charge: Charge) -> None:
    """The effect of the step up to the moment where money has moved and nothing is written down."""
    payments = market.resources.providers.payments

    async def call(key: str) -> dict[str, Any]:
        await payments.refund(charge.id, idempotency_key=key)
        raise Killed

    request = {
        "sale_id": charge.metadata["sale_id"],
        "charge_id": charge.id,
        "amount_cents": charge.amount_cents,
    }
    await once(market.resources.unit_of_work, f"refund:{charge.id}", "stripe.refund", request, call)


async def test_a_worker_killed_between_refund_and_books_leaves_one_refund(
    market: Market, committed_db: SessionMaker
) -> None:
    charge = await late_charge(market, await given_up_sale(market, committed_db))
    await learn(market, committed_db, charge, way="webhook")
    with pytest.raises(Killed):
        await refund_and_die(market, charge)

    await refund(market, committed_db)

    await assert_given_back_once(market, committed_db)


async def test_a_refund_whose_answer_is_lost_is_asked_for_again(
    market: Market, committed_db: SessionMaker
) -> None:
    charge = await late_charge(market, await given_up_sale(market, committed_db))
    await learn(market, committed_db, charge, way="webhook")
    await market.fault(fault="drop", count=4, match="/v1/refunds")
    for _ in range(3):
        await refund(market, committed_db)

    await assert_given_back_once(market, committed_db)
