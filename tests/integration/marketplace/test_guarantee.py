"""The guarantee on real rows: what counts in which period, and a credit that is booked once."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
from sqlalchemy import text

from shared.db.engine import SessionMaker
from shared.schemas.enums import UserRole
from shared.security.policy import Role
from tests.factories.leads import make_lead, make_user
from tests.integration.marketplace.conftest import Market, rows

SALE = """
    WITH moved AS (UPDATE base_leads SET status = 'sold' WHERE id = :lead)
    INSERT INTO sales (id, base_lead_id, contractor_id, user_id, status, price, reserved_until, charged_at,
                       charged_cents, sold_at)
    VALUES (:id, :lead, :contractor, :user, 'sold', 175, now(), now(), 17500, now() - make_interval(hours => :age))
"""
REPORT = """
    INSERT INTO sale_outcomes (sale_id, contractor_id, outcome, happened_at, method, amount_cents, lost_reason,
                               created_at)
    SELECT id, contractor_id, :outcome, sold_at + make_interval(days => :after), :method, :cents, :lost,
           sold_at + make_interval(days => :told) FROM sales WHERE id = :sale
"""


async def sell(market: Market, db: SessionMaker, *, days: int) -> UUID:
    """A lead sold so many days ago."""
    sale_id = uuid4()
    async with db.begin() as session:
        lead = await make_lead(session, market.resources.keys)
        values = {"id": sale_id, "lead": lead, "contractor": market.contractor_id, "user": market.user_id}
        await session.execute(text(SALE), {**values, "age": days * 24})
    return sale_id


async def tell(db: SessionMaker, sale: UUID, outcome: str, **change: Any) -> None:
    """A report, by default made at once on the day after the sale."""
    values = {
        "after": 1,
        "told": 1,
        "method": "phone" if outcome == "attempted" else None,
        "cents": 900_000 if outcome == "won" else None,
        "lost": "price" if outcome == "lost" else None,
    }
    async with db.begin() as session:
        await session.execute(text(REPORT), {"sale": sale, "outcome": outcome, **values, **change})


async def a_poor_period(market: Market, db: SessionMaker) -> list[UUID]:
    """Twenty leads of half a year ago, all tried and ended, three of them jobs."""
    sales = [await sell(market, db, days=185 - number % 5) for number in range(20)]
    for number, sale in enumerate(sales):
        await tell(db, sale, "attempted")
        await tell(db, sale, "won" if number < 3 else "lost", after=20, told=20)
    return sales


async def standing(market: Market) -> list[dict[str, Any]]:
    async with market.client() as client:
        found: list[dict[str, Any]] = (await client.get("/api/contractors/me/guarantee")).json()
    return found


async def settle(market: Market, db: SessionMaker, period: int = 0) -> httpx.Response:
    async with db.begin() as session:
        user_id = await make_user(session, role=UserRole.OPS)
    async with market.door.client(token=market.door.user_token(Role.OPS, user_id=user_id)) as client:
        return await client.post(f"/api/ops/contractors/{market.contractor_id}/guarantee/{period}/settlement")


async def test_a_missing_job_is_credited_once_however_often_it_is_settled(
    market: Market, committed_db: SessionMaker
) -> None:
    await a_poor_period(market, committed_db)
    (period,) = await standing(market)
    assert (period["standing"], period["won"], period["jobs_promised"]) == ("due", 3, 4)
    assert [term["met"] for term in period["terms"]] == [True, True, True]
    assert (period["credit_cents"], period["cap_cents"]) == (17_500, 175_000)

    answers = await asyncio.gather(*(settle(market, committed_db) for _ in range(5)))

    assert [answer.status_code for answer in answers] == [200] * 5, answers[0].text
    assert len({answer.json()["id"] for answer in answers}) == 1
    books = await rows(committed_db, "SELECT code, balance_cents FROM ledger_accounts ORDER BY code DESC")
    assert [row.balance_cents for row in books] == [17_500, -17_500]
    assert len(await rows(committed_db, "SELECT 1 FROM ledger_entries")) == 2
    (settled,) = await standing(market)
    assert (settled["standing"], settled["credit_cents"]) == ("settled", 17_500)


async def test_only_what_was_done_and_told_in_time_counts(market: Market, committed_db: SessionMaker) -> None:
    sales = [await sell(market, committed_db, days=200) for _ in range(4)]
    await tell(committed_db, sales[0], "attempted", after=3, told=14)
    await tell(committed_db, sales[1], "attempted", after=4)
    await tell(committed_db, sales[2], "attempted", after=1, told=15)
    await tell(committed_db, sales[0], "won", after=90, told=90)
    await tell(committed_db, sales[1], "won", after=91, told=91)
    await tell(committed_db, sales[2], "lost")
    await tell(committed_db, sales[2], "contacted", method="phone", after=30, told=30)

    (period,) = await standing(market)

    have = {term["name"]: term["have"] for term in period["terms"]}
    assert have == {"leads_bought": 4, "leads_tried_in_time": 1, "leads_with_an_end_reported": 2}
    assert (period["won"], period["credit_cents"]) == (1, 0)


async def test_a_period_not_due_and_one_without_leads_are_not_settled(
    market: Market, committed_db: SessionMaker
) -> None:
    await sell(market, committed_db, days=179)
    early = await settle(market, committed_db)
    assert (early.status_code, early.json()["code"]) == (409, "guarantee-not-due"), early.text
    assert (await settle(market, committed_db, 7)).status_code == 404
    async with market.client() as client:
        path = f"/api/ops/contractors/{market.contractor_id}/guarantee/0/settlement"
        assert (await client.post(path)).status_code == 403


async def test_returned_leads_do_not_count_and_open_returns_hold_it_up(
    market: Market, committed_db: SessionMaker
) -> None:
    sales = await a_poor_period(market, committed_db)
    async with committed_db.begin() as session:
        await session.execute(
            text(
                """INSERT INTO sale_returns (sale_id, contractor_id, reason, explanation)
                   SELECT id, contractor_id, 'opted_out', 'x' FROM sales WHERE id = :id"""
            ),
            {"id": sales[-1]},
        )
    assert (await settle(market, committed_db)).json()["open_returns"] == 1
    async with committed_db.begin() as session:
        await session.execute(
            text("UPDATE sale_returns SET status = 'refused', decided_at = now(), decided_by = 'rule'")
        )
        await session.execute(text("UPDATE sales SET status = 'refunded' WHERE id = :id"), {"id": sales[-1]})
    settled = await settle(market, committed_db)
    assert (settled.json()["leads"], settled.json()["credit_cents"]) == (19, 0), settled.text
    assert await rows(committed_db, "SELECT 1 FROM ledger_entries") == []


async def test_a_new_period_begins_ninety_days_after_the_first_lead(
    market: Market, committed_db: SessionMaker
) -> None:
    for days in (200, 111, 110, 1):
        await sell(market, committed_db, days=days)
    found = await standing(market)
    shown = [(period["period"], period["standing"], period["terms"][0]["have"]) for period in found]
    assert shown == [(0, "due", 2), (1, "waiting", 1), (2, "collecting", 1)]
