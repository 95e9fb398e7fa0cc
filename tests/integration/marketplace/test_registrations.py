"""Registrations as a data broker on real storage: they open and close a state's sales."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from services.marketplace.service.registrations import report
from shared.db.engine import SessionMaker
from shared.schemas.enums import UserRole
from shared.security.policy import Role
from tests.factories.leads import make_user
from tests.integration.marketplace.conftest import Market, rows

URL = "/api/ops/registrations"
PAGE = "text/html,application/xhtml+xml"


def form(today: date, **changed: Any) -> dict[str, Any]:
    body = {
        "state": "TX",
        "number": "DB-2026-77",
        "filed_on": today.isoformat(),
        "expires_on": (today + timedelta(days=365)).isoformat(),
        "note": "Certificate in the folder of registrations",
    }
    return {**body, **changed}


async def operator(market: Market, db: SessionMaker) -> httpx.AsyncClient:
    async with db.begin() as session:
        user_id = await make_user(session, role=UserRole.OPS)
    return market.door.client(token=market.door.user_token(Role.OPS, user_id=user_id), timeout=30)


async def unregistered(db: SessionMaker) -> date:
    """Texas without a registration; the database's day."""
    async with db.begin() as session:
        await session.execute(text("DELETE FROM compliance.state_registration WHERE kind = 'broker'"))
    found: date = (await rows(db, "SELECT current_date AS today"))[0].today
    return found


async def in_texas(market: Market, db: SessionMaker) -> dict[str, Any]:
    async with await operator(market, db) as client:
        states = (await client.get(URL)).json()["states"]
    found: dict[str, Any] = next(each for each in states if each["state"] == "TX")
    return found


async def test_a_state_sells_only_while_its_registration_is_on_file(
    market: Market, committed_db: SessionMaker
) -> None:
    today = await unregistered(committed_db)
    assert (await in_texas(market, committed_db))["standing"] == "missing"
    assert (await market.buy()).status_code != 201

    async with await operator(market, committed_db) as client:
        recorded = await client.post(URL, json=form(today))
        again = await client.post(URL, json=form(today))

    assert (recorded.status_code, again.status_code) == (201, 409)
    assert (await in_texas(market, committed_db))["sells"] is True
    assert (await market.buy()).status_code < 300
    told = await rows(
        committed_db, "SELECT action, reason FROM audit_log WHERE object_type = 'state_registration'"
    )
    assert [tuple(row) for row in told] == [
        ("registration.record", "Certificate in the folder of registrations")
    ]


async def test_a_withdrawn_registration_closes_the_state_once(
    market: Market, committed_db: SessionMaker
) -> None:
    today = await unregistered(committed_db)
    async with await operator(market, committed_db) as client:
        made = (await client.post(URL, json=form(today))).json()
        url = f"{URL}/{made['id']}/withdrawal"
        first = await client.post(url, json={"note": "Typed for the wrong state"})
        second = await client.post(url, json={"note": "Twice"})
        renewed = await client.post(URL, json=form(today))

    assert (first.json()["standing"], second.status_code, renewed.status_code) == ("withdrawn", 404, 201)


@pytest.mark.parametrize(("first", "last"), [(1, 300), (-300, -1)])
async def test_the_rule_of_sale_asks_for_the_day_of_the_sale(
    market: Market, committed_db: SessionMaker, first: int, last: int
) -> None:
    today = await unregistered(committed_db)
    async with committed_db.begin() as session:
        await session.execute(
            text(
                """INSERT INTO compliance.state_registration (state, kind, number, filed_on, expires_on)
                VALUES ('TX', 'broker', 'DB-1', :first, :last)"""
            ),
            {"first": today + timedelta(days=first), "last": today + timedelta(days=last)},
        )

    assert (await market.buy()).status_code >= 400


async def test_a_buyer_neither_reads_nor_records_registrations(
    market: Market, committed_db: SessionMaker
) -> None:
    today = await unregistered(committed_db)
    async with market.client() as client:
        answers = [await client.get(URL), await client.post(URL, json=form(today))]

    assert [answer.status_code for answer in answers] == [403, 403]


async def test_the_desk_takes_a_registration_and_says_what_is_wrong_with_another(
    market: Market, committed_db: SessionMaker
) -> None:
    today = await unregistered(committed_db)
    soon = form(today, expires_on=(today + timedelta(days=30)).isoformat())
    async with await operator(market, committed_db) as client:
        client.headers["accept"] = PAGE
        wrong = await client.post("/ops/registrations", data={**soon, "state": "TN"})
        mistyped = await client.post("/ops/registrations", data={**soon, "filed_on": "soon"})
        stored = await client.post("/ops/registrations", data=soon)
        again = await client.post("/ops/registrations", data=soon)
        page = await client.get("/ops/registrations")
        client.headers["accept"] = "application/json"
        told = (await client.get("/api/ops/waiting")).json()

    assert [each.status_code for each in (wrong, mistyped, stored, again)] == [422, 422, 303, 409]
    assert "TN asks no data broker to register" in wrong.text
    assert "DB-2026-77" in page.text
    line = next(each for each in told if each["work"] == "registrations")
    assert (line["count"], line["late"]) == (1, 0)


async def test_the_command_reads_what_the_desk_recorded(market: Market, committed_db: SessionMaker) -> None:
    today = await unregistered(committed_db)
    async with await operator(market, committed_db) as client:
        await client.post(URL, json=form(today))

    found = await report(market.resources.unit_of_work)

    assert {each.state: each.sells for each in found.states}["TX"] is True
    assert [(each.number, each.sandbox) for each in found.registrations] == [("DB-2026-77", False)]
