"""A lead given back and then charged back: its price returns to the buyer once, not as credit and as cash."""

from __future__ import annotations

import orjson
import pytest

from shared.db.engine import SessionMaker
from tests.factories.leads import make_lead
from tests.integration.marketplace.conftest import PAGE, Market, rows, violations
from tests.integration.marketplace.test_checks import dispute
from tests.integration.marketplace.test_returns import balances, claim, decide, operator, sold

PRICE = 17_500


@pytest.fixture
async def returned(market: Market, committed_db: SessionMaker) -> str:
    """The charge of a lead that was credited as returned."""
    opened = (await claim(market, committed_db, await sold(market))).json()["id"]
    assert (await decide(market, committed_db, opened, "accept")).json()["credit_cents"] == PRICE
    [charge] = await market.charges()
    return str(charge["payment_intent"])


async def lose(market: Market, charge: str, cents: int = PRICE, ref: str = "dp_1") -> None:
    """Let the bank take so much of the charge back."""
    body = orjson.loads(dispute(charge, f"evt_{ref}", ref=ref, status="lost"))
    body["data"]["object"]["amount"] = cents
    assert (await market.webhook(orjson.dumps(body))).json() == {"status": "taken"}


async def booked(db: SessionMaker) -> list[tuple[int, int]]:
    """Of each case, oldest first, what was lost and what of it was credit taken back."""
    found = await rows(db, "SELECT booked_cents, credit_taken_cents FROM buyer_cases ORDER BY created_at")
    return [tuple(row) for row in found]


async def test_unspent_credit_goes_with_the_loss(
    market: Market, committed_db: SessionMaker, returned: str
) -> None:
    await lose(market, returned)

    assert await balances(committed_db) == {"stripe": 0, "revenue": 0, "credit": 0}
    assert await booked(committed_db) == [(PRICE, PRICE)]
    desk = await operator(market, committed_db)
    async with desk:
        page = (await desk.get("/ops/cases", headers=PAGE)).text
    assert "$175 booked as lost, $175 of it credit for its return, taken back" in page
    assert await violations(committed_db) == {}


async def test_spent_credit_is_revenue_lost_and_no_debt(
    market: Market, committed_db: SessionMaker, returned: str
) -> None:
    async with committed_db.begin() as session:
        other = await make_lead(session, market.resources.keys)
    assert (await market.buy(other)).json()["status"] == "sold"
    assert await balances(committed_db) == {"stripe": PRICE, "revenue": -PRICE, "credit": 0}

    await lose(market, returned)

    assert await balances(committed_db) == {"stripe": 0, "revenue": 0, "credit": 0}
    assert await booked(committed_db) == [(PRICE, 0)]
    assert await violations(committed_db) == {}


async def test_disputes_of_parts_never_take_more_than_the_return_gave(
    market: Market, committed_db: SessionMaker, returned: str
) -> None:
    await lose(market, returned, 10_000)
    assert await balances(committed_db) == {"stripe": 7_500, "revenue": 0, "credit": -7_500}

    await lose(market, returned, 7_500, "dp_2")
    assert await balances(committed_db) == {"stripe": 0, "revenue": 0, "credit": 0}
    assert await booked(committed_db) == [(10_000, 10_000), (7_500, 7_500)]
    assert await violations(committed_db) == {}


async def test_credit_for_another_lead_stays(market: Market, committed_db: SessionMaker) -> None:
    kept = await sold(market)
    async with committed_db.begin() as session:
        other = await make_lead(session, market.resources.keys)
    opened = (await claim(market, committed_db, await sold(market, other))).json()["id"]
    assert (await decide(market, committed_db, opened, "accept")).json()["credit_cents"] == PRICE
    charges = await rows(committed_db, "SELECT sale_id, provider_ref FROM payments WHERE kind = 'charge'")

    await lose(market, next(row.provider_ref for row in charges if str(row.sale_id) == kept))

    assert await balances(committed_db) == {"stripe": PRICE, "revenue": 0, "credit": -PRICE}
    assert await booked(committed_db) == [(PRICE, 0)]
