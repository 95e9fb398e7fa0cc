"""Codes that prove who asks about a house: mailed to whom we know, tried five times, used once, none telling."""

from __future__ import annotations

import asyncio
import re
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from services.marketplace.api.provenance import SESSION_COOKIE
from services.marketplace.service import identity
from shared.db.engine import SessionMaker
from shared.http.tls import known_authorities
from shared.workflow import start
from tests.factories.privacy import HOUSE
from tests.integration.marketplace.conftest import PAGE, Market, rows

ADA = "ada@example.com"
ASK = {**HOUSE, "email": ADA}


async def run(db: SessionMaker, statement: str, **values: Any) -> None:
    async with db.begin() as session:
        await session.execute(text(statement), values)


async def work_off(market: Market, db: SessionMaker) -> list[Any]:
    """Run every code's mail that waits; how each of them ended, oldest first."""
    waiting = (
        "SELECT id FROM core.workflow WHERE kind = 'privacy_code' AND status = 'running' ORDER BY created_at"
    )
    for row in await rows(db, waiting):
        await market.runner().run(row.id, "privacy_code")
    return await rows(
        db, "SELECT status, reason FROM core.step WHERE name = 'privacy_code' ORDER BY updated_at"
    )


async def inbox(market: Market) -> list[dict[str, Any]]:
    """Every message that the town's mail vendor took."""
    async with httpx.AsyncClient(verify=known_authorities()) as client:
        answer = (await client.get(f"{market.town}/_sandbox/sendgrid/messages")).json()
    found: list[dict[str, Any]] = answer if isinstance(answer, list) else answer["messages"]
    return found


async def ask(client: httpx.AsyncClient, **changes: str) -> str:
    answer = await client.post("/api/privacy/codes", json={**ASK, **changes})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["code_id"])


async def mailed(market: Market, db: SessionMaker) -> str:
    """The digits of the newest mail."""
    ended = await work_off(market, db)
    assert ended[-1].status == "done", ended[-1].reason
    return str(re.findall(r"\\n(\d{6})\\n", str(await inbox(market)))[-1])


async def enter(client: httpx.AsyncClient, code_id: str, digits: str) -> httpx.Response:
    return await client.post(f"/api/privacy/codes/{code_id}/session", json={"digits": digits})


@asynccontextmanager
async def proven(market: Market, db: SessionMaker, **changes: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose session is open."""
    async with market.door.client(timeout=30) as client:
        code_id = await ask(client, **changes)
        opened = await enter(client, code_id, await mailed(market, db))
        assert opened.status_code == 200, opened.text
        yield client


def wrong(digits: str) -> str:
    return f"{(int(digits) + 1) % 1_000_000:06d}"


@pytest.mark.parametrize("change", [{"email": "nobody@example.com"}, {"street": "99 Nowhere Rd"}])
async def test_an_unknown_pair_gets_the_same_answer_and_no_mail(
    market: Market, committed_db: SessionMaker, ada: UUID, change: dict[str, str]
) -> None:
    async with market.door.client(headers=PAGE) as client:
        known = await client.post("/privacy/own-data", data=ASK)
        unknown = await client.post("/privacy/own-data", data={**ASK, **change})
        ended = await work_off(market, committed_db)
        tried = await client.post(
            "/privacy/own-data/code", data={"code_id": code_of(unknown), "digits": "123456"}
        )
        wrongly = await client.post("/privacy/own-data/code", data={"code_id": code_of(known), "digits": "1"})

    plain = re.compile(r"[0-9a-f-]{36}|\S+@example.com")
    assert (known.status_code, plain.sub("", known.text)) == (200, plain.sub("", unknown.text))
    assert (tried.status_code, plain.sub("", tried.text)) == (422, plain.sub("", wrongly.text))
    assert sorted(row.status for row in ended) == ["done", "skipped"]
    assert len(await inbox(market)) == 1
    assert len(await rows(committed_db, "SELECT 1 FROM privacy_codes")) == 1


def code_of(page: httpx.Response) -> str:
    found = re.search(r'name="code_id" value="([^"]+)"', page.text)
    assert found
    return found[1]


async def test_nothing_of_the_person_or_the_digits_is_stored_in_clear(
    market: Market, committed_db: SessionMaker, ada: UUID
) -> None:
    async with market.door.client() as client:
        await ask(client)
    digits = await mailed(market, committed_db)
    stored = str(await rows(committed_db, "SELECT to_jsonb(c)::text FROM privacy_codes c"))
    flows = str(await rows(committed_db, "SELECT to_jsonb(w)::text FROM core.workflow w"))
    assert [word for word in (digits, ADA, "Oak", "OAK") if word in stored + flows] == []


async def test_the_mail_is_a_lawful_answer_to_a_homeowner(
    market: Market, committed_db: SessionMaker, ada: UUID
) -> None:
    async with market.door.client() as client:
        await ask(client)
    await mailed(market, committed_db)
    decided = await rows(
        committed_db,
        "SELECT allow, purpose, party_type, consumed_at FROM compliance.contact_decision WHERE channel = 'email'",
    )
    assert [row[:3] for row in decided] == [(True, "privacy_response", "homeowner")]
    assert decided[0].consumed_at


async def test_no_code_no_page(market: Market, committed_db: SessionMaker, ada: UUID) -> None:
    async with market.door.client() as client:
        assert (await client.get("/api/privacy/own-data")).status_code == 401
        client.cookies.set(SESSION_COOKIE, "0" * 96)
        assert (await client.get("/api/privacy/own-data")).status_code == 401
        further = {"kind": "delete", "name": "Ada"}
        assert (await client.post("/api/privacy/own-data/requests", json=further)).status_code == 401
        page = await client.get("/privacy/own-data", headers=PAGE)
    assert "Mail me a code" in page.text
    assert await rows(committed_db, "SELECT 1 FROM privacy_requests") == []


async def test_a_wrong_code_opens_nothing_and_the_fifth_ends_it(
    market: Market, committed_db: SessionMaker, ada: UUID
) -> None:
    async with market.door.client() as client:
        code_id = await ask(client)
        digits = await mailed(market, committed_db)
        answers = [await enter(client, code_id, wrong(digits)) for _ in range(5)]
        late = await enter(client, code_id, digits)
    assert {answer.status_code for answer in (*answers, late)} == {404}
    assert {answer.json()["detail"] for answer in (*answers, late)} == {identity.WRONG}
    kept = await rows(committed_db, "SELECT tries, used_at FROM privacy_codes")
    assert [tuple(row) for row in kept] == [(5, None)]


async def test_the_fifth_try_may_still_be_right(
    market: Market, committed_db: SessionMaker, ada: UUID
) -> None:
    async with market.door.client() as client:
        code_id = await ask(client)
        digits = await mailed(market, committed_db)
        for _ in range(4):
            await enter(client, code_id, wrong(digits))
        assert (await enter(client, code_id, f"{digits[:3]} {digits[3:]}")).status_code == 200


async def test_an_expired_code_opens_nothing(market: Market, committed_db: SessionMaker, ada: UUID) -> None:
    async with market.door.client() as client:
        code_id = await ask(client)
        digits = await mailed(market, committed_db)
        await run(committed_db, "UPDATE privacy_codes SET expires_at = now()")
        assert (await enter(client, code_id, digits)).status_code == 404


async def test_a_code_works_once(market: Market, committed_db: SessionMaker, ada: UUID) -> None:
    async with market.door.client() as client:
        code_id = await ask(client)
        digits = await mailed(market, committed_db)
        answers = [(await enter(client, code_id, digits)).status_code for _ in range(2)]
    assert answers == [200, 404]


async def test_a_new_code_ends_the_one_before(market: Market, committed_db: SessionMaker, ada: UUID) -> None:
    async with market.door.client() as client:
        first = await ask(client)
        digits = await mailed(market, committed_db)
        await ask(client)
        assert (await enter(client, first, digits)).status_code == 404
    live = await rows(
        committed_db, "SELECT 1 FROM privacy_codes WHERE withdrawn_at IS NULL AND used_at IS NULL"
    )
    assert len(live) == 1


async def test_of_two_right_codes_at_once_one_opens(
    market: Market, committed_db: SessionMaker, ada: UUID
) -> None:
    async with market.door.client(timeout=30) as client:
        code_id = await ask(client)
        digits = await mailed(market, committed_db)
        answers = await asyncio.gather(*(enter(client, code_id, digits) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] + [404] * 5
    assert len(await rows(committed_db, "SELECT 1 FROM privacy_requests")) == 1


async def test_of_codes_asked_for_at_once_one_is_live(
    market: Market, committed_db: SessionMaker, ada: UUID
) -> None:
    async with market.door.client(timeout=30) as client:
        await asyncio.gather(*(ask(client) for _ in range(4)))
    live = await rows(
        committed_db, "SELECT 1 FROM privacy_codes WHERE withdrawn_at IS NULL AND used_at IS NULL"
    )
    assert len(live) == 1


async def test_codes_for_one_address_and_tries_of_a_connection_are_limited(
    market: Market, committed_db: SessionMaker, ada: UUID
) -> None:
    async with market.door.client() as client:
        asked = [(await client.post("/api/privacy/codes", json=ASK)).status_code for _ in range(6)]
        code_id = "00000000-0000-4000-8000-000000000000"
        tried = [(await enter(client, code_id, "123456")).status_code for _ in range(31)]
    assert asked == [202] * 5 + [429]
    assert tried == [404] * 30 + [429]


async def test_a_session_is_hidden_short_and_can_be_left(
    market: Market, committed_db: SessionMaker, ada: UUID
) -> None:
    async with market.door.client(headers=PAGE) as client:
        code_id = await ask(client)
        digits = await mailed(market, committed_db)
        opened = await client.post("/privacy/own-data/code", data={"code_id": code_id, "digits": digits})
        cookie = opened.headers["set-cookie"]
        page = await client.get("/privacy/own-data")
        await run(committed_db, "UPDATE privacy_codes SET session_until = now()")
        over = await client.get("/privacy/own-data")
        await run(committed_db, "UPDATE privacy_codes SET session_until = now() + interval '1 minute'")
        left = await client.post("/privacy/own-data/leave")
        kept = client.cookies.get(SESSION_COOKIE)
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Max-Age=1800" in cookie
    assert (opened.status_code, "ADA LOVELACE" in page.text) == (303, True)
    assert (page.headers["cache-control"], "ADA" in over.text, left.status_code, kept) == (
        "no-store",
        False,
        303,
        None,
    )
    until = await rows(committed_db, "SELECT session_until <= now() AS over FROM privacy_codes")
    assert until[0].over


async def test_a_session_is_no_account(market: Market, committed_db: SessionMaker, ada: UUID) -> None:
    async with proven(market, committed_db) as client:
        for path in ("/api/leads", "/api/ops/privacy", "/api/auth/me"):
            assert (await client.get(path)).status_code == 401, path


async def test_old_codes_are_forgotten_with_their_keys(
    market: Market, committed_db: SessionMaker, ada: UUID
) -> None:
    async with proven(market, committed_db) as client:
        await run(committed_db, "UPDATE privacy_codes SET created_at = now() - interval '22 hours'")
        await ask(client)
        async with committed_db.begin() as session:
            job = await start(session, "forget_codes", subject_id=uuid4())
        assert await market.runner().run(job.workflow_id, "forget_codes")
        over = await client.get("/api/privacy/own-data")
    left = await rows(committed_db, "SELECT used_at FROM privacy_codes")
    assert ([row.used_at for row in left], over.status_code) == ([None], 401)
    keys = "SELECT count(*) AS n FROM compliance.subject_key WHERE wrapped_key IS NULL"
    assert (await rows(committed_db, keys))[0].n == 1


@pytest.mark.parametrize(
    "change", [{"street": "Nowhere"}, {"zip": "1"}, {"state": "XX"}, {"email": "no"}, {"email": ""}]
)
async def test_a_wrong_answer_asks_for_no_code(
    market: Market, committed_db: SessionMaker, change: dict[str, str]
) -> None:
    async with market.door.client(headers=PAGE) as client:
        page = await client.post("/privacy/own-data", data={**ASK, **change})
        answer = await client.post("/api/privacy/codes", json={**ASK, **change})
    assert (page.status_code, answer.status_code) == (422, 422)
    assert 'aria-invalid="true"' in page.text
    assert await rows(committed_db, "SELECT 1 FROM privacy_codes") == []


async def test_an_unknown_pair_costs_the_time_of_a_known_one(
    market: Market, committed_db: SessionMaker, ada: UUID
) -> None:
    spent: dict[str, list[float]] = {ADA: [], "nobody@example.com": []}
    async with market.door.client(timeout=30) as client:
        for _ in range(12):
            for email, times in spent.items():
                await market.resources.redis.flushdb()
                market.resources.own.rates._local._used.clear()
                began = time.perf_counter()
                await ask(client, email=email)
                times.append((time.perf_counter() - began) * 1000)
    known, unknown = (statistics.median(times) for times in spent.values())
    assert abs(known - unknown) < 10, (known, unknown)
