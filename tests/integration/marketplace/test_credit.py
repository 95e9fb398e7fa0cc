"""Credit pays for leads: held by the reservation, spent by the sale, free again when the sale fails."""

from __future__ import annotations

import asyncio

from sqlalchemy import text

from services.marketplace.domain.ledger import credit_account, guarantee_postings
from services.marketplace.repository.sales import SaleRepository
from shared.db.engine import SessionMaker
from tests.factories.leads import make_lead
from tests.integration.marketplace.conftest import Market, rows, violations
from tests.integration.marketplace.test_returns import claim, decide

PRICE = 17500
DECLINED = "pm_card_chargeDeclined"


async def owe(market: Market, db: SessionMaker, cents: int) -> None:
    async with db.begin() as session:
        postings = guarantee_postings(cents, market.contractor_id)
        await SaleRepository(session).post(postings, sale_id=None, payment_id=None, words="jobs not won")


async def owed(market: Market, db: SessionMaker) -> tuple[int, int]:
    """What the books say we owe, and what of it no open sale holds."""
    code = credit_account(market.contractor_id)
    [row] = await rows(
        db, "SELECT -balance_cents AS cents FROM ledger_accounts WHERE code = :code", code=code
    )
    async with db() as session:
        return row.cents, (await SaleRepository(session).purse(market.contractor_id)).credit_cents


async def test_credit_pays_its_part_and_the_card_the_rest(market: Market, committed_db: SessionMaker) -> None:
    await owe(market, committed_db, 10000)
    answer = await market.buy()

    assert answer.json()["status"] == "sold"
    assert (answer.json()["charged_cents"], answer.json()["credit_cents"]) == (PRICE, 10000)
    assert [charge["amount"] for charge in await market.charges()] == [PRICE - 10000]
    assert await owed(market, committed_db) == (0, 0)
    assert await violations(committed_db) == {}


async def test_what_credit_pays_wholly_is_charged_to_nobody(
    market: Market, committed_db: SessionMaker
) -> None:
    await owe(market, committed_db, PRICE + 2500)
    answer = await market.buy()

    assert (answer.json()["status"], answer.json()["credit_cents"]) == ("sold", PRICE)
    assert await market.charges() == []
    assert await owed(market, committed_db) == (2500, 2500)
    assert await rows(committed_db, "SELECT 1 FROM payments") == []
    assert await violations(committed_db) == {}


async def test_a_declined_card_leaves_the_credit_as_it_was(
    market: Market, committed_db: SessionMaker
) -> None:
    await owe(market, committed_db, 10000)
    answer = await market.buy(card=DECLINED)

    assert answer.json()["status"] == "declined"
    assert await owed(market, committed_db) == (10000, 10000)
    assert await violations(committed_db) == {}


async def test_purchases_at_once_never_spend_more_credit_than_there_is(
    market: Market, committed_db: SessionMaker
) -> None:
    await owe(market, committed_db, 20000)
    async with committed_db.begin() as session:
        others = [await make_lead(session, market.resources.keys) for _ in range(3)]
    answers = await asyncio.gather(*(market.buy(lead) for lead in (market.lead_id, *others)))

    assert {answer.json()["status"] for answer in answers} == {"sold"}
    assert sum(answer.json()["credit_cents"] for answer in answers) == 20000
    assert await owed(market, committed_db) == (0, 0)
    assert await violations(committed_db) == {}


async def test_an_open_sale_holds_its_credit_until_it_ends(
    market: Market, committed_db: SessionMaker
) -> None:
    await owe(market, committed_db, 10000)
    sale_id = await market.hanging_sale(committed_db)
    async with committed_db.begin() as session:
        await session.execute(text("UPDATE sales SET credit_cents = 6000"))
    assert await owed(market, committed_db) == (10000, 4000)

    async with committed_db.begin() as session:
        await SaleRepository(session).close(sale_id, "released", reason=None, provider_ref=None)
    assert await owed(market, committed_db) == (10000, 10000)


async def test_a_lead_paid_by_credit_gives_its_whole_price_back(
    market: Market, committed_db: SessionMaker
) -> None:
    await owe(market, committed_db, 10000)
    sale = (await market.buy()).json()
    opened = await claim(market, committed_db, sale["sale_id"])
    await decide(market, committed_db, opened.json()["id"], "accept")

    assert await owed(market, committed_db) == (PRICE, PRICE)
    assert await violations(committed_db) == {}
