"""Receipts: one a sale, one a return, as the books say, numbered without a gap and never changed."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.db.engine import SessionMaker
from tests.architecture.source import ROOT
from tests.factories.leads import make_buyer, make_lead
from tests.factories.paper import pages_of, words_on
from tests.integration.marketplace.conftest import PAGE, Market, rows, violations
from tests.integration.marketplace.test_returns import claim, decide, sold

ALONE = """
    WITH s AS (
        INSERT INTO sales (base_lead_id, contractor_id, user_id, price, reserved_at, reserved_until)
        VALUES (:lead, :contractor, :user, 175, now(), now()) RETURNING id, contractor_id)
    INSERT INTO receipts (kind, contractor_id, sale_id, buyer, place, price_cents, credit_cents, charged_cents, currency,
                          sold_at, created_at)
    SELECT 'receipt', contractor_id, id, 'A', 'B', 1, 0, 1, 'USD', now(), {at} FROM s
"""
BACKFILL = next((ROOT / "db" / "migrations" / "sql").glob("*_receipts.sql"))
BOOKED = """
    SELECT e.description, sum(e.debit_cents) FILTER (WHERE a.code = 'stripe:clearing') AS charged,
           sum(e.debit_cents) FILTER (WHERE a.code LIKE 'credit:%') AS by_credit,
           sum(e.credit_cents) FILTER (WHERE a.code LIKE 'credit:%') AS to_credit,
           sum(e.credit_cents) FILTER (WHERE a.code = 'revenue:leads') AS earned
      FROM ledger_entries e JOIN ledger_accounts a ON a.id = e.account_id WHERE e.sale_id = :sale GROUP BY 1
"""


async def listed(market: Market) -> list[dict[str, Any]]:
    async with market.client() as client:
        return list((await client.get("/api/receipts")).raise_for_status().json()["items"])


async def returned(market: Market, db: SessionMaker, sale_id: str) -> None:
    opened = await claim(market, db, sale_id)
    await decide(market, db, opened.json()["id"], "accept")


async def new_lead(market: Market, db: SessionMaker) -> UUID:
    async with db.begin() as session:
        return await make_lead(session, market.resources.keys, price="200.00")


async def issue_alone(market: Market, db: SessionMaker, *, at: str, undone: bool = False) -> None:
    """A receipt of a moment for a sale that is not settled, kept or rolled back."""
    values = {
        "lead": await new_lead(market, db),
        "contractor": market.contractor_id,
        "user": market.user_id,
    }
    async with db() as session:
        await session.execute(text(ALONE.format(at=at)), values)
        await (session.rollback() if undone else session.commit())


async def test_figures_of_receipt_and_credit_note_are_those_of_the_books(
    market: Market, committed_db: SessionMaker
) -> None:
    first = await sold(market)
    await returned(market, committed_db, first)
    second = await sold(market, await new_lead(market, committed_db))
    receipt, note, of_credit = reversed(await listed(market))

    assert [each["kind"] for each in (receipt, note, of_credit)] == ["receipt", "credit_note", "receipt"]
    assert [each["number"][-6:] for each in (receipt, note, of_credit)] == ["000001", "000002", "000003"]
    assert note["about"] == receipt["number"]
    books = {row.description.split()[0]: row for row in await rows(committed_db, BOOKED, sale=first)}
    assert (receipt["price_cents"], receipt["charged_cents"], receipt["credit_cents"]) == (
        books["lead"].earned, books["lead"].charged, 0,
    )  # fmt: skip
    assert note["price_cents"] == note["credit_cents"] == books["return"].to_credit == 17500
    (book,) = await rows(committed_db, BOOKED, sale=second)
    assert (of_credit["price_cents"], of_credit["charged_cents"], of_credit["credit_cents"]) == (
        book.earned, book.charged, book.by_credit,
    ) == (20000, 2500, 17500)  # fmt: skip
    assert await violations(committed_db) == {}


async def test_a_declined_purchase_has_no_receipt_and_uses_no_number(
    market: Market, committed_db: SessionMaker
) -> None:
    await market.buy(card="pm_card_chargeDeclined")
    assert await listed(market) == []

    await sold(market)
    assert [each["number"][-6:] for each in await listed(market)] == ["000001"]


async def test_numbers_have_no_gap_whoever_buys_at_once_or_rolls_back(
    market: Market, committed_db: SessionMaker
) -> None:
    leads = [await new_lead(market, committed_db) for _ in range(6)]
    answers = await asyncio.gather(*(market.buy(lead) for lead in leads))
    assert {answer.json()["status"] for answer in answers} == {"sold"}
    await issue_alone(market, committed_db, at="now()", undone=True)
    await sold(market)

    found = await rows(committed_db, "SELECT number FROM receipts ORDER BY number")
    assert [row.number for row in found] == list(range(1, 8))


async def test_a_year_begins_with_one(market: Market, committed_db: SessionMaker) -> None:
    await sold(market)
    await issue_alone(market, committed_db, at="timestamptz '2031-01-01 00:00:00+00'")

    found = await rows(committed_db, "SELECT year, number FROM receipts ORDER BY year")
    assert [row.number for row in found] == [1, 1]
    assert found[-1].year == 2031


@pytest.mark.parametrize(
    "statement", ["UPDATE receipts SET price_cents = price_cents + 1", "DELETE FROM receipts"]
)
async def test_what_was_issued_is_never_changed(
    market: Market, committed_db: SessionMaker, statement: str
) -> None:
    await sold(market)
    with pytest.raises(DBAPIError):
        async with committed_db.begin() as session:
            await session.execute(text(statement))


async def test_what_was_sold_before_there_were_receipts_gets_the_same_ones(
    market: Market, committed_db: SessionMaker
) -> None:
    await returned(market, committed_db, await sold(market))
    await sold(market, await new_lead(market, committed_db))
    issued = await listed(market)
    begins = BACKFILL.read_text().index("-- What was sold and given back before")
    async with committed_db.begin() as session:
        await session.execute(text("TRUNCATE receipts, core.receipt_numbers"))
        await session.execute(text(BACKFILL.read_text()[begins:]))

    filled = await listed(market)
    own = {"id", "issued_at"}
    assert [{**each, **dict.fromkeys(own)} for each in filled] == [
        {**each, **dict.fromkeys(own)} for each in issued
    ]


async def test_a_receipt_is_a_page_of_pdf_for_its_own_company_alone(
    market: Market, committed_db: SessionMaker
) -> None:
    sale_id = await sold(market)
    await returned(market, committed_db, sale_id)
    note, receipt = await listed(market)
    async with market.client() as client:
        files = [(await client.get(f"/api/receipts/{each['id']}.pdf")) for each in (receipt, receipt, note)]
        page = await client.get("/my/receipts", headers=PAGE)
        missing = await client.get(f"/api/receipts/{uuid4()}.pdf")
    async with committed_db.begin() as session:
        market.contractor_id, market.user_id = await make_buyer(session)
    async with market.client() as stranger:
        foreign = await stranger.get(f"/api/receipts/{receipt['id']}.pdf")
        empty = await stranger.get("/my/receipts", headers=PAGE)

    assert files[0].content == files[1].content
    assert [pages_of(file.content) for file in files] == [1, 1, 1]
    paid, given_back = words_on(files[0].content), words_on(files[2].content)
    assert all(
        said in paid
        for said in (f"Receipt {receipt['number']}", "Price: $175 USD", "Charged: $175 USD", sale_id)
    )
    assert all(
        said in given_back for said in (f"Credit note {note['number']}", "Given back as credit: $175 USD")
    )
    assert f"Receipt: {receipt['number']}" in given_back
    assert f"Credit note {note['number']}" in page.text
    assert (missing.status_code, foreign.status_code) == (404, 404)
    assert "No receipts yet" in empty.text
    assert await listed(market) == []
