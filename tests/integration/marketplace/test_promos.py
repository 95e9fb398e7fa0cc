"""Promo codes: made by operators, redeemed once a company, never more often than they may, booked to the cent."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from shared.db.engine import SessionMaker
from shared.schemas.enums import UserRole
from shared.security.policy import Role
from tests.factories.leads import make_buyer
from tests.integration.marketplace.conftest import Browser, Market, rows, violations
from tests.integration.marketplace.test_desk_work import Desk, desk, send
from tests.integration.marketplace.test_plans import books

__all__ = ["desk"]


async def make_code(db: SessionMaker, **changes: Any) -> None:
    values = {
        "code": "FAIR",
        "credit_cents": 5000,
        "most": 10,
        "new_buyers": False,
        "valid_until": "2099-01-01",
    }
    async with db.begin() as session:
        await session.execute(
            text(
                "INSERT INTO promo_codes (code, credit_cents, most, new_buyers, valid_until, reason, user_id)"
                " SELECT :code, :credit_cents, :most, :new_buyers, CAST(CAST(:valid_until AS text) AS timestamptz),"
                " 'fair', id FROM users LIMIT 1"
            ),
            values | changes,
        )


async def redeem(market: Market, code: str = "FAIR") -> httpx.Response:
    async with market.client() as client:
        return await client.post("/api/contractors/me/promo-codes", json={"code": code})


async def test_a_code_is_credit_that_pays_the_next_lead(market: Market, committed_db: SessionMaker) -> None:
    await make_code(committed_db)

    given = await redeem(market, " fair ")
    again = await redeem(market)
    held = await books(committed_db)
    sale = (await market.buy()).json()

    assert (given.status_code, given.json()) == (200, {"credit_cents": 5000})
    assert (again.status_code, again.json()["code"]) == (409, "promo-refused")
    assert held == {"expense": 5000, "credit": -5000}
    assert (sale["charged_cents"], sale["credit_cents"]) == (17500, 5000)
    assert [charge["amount"] for charge in await market.charges()] == [12500]
    assert await violations(committed_db) == {}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"code": "OTHER"}, "does not exist"),
        ({"valid_until": "2020-01-01"}, "has ended"),
        ({"new_buyers": True}, "have not bought"),
    ],
)
async def test_a_refused_code_books_nothing(
    market: Market, committed_db: SessionMaker, changes: dict[str, Any], words: str
) -> None:
    await make_code(committed_db, **changes)
    await market.buy()
    before = await books(committed_db)

    answer = await redeem(market)

    assert answer.status_code == 409
    assert words in answer.json()["detail"]
    assert await books(committed_db) == before
    assert await rows(committed_db, "SELECT 1 FROM promo_redemptions") == []


async def test_companies_at_once_redeem_a_code_no_more_often_than_it_may(
    market: Market, committed_db: SessionMaker
) -> None:
    await make_code(committed_db, most=3)
    async with committed_db.begin() as session:
        others = [await make_buyer(session) for _ in range(5)]
    markets = [replace(market, contractor_id=company, user_id=person) for company, person in others]

    answers = await asyncio.gather(*(redeem(each) for each in (market, *markets, *markets)))

    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [409] * 8
    assert (await books(committed_db))["expense"] == 15000
    given = await rows(committed_db, "SELECT credit_cents FROM promo_redemptions")
    assert [row.credit_cents for row in given] == [5000] * 3
    assert await violations(committed_db) == {}


async def test_a_member_and_a_key_redeem_nothing(market: Market, committed_db: SessionMaker) -> None:
    await make_code(committed_db)
    async with market.door.client(
        token=market.door.user_token(
            Role.CONTRACTOR_MEMBER, contractor_id=market.contractor_id, user_id=market.user_id
        )
    ) as client:
        answer = await client.post("/api/contractors/me/promo-codes", json={"code": "FAIR"})
    assert answer.status_code == 403
    assert await books(committed_db) == {}


async def test_the_billing_page_redeems_and_says_why_not(
    browser: Browser, committed_db: SessionMaker
) -> None:
    await make_code(committed_db)

    bad = await browser.send("/my/billing/promo", code="!")
    good = await browser.send("/my/billing/promo", code="fair")
    shown = await browser.http.get("/my/billing")
    twice = await browser.send("/my/billing/promo", code="fair")

    assert (bad.status_code, good.status_code, twice.status_code) == (422, 303, 409)
    assert "4 to 40 letters" in bad.text
    assert "code FAIR" in shown.text
    assert "redeemed this code already" in twice.text


async def test_operators_make_and_end_codes_and_the_trail_keeps_it(desk: Desk) -> None:
    client = await desk.enter(UserRole.OPS)
    until = (datetime.now(UTC) + timedelta(days=7)).strftime("%Y-%m-%dT%H:%M")
    typed = {"code": "fair", "credit_cents": "5000", "most": "3", "valid_until": until, "reason": "the fair"}

    empty = await client.get("/ops/promos")
    made = await send(client, "/ops/promos", **typed)
    twice = await send(client, "/ops/promos", **typed)
    late = await send(client, "/ops/promos", **typed | {"code": "LATE", "valid_until": "2020-01-01T00:00"})
    bad = await send(client, "/ops/promos", **typed | {"credit_cents": "five"})
    (code,) = (await client.get("/api/ops/promo-codes")).json()
    ended = await send(client, f"/ops/promos/{code['id']}/end")
    gone = await send(client, f"/ops/promos/{uuid4()}/end")
    shown = await client.get("/ops/promos")

    assert "No code yet" in empty.text
    assert [each.status_code for each in (made, twice, late, bad, ended, gone)] == [
        303,
        409,
        409,
        422,
        303,
        404,
    ]
    assert (code["code"], code["redeemed"], code["most"]) == ("FAIR", 0, 3)
    assert "0 of 3" in shown.text
    assert "Ended" in shown.text
    trail = await rows(
        desk.db, "SELECT action FROM audit_log WHERE action LIKE 'promo.%' ORDER BY chain_day, chain_seq"
    )
    assert [row.action for row in trail] == ["promo.add", "promo.end"]
