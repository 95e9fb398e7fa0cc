"""A plan from checkout to refund: money moves at the sandbox's Stripe, its own signed events come over the wire."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import httpx
import pytest

from shared.db.engine import SessionMaker
from tests.factories.pages import serving
from tests.factories.sandbox import free_port, running_sandbox
from tests.factories.supply import stock
from tests.integration.marketplace.conftest import WEBHOOK_SECRET, Market, rows, violations
from tests.integration.marketplace.test_plans import LEADS, STARTER, UNIT, account, books, pay, post
from tests.integration.marketplace.test_refund import open_workflows


@pytest.fixture
def port() -> int:
    """Where the marketplace is heard."""
    return free_port()


@pytest.fixture
def town(port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A sandbox whose Stripe tells the marketplace of everything."""
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", WEBHOOK_SECRET)
    with running_sandbox(tmp_path, webhook_url=f"http://127.0.0.1:{port}/webhooks/stripe") as url:
        yield url


@pytest.fixture(autouse=True)
async def heard(market: Market, committed_db: SessionMaker, port: int) -> AsyncIterator[None]:
    """The marketplace on its port, with leads that fill every plan."""
    await stock(committed_db, on_sale=50)
    async with serving(market.door.app, port=port):
        yield


async def until(what: Callable[[], Awaitable[bool]]) -> None:
    """Wait for what an event brings."""
    for _ in range(100):
        if await what():
            return
        await asyncio.sleep(0.1)
    raise AssertionError("nothing came of it within ten seconds")


async def work(market: Market, db: SessionMaker) -> None:
    """What a worker does of plan events."""
    for workflow in await open_workflows(db, "plan_event"):
        await market.runner().run(workflow, "plan_event")


async def buy_plan(market: Market, db: SessionMaker) -> str:
    """Pay a plan on Stripe's page, and wait until we were told of it; Stripe's id of the payment."""
    page = (await post(market, "checkout", plan="starter")).raise_for_status().json()
    assert (await pay(page["url"])).status_code == 303

    async def told() -> bool:
        return len(await open_workflows(db, "plan_event")) >= 3

    await until(told)
    [charge] = await market.charges()
    return str(charge["payment_intent"])


async def give_back(market: Market, payment: str, cents: int) -> None:
    """What an operator does on Stripe's dashboard."""
    async with httpx.AsyncClient() as client:
        answer = await client.post(
            f"{market.town}/stripe/v1/refunds",
            data={"payment_intent": payment, "amount": str(cents)},
            headers={"authorization": "Bearer sk_test_sandbox"},
        )
    assert answer.raise_for_status().json()["status"] == "succeeded"


def holds(db: SessionMaker, **cents: int) -> Callable[[], Awaitable[bool]]:
    """Whether the books hold exactly this."""

    async def asked() -> bool:
        return await books(db) == cents

    return asked


async def test_a_plan_is_paid_used_and_refunded_in_two_parts(
    market: Market, committed_db: SessionMaker
) -> None:
    payment = await buy_plan(market, committed_db)
    await work(market, committed_db)
    assert (await account(market))["leads_left"] == LEADS
    assert (await market.buy()).json()["included"] is True

    await give_back(market, payment, 4 * UNIT)
    left = STARTER - 4 * UNIT
    await until(holds(committed_db, stripe=left, deferred=UNIT - left, revenue=-UNIT))
    assert (await account(market))["leads_left"] == LEADS - 5

    await give_back(market, payment, left)
    await until(holds(committed_db))
    assert (await account(market))["leads_left"] == 0
    assert [charge["refunded"] for charge in await market.charges()] == [True]
    [period] = await rows(committed_db, "SELECT refunded_cents, taken_back_cents FROM plan_periods")
    assert tuple(period) == (STARTER, STARTER - UNIT)
    assert await violations(committed_db) == {}


async def test_a_plan_refunded_before_we_read_its_invoice_brings_no_leads(
    market: Market, committed_db: SessionMaker
) -> None:
    payment = await buy_plan(market, committed_db)
    await give_back(market, payment, STARTER)

    async def waits() -> bool:
        return len(await rows(committed_db, "SELECT 1 FROM early_payment_news")) == 1

    await until(waits)
    await work(market, committed_db)

    assert await books(committed_db) == {}
    assert (await account(market))["leads_left"] == 0
    assert await rows(committed_db, "SELECT 1 FROM early_payment_news") == []
    assert await violations(committed_db) == {}
