"""API keys of buyers: they open what they were made for, as long as whoever made them may come in."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from shared.db.engine import SessionMaker
from shared.schemas.enums import UserRole
from shared.security.policy import Role
from tests.factories.leads import make_buyer, make_user
from tests.integration.marketplace.conftest import Market, rows
from tests.integration.marketplace.test_access import set_limits

READ, BUY = "leads:read", "leads:purchase"


async def make(market: Market, *scopes: str, **changes: Any) -> httpx.Response:
    async with market.client() as client:
        body = {"name": "CRM", "scopes": scopes or (READ,), **changes}
        return await client.post("/api/keys", json=body)


async def present(
    market: Market, headers: Mapping[str, str], path: str = "/api/leads", method: str = "GET", **options: Any
) -> httpx.Response:
    async with market.door.client(headers=dict(headers), timeout=30) as client:
        return await client.request(method, path, **options)


async def test_a_key_is_shown_once_and_opens_by_both_headers(
    market: Market, committed_db: SessionMaker
) -> None:
    made = await make(market)
    key = made.json()["key"]
    answers = [
        await present(market, headers)
        for headers in ({"X-API-Key": key}, {"Authorization": f"Bearer {key}"}, {})
    ]
    async with market.client() as client:
        listed = await client.get("/api/keys")

    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    assert [answer.status_code for answer in answers] == [200, 200, 401]
    assert [lead["id"] for lead in answers[0].json()] == [str(market.lead_id)]
    assert key not in listed.text
    assert listed.json()[0]["prefix"] == key[:12]
    assert listed.json()[0]["last_used_at"]
    assert key not in str(await rows(committed_db, "SELECT * FROM api_keys"))
    audited = "SELECT action, details FROM audit_log WHERE object_type = 'api_key'"
    assert [tuple(row) for row in await rows(committed_db, audited)] == [
        ("api_key.create", {"scopes": [READ]})
    ]


async def test_a_key_does_nothing_but_what_it_was_made_for(market: Market) -> None:
    reading = {"X-API-Key": (await make(market, READ)).json()["key"]}
    buying = {"X-API-Key": (await make(market, READ, BUY)).json()["key"]}
    order = {"json": {"payment_method": "pm_card_visa"}}

    bought = f"/api/leads/{market.lead_id}/purchase"
    keyed = {"Idempotency-Key": uuid4().hex}
    refused = await present(market, reading | keyed, bought, "POST", **order)
    sold = await present(market, buying | keyed, bought, "POST", **order)
    beyond = [
        await present(market, buying, path, method, **options)
        for method, path, options in (
            ("GET", "/api/keys", {}),
            ("POST", "/api/keys", {"json": {"name": "x", "scopes": [READ]}}),
            ("GET", "/api/people", {}),
            ("POST", "/api/auth/logout", {}),
            ("GET", "/api/contractors", {}),
        )
    ]

    assert (refused.status_code, sold.status_code, sold.json()["status"]) == (403, 202, "sold")
    assert [answer.status_code for answer in beyond] == [403] * 5
    shown = await present(market, reading, f"/api/leads/{market.lead_id}")
    assert (shown.status_code, "sale_id" in shown.json()) == (200, True)


@pytest.mark.parametrize(
    "ended",
    [
        "UPDATE api_keys SET expires_at = now()",
        "UPDATE users SET disabled_at = now()",
        "UPDATE refresh_tokens SET revoked_at = now() WHERE token_hash LIKE 'key:%'",
    ],
)
async def test_a_key_that_has_ended_is_an_unknown_key(
    market: Market, committed_db: SessionMaker, ended: str
) -> None:
    key = (await make(market)).json()["key"]
    async with committed_db.begin() as session:
        await session.execute(text(ended))

    gone = await present(market, {"X-API-Key": key})
    unknown = await present(market, {"X-API-Key": key[:-1] + ("a" if key[-1] != "a" else "b")})
    nonsense = await present(market, {"X-API-Key": "x"})

    answers = [gone, unknown, nonsense]
    assert [answer.status_code for answer in answers] == [401] * 3
    assert len({answer.json()["detail"] for answer in answers}) == 1


async def test_a_revoked_key_opens_nothing_and_is_revoked_once(market: Market) -> None:
    made = (await make(market)).json()
    async with market.client() as client:
        answers = [(await client.delete(f"/api/keys/{made['id']}")).status_code for _ in range(2)]
        listed = (await client.get("/api/keys")).json()

    assert (answers, listed) == ([204, 404], [])
    assert (await present(market, {"X-API-Key": made["key"]})).status_code == 401


async def test_a_key_cannot_be_refreshed_into_a_session(market: Market, committed_db: SessionMaker) -> None:
    made = (await make(market)).json()
    stored = await rows(
        committed_db, "SELECT token_hash FROM refresh_tokens WHERE family_id = :id", id=UUID(made["id"])
    )

    for token in (made["key"], stored[0].token_hash):
        async with market.door.client() as client:
            answer = await client.post("/api/auth/refresh", json={"refresh_token": token})
        assert answer.status_code == 401
    assert (await present(market, {"X-API-Key": made["key"]})).status_code == 200


async def test_a_member_makes_no_key_and_the_keys_of_others_do_not_exist(
    market: Market, committed_db: SessionMaker
) -> None:
    made = (await make(market)).json()
    async with committed_db.begin() as session:
        other_company, other = await make_buyer(session)
        member = await make_user(session, role=UserRole.CONTRACTOR_MEMBER, contractor_id=market.contractor_id)
    door = market.door
    stranger = door.user_token(Role.CONTRACTOR_OWNER, contractor_id=other_company, user_id=other)
    colleague = door.user_token(Role.CONTRACTOR_MEMBER, contractor_id=market.contractor_id, user_id=member)

    async with door.client(token=stranger) as client:
        assert (await client.get("/api/keys")).json() == []
        assert (await client.delete(f"/api/keys/{made['id']}")).status_code == 404
    async with door.client(token=colleague) as client:
        assert (await client.get("/api/keys")).status_code == 403
    assert (await present(market, {"X-API-Key": made["key"]})).status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"scopes": []},
        {"scopes": ["people:write"]},
        {"days": 0},
        {"days": 366},
        {"name": ""},
        {"contractor_id": 1},
    ],
)
async def test_a_key_that_makes_no_sense_is_refused(
    market: Market, committed_db: SessionMaker, wrong: dict[str, Any]
) -> None:
    async with market.client() as client:
        refused = await client.post("/api/keys", json={"name": "CRM", "scopes": [READ], **wrong})

    assert refused.status_code == 422
    assert await rows(committed_db, "SELECT 1 FROM api_keys") == []


async def test_a_company_has_a_bounded_number_of_keys_however_fast_it_asks(
    market: Market, committed_db: SessionMaker
) -> None:
    async with market.client() as client:
        answers = await asyncio.gather(
            *(client.post("/api/keys", json={"name": f"key {n}", "scopes": [READ]}) for n in range(23))
        )

    assert sorted(answer.status_code for answer in answers) == [201] * 20 + [409] * 3
    assert len(await rows(committed_db, "SELECT 1 FROM api_keys")) == 20


async def test_wrong_keys_and_busy_keys_are_slowed_down(market: Market) -> None:
    key = (await make(market)).json()["key"]
    set_limits(market, key_requests_per_minute=2)
    busy = [(await present(market, {"X-API-Key": key})).status_code for _ in range(3)]
    guessed = [(await present(market, {"X-API-Key": "x"})).status_code for _ in range(51)]

    assert busy == [200, 200, 429]
    assert guessed == [401] * 50 + [429]
