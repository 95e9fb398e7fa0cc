"""Sign-up and log-in: one account an address, nothing to enumerate, nothing to assign."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from typing import Any
from uuid import uuid4

import httpx
import pytest
from argon2 import PasswordHasher
from sqlalchemy import text

from shared.db.engine import SessionMaker
from tests.factories.accounts import PASSWORD, log_in, make_account, registration, sign_up_and_log_in
from tests.factories.services import RunningService


async def count(sessions: SessionMaker, query: str, **values: Any) -> int:
    async with sessions() as session:
        return int((await session.execute(text(query), values)).scalar_one())


async def sign_up(client: httpx.AsyncClient, **changes: Any) -> httpx.Response:
    return await client.post("/api/auth/register", json=registration(**changes))


async def test_sign_up_makes_a_company_and_its_owner(
    door: RunningService, committed_db: SessionMaker
) -> None:
    account = await sign_up_and_log_in(door, email="Pat@Roofs.example")

    async with door.client(token=account.token) as client:
        me = (await client.get("/api/auth/me")).json()
        company = (await client.get(f"/api/contractors/{account.contractor_id}")).json()
    assert (me["email"], me["role"]) == ("pat@roofs.example", "contractor_owner")
    assert me["contractor_id"] == account.contractor_id
    assert (company["acquisition_status"], company["credential_status"]) == ("onboarded", "none")
    stored = await count(
        committed_db, "SELECT count(*) FROM users WHERE password_hash LIKE '$argon2id$v=19$m=65536,t=3,p=4$%'"
    )
    assert stored == 1


async def test_a_second_sign_up_with_the_address_is_refused(
    door: RunningService, committed_db: SessionMaker
) -> None:
    await sign_up_and_log_in(door, email="pat@roofs.example")

    async with door.client() as client:
        answer = await sign_up(client, email="PAT@roofs.example", company={"company_name": "Other"})

    assert (answer.status_code, answer.json()["code"]) == (409, "email-taken")
    assert await count(committed_db, "SELECT count(*) FROM contractors WHERE NOT sandbox") == 1


async def test_parallel_sign_ups_with_one_address_make_one_owner(
    door: RunningService, committed_db: SessionMaker
) -> None:
    async with door.client() as client:
        answers = await asyncio.gather(
            *(
                sign_up(client, email="pat@roofs.example", company={"company_name": f"Company {n % 2}"})
                for n in range(6)
            )
        )

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409, 409]
    assert await count(committed_db, "SELECT count(*) FROM users") == 1
    living = "SELECT count(*) FROM contractors WHERE NOT sandbox AND acquisition_status <> 'churned'"
    assert await count(committed_db, living) == 1


async def test_a_sign_up_that_broke_off_finds_its_company_again(
    door: RunningService, committed_db: SessionMaker
) -> None:
    form = registration(email="pat@roofs.example")
    async with door.client() as client:
        first = (await client.post("/api/auth/register", json=form)).json()
        async with committed_db.begin() as session:
            await session.execute(text("DELETE FROM users"))
        second = (await client.post("/api/auth/register", json=form)).json()

    assert first["contractor_id"] == second["contractor_id"]


async def test_when_contractors_cannot_be_reached_sign_up_says_so_and_stores_nothing(
    door: RunningService, committed_db: SessionMaker
) -> None:
    class Refusing(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            raise httpx.ConnectError("refused")

    door.resources.http._mounts.clear()
    door.resources.http._transport = Refusing()
    async with door.client() as client:
        answer = await sign_up(client)

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert await count(committed_db, "SELECT count(*) FROM users") == 0


MASS_ASSIGNMENT = [
    {"role": "admin"}, {"contractor_id": str(uuid4())}, {"is_admin": True}, {"id": str(uuid4())}, {"disabled_at": None},
    {"company": {"company_name": "X", "credential_status": "credentialed"}},
    {"company": {"company_name": "X", "subscription_tier": "enterprise"}},
    {"company": {"company_name": "X", "source": "staff"}},
    {"company": {"company_name": "X", "acquisition_status": "active"}},
]  # fmt: skip


@pytest.mark.parametrize("extra", MASS_ASSIGNMENT)
@pytest.mark.fault(26)
async def test_nobody_gives_himself_a_role_or_a_state(
    door: RunningService, committed_db: SessionMaker, extra: dict[str, Any]
) -> None:
    async with door.client() as client:
        answer = await sign_up(client, **extra)

    assert answer.status_code == 422
    assert await count(committed_db, "SELECT count(*) FROM users") == 0
    assert await count(committed_db, "SELECT count(*) FROM contractors WHERE NOT sandbox") == 0


WEAK = [
    "short", "password123", "PassWord1234", "aaaaaaaaaaaaaa", "abababababab", "owner-x@roofs.example", "x" * 201,
]  # fmt: skip


@pytest.mark.parametrize("password", WEAK)
async def test_a_weak_password_is_refused_without_an_echo(door: RunningService, password: str) -> None:
    async with door.client() as client:
        answer = await sign_up(client, email="owner-x@roofs.example", password=password)

    assert answer.status_code == 422
    assert password not in answer.text


@pytest.mark.fault(27)
async def test_every_failed_log_in_looks_the_same(door: RunningService, committed_db: SessionMaker) -> None:
    known = await make_account(door)
    disabled = await make_account(door)
    async with committed_db.begin() as session:
        await session.execute(
            text("UPDATE users SET disabled_at = now() WHERE id = :id"), {"id": disabled.user_id}
        )
    async with door.client() as client:
        answers = [
            await log_in(client, known.email, "wrong password"),
            await log_in(client, "nobody@roofs.example", "wrong password"),
            await log_in(client, disabled.email, PASSWORD),
        ]

    for answer in answers:
        assert answer.status_code == 401
        assert answer.json() | {"correlation_id": ""} == answers[0].json() | {"correlation_id": ""}
        assert "set-cookie" not in answer.headers


async def medians_ms(door: RunningService, tries: int) -> tuple[float, float]:
    account = await make_account(door)
    spent: dict[str, list[float]] = {account.email: [], "nobody@roofs.example": []}
    async with door.client() as client:
        await log_in(client, "nobody@roofs.example", "wrong")
        for _ in range(tries):
            for email, times in spent.items():
                await door.resources.redis.flushdb()
                door.resources.own.auth.limiter._local._used.clear()
                began = time.perf_counter()
                await log_in(client, email, "a wrong password")
                times.append((time.perf_counter() - began) * 1000)
    known, unknown = (statistics.median(times) for times in spent.values())
    return known, unknown


async def test_an_unknown_address_costs_the_time_of_a_known_one(door: RunningService) -> None:
    known, unknown = await medians_ms(door, 8)

    # Without the hash an answer takes a twentieth of the time, whatever else the machine does.
    assert 0.5 < known / unknown < 2, (known, unknown)


@pytest.mark.bench
@pytest.mark.timeout(900)
@pytest.mark.fault(27)
@pytest.mark.slow
async def test_timing_tells_nothing_over_200_tries(door: RunningService) -> None:
    known, unknown = await medians_ms(door, 200)

    assert abs(known - unknown) < 10, (known, unknown)


MALFORMED: list[Any] = [
    {}, [], {"email": "a@b.co"}, {"email": "no address", "password": "x"}, {"email": ["a@b.co"], "password": "x"},
    {"email": "a@b.co", "password": "x", "role": "admin"}, {"email": "a@b.co\x00", "password": "x"},
]  # fmt: skip


@pytest.mark.parametrize("body", MALFORMED)
async def test_a_malformed_log_in_is_422(door: RunningService, body: Any) -> None:
    async with door.client() as client:
        assert (await client.post("/api/auth/login", json=body)).status_code == 422


async def test_an_old_weak_hash_is_renewed_at_log_in(
    door: RunningService, committed_db: SessionMaker
) -> None:
    account = await make_account(door)
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    async with committed_db.begin() as session:
        await session.execute(text("UPDATE users SET password_hash = :weak"), {"weak": weak})
    async with door.client() as client:
        assert (await log_in(client, account.email)).status_code == 200
        assert (await log_in(client, account.email)).status_code == 200

    renewed = "SELECT count(*) FROM users WHERE password_hash LIKE '$argon2id$v=19$m=65536,%'"
    assert await count(committed_db, renewed) == 1


@pytest.mark.parametrize("path", ["login", "register", "refresh"])
async def test_a_secret_that_is_no_text_is_invalid(door: RunningService, path: str) -> None:
    broken = "\ud800" * 30
    forms: dict[str, dict[str, Any]] = {
        "login": {"email": "pat@roofs.example", "password": broken},
        "register": registration(password=broken),
        "refresh": {"refresh_token": broken},
    }
    async with door.client() as client:
        answer = await client.post(
            f"/api/auth/{path}",
            content=json.dumps(forms[path]),
            headers={"content-type": "application/json"},
        )

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-input")
    assert answer.headers["content-type"] == "application/problem+json"
