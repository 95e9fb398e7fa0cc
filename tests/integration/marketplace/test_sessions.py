"""Sessions: rotation with one winner, reuse that ends the session (FAULTS row 24), cookies, log-out."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from services.marketplace.api.cookies import CSRF_COOKIE, REFRESH_COOKIE
from services.marketplace.repository.users import UserRepository
from services.marketplace.service.auth import hash_token
from shared.db.engine import SessionMaker
from shared.http.auth import ACCESS_COOKIE
from tests.factories.accounts import Account, log_in, make_account
from tests.factories.services import RunningService


@pytest.fixture
async def account(door: RunningService) -> Account:
    return await make_account(door)


async def refresh(client: httpx.AsyncClient, token: str, agent: str = "python") -> httpx.Response:
    return await client.post(
        "/api/auth/refresh", json={"refresh_token": token}, headers={"User-Agent": agent}
    )


async def new_session(client: httpx.AsyncClient, account: Account, agent: str = "python") -> dict[str, Any]:
    answer = await client.post(
        "/api/auth/login",
        json={"email": account.email, "password": "three blue roofs in May"},
        headers={"User-Agent": agent},
    )
    session: dict[str, Any] = answer.raise_for_status().json()
    return session


async def age_used_tokens(sessions: SessionMaker, seconds: int) -> None:
    async with sessions.begin() as session:
        await session.execute(
            text("UPDATE refresh_tokens SET used_at = used_at - make_interval(secs => :s)"), {"s": seconds}
        )


async def test_a_refresh_gives_new_tokens_and_the_old_one_is_spent(
    door: RunningService, account: Account, committed_db: SessionMaker
) -> None:
    async with door.client() as client:
        first = await new_session(client, account)
        second = (await refresh(client, first["refresh_token"])).json()

        assert second["refresh_token"] != first["refresh_token"]
        assert (await refresh(client, second["refresh_token"])).status_code == 200
    async with committed_db() as session:
        linked = await session.execute(
            text(
                "SELECT count(*) FROM refresh_tokens old JOIN refresh_tokens new ON new.id = old.replaced_by"
            )
        )
        assert linked.scalar_one() == 2


async def test_no_token_is_stored_as_it_is(
    door: RunningService, account: Account, committed_db: SessionMaker
) -> None:
    async with committed_db() as session:
        rows = (
            (await session.execute(text("SELECT refresh_tokens::text FROM refresh_tokens"))).scalars().all()
        )
    assert rows
    assert all(account.session["refresh_token"] not in row for row in rows)


@pytest.mark.fault(24)
async def test_twenty_parallel_refreshes_have_one_winner(
    door: RunningService, account: Account, committed_db: SessionMaker
) -> None:
    async with door.client() as client:
        session = await new_session(client, account)
        answers = await asyncio.gather(*(refresh(client, session["refresh_token"]) for _ in range(20)))
        won = [answer for answer in answers if answer.status_code == 200]

        assert len(won) == 1
        assert {answer.status_code for answer in answers} == {200, 409}
        assert (await refresh(client, won[0].json()["refresh_token"])).status_code == 200


@pytest.mark.fault(24)
async def test_reuse_by_another_client_ends_the_session_at_once(
    door: RunningService, account: Account
) -> None:
    async with door.client() as client:
        stolen = (await new_session(client, account, "victim"))["refresh_token"]
        fresh = (await refresh(client, stolen, "victim")).json()["refresh_token"]

        assert (await refresh(client, stolen, "thief")).status_code == 401
        assert (await refresh(client, fresh, "victim")).status_code == 401
        assert (await log_in(client, account.email)).status_code == 200


async def test_a_thief_who_comes_first_is_thrown_out_when_the_victim_returns(
    door: RunningService, account: Account
) -> None:
    async with door.client() as client:
        stolen = (await new_session(client, account, "victim"))["refresh_token"]
        thiefs = (await refresh(client, stolen, "thief")).json()["refresh_token"]

        assert (await refresh(client, stolen, "victim")).status_code == 401
        assert (await refresh(client, thiefs, "thief")).status_code == 401


async def test_reuse_after_the_grace_ends_the_session_even_for_the_same_client(
    door: RunningService, account: Account, committed_db: SessionMaker
) -> None:
    async with door.client() as client:
        old = (await new_session(client, account))["refresh_token"]
        fresh = (await refresh(client, old)).json()["refresh_token"]
        await age_used_tokens(committed_db, 11)

        assert (await refresh(client, old)).status_code == 401
        assert (await refresh(client, fresh)).status_code == 401


@pytest.mark.fault(24)
async def test_parallel_reuse_and_rotation_leave_no_token_alive(
    door: RunningService, account: Account, committed_db: SessionMaker
) -> None:
    async with door.client() as client:
        for _ in range(5):
            old = (await new_session(client, account, "victim"))["refresh_token"]
            fresh = (await refresh(client, old, "victim")).json()["refresh_token"]
            answers = await asyncio.gather(
                refresh(client, fresh, "victim"), *(refresh(client, old, "thief") for _ in range(4))
            )
            assert [answer.status_code for answer in answers[1:]] == [401] * 4
            for answer in answers[:1]:
                if answer.status_code == 200:
                    latest = await refresh(client, answer.json()["refresh_token"], "victim")
                    assert latest.status_code == 401


async def test_ending_one_session_leaves_the_others(door: RunningService, account: Account) -> None:
    async with door.client() as client:
        one, other = await new_session(client, account), await new_session(client, account)
        await client.post("/api/auth/logout", headers={"Authorization": f"Bearer {one['access_token']}"})

        assert (await refresh(client, one["refresh_token"])).status_code == 401
        assert (await refresh(client, other["refresh_token"])).status_code == 200


async def test_after_log_out_the_access_token_opens_the_account_no_more(
    door: RunningService, account: Account
) -> None:
    async with door.client(token=account.token) as client:
        assert (await client.get("/api/auth/me")).status_code == 200
        assert (await client.post("/api/auth/logout")).status_code == 204
        assert (await client.get("/api/auth/me")).status_code == 401


@pytest.mark.parametrize("change", ["expires_at = now()", "revoked_at = now()"])
async def test_an_ended_token_is_refused(
    door: RunningService, account: Account, committed_db: SessionMaker, change: str
) -> None:
    async with committed_db.begin() as session:
        await session.execute(text(f"UPDATE refresh_tokens SET {change}"))
    async with door.client() as client:
        assert (await refresh(client, account.session["refresh_token"])).status_code == 401


async def test_a_disabled_user_cannot_refresh(
    door: RunningService, account: Account, committed_db: SessionMaker
) -> None:
    async with committed_db.begin() as session:
        await session.execute(text("UPDATE users SET disabled_at = now()"))
    async with door.client(token=account.token) as client:
        assert (await refresh(client, account.session["refresh_token"])).status_code == 401
        assert (await client.get("/api/auth/me")).status_code == 401


@pytest.mark.parametrize("token", ["x" * 43, "' OR 1=1 --" + "x" * 40])
async def test_a_token_we_never_made_is_401(door: RunningService, token: str) -> None:
    async with door.client() as client:
        assert (await refresh(client, token)).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        {"refresh_token": "short"},
        {"refresh_token": 1},
        {"refresh_token": "\u0000" * 30},
        {"token": "x" * 43},
    ],
)
async def test_a_malformed_refresh_is_422(door: RunningService, body: dict[str, Any]) -> None:
    async with door.client() as client:
        assert (await client.post("/api/auth/refresh", json=body)).status_code == 422


@pytest.fixture
async def browser(door: RunningService, account: Account) -> httpx.AsyncClient:
    client = door.client()
    client.base_url = httpx.URL("https://test")
    answer = await log_in(client, account.email, keep="cookies")
    client.headers["X-Probe"] = answer.json()["csrf_token"]
    return client


async def test_cookies_are_out_of_reach_of_scripts_and_other_sites(
    door: RunningService, account: Account
) -> None:
    async with door.client() as client:
        answer = await log_in(client, account.email, keep="cookies")

    cookies = {line.split("=")[0]: line for line in answer.headers.get_list("set-cookie")}
    assert set(cookies) == {ACCESS_COOKIE, REFRESH_COOKIE, CSRF_COOKIE}
    for line in cookies.values():
        assert "Secure" in line
        assert "SameSite=lax" in line
    assert "HttpOnly" in cookies[ACCESS_COOKIE]
    assert "HttpOnly" in cookies[REFRESH_COOKIE]
    assert "Path=/api/auth;" in cookies[REFRESH_COOKIE]
    assert (answer.json()["access_token"], answer.json()["refresh_token"]) == (None, None)
    assert answer.headers["cache-control"] == "no-store"


async def test_a_browser_session_reads_changes_refreshes_and_ends(
    browser: httpx.AsyncClient, account: Account
) -> None:
    csrf = {"X-CSRF-Token": browser.headers["X-Probe"]}
    path = f"/api/contractors/{account.contractor_id}"

    assert (await browser.get("/api/auth/me")).status_code == 200
    assert (await browser.patch(path, json={"city": "Ellery"})).status_code == 403
    assert (await browser.patch(path, json={"city": "Ellery"}, headers=csrf)).status_code == 200
    assert (await browser.post("/api/auth/refresh")).status_code == 403
    assert (await browser.post("/api/auth/refresh", headers=csrf)).status_code == 200
    assert (await browser.patch(path, json={"city": "Harrow"}, headers=csrf)).status_code == 200
    assert (await browser.post("/api/auth/logout")).status_code == 403
    assert (await browser.post("/api/auth/logout", headers=csrf)).status_code == 204
    assert (await browser.get("/api/auth/me")).status_code == 401
    await browser.aclose()


async def test_another_sessions_csrf_token_is_refused(
    door: RunningService, browser: httpx.AsyncClient
) -> None:
    other = await make_account(door)
    async with door.client() as client:
        foreign = (await log_in(client, other.email, keep="cookies")).json()["csrf_token"]

    answer = await browser.post("/api/auth/logout", headers={"X-CSRF-Token": foreign})

    assert (answer.status_code, answer.json()["code"]) == (403, "csrf-refused")
    await browser.aclose()


async def test_a_revocation_beside_a_rotation_also_ends_the_token_that_is_being_made(
    account: Account, committed_db: SessionMaker
) -> None:
    old = hash_token(account.session["refresh_token"])
    async with committed_db.begin() as rotation:
        users = UserRepository(rotation)
        used = await users.use_token(old)
        assert used is not None

        async def revoke() -> None:
            async with committed_db.begin() as revocation:
                await UserRepository(revocation).revoke_family(used["family_id"])

        revoking = asyncio.create_task(revoke())
        await asyncio.sleep(0.3)
        await users.store_token(
            "the new one",
            family_id=used["family_id"],
            user_id=used["user_id"],
            client_hash="client",
            life=timedelta(days=1),
        )
    await revoking

    async with committed_db() as session:
        alive = text("SELECT count(*) FROM refresh_tokens WHERE revoked_at IS NULL")
        assert (await session.execute(alive)).scalar_one() == 0
