"""FAULTS row 28: guesses are few, however many come at once and whether Redis is there or not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
from pydantic import SecretStr

from services.marketplace.service.auth import Auth, open_auth
from shared.runtime.resources import make_redis
from shared.security.attempts import AttemptLimiter
from shared.security.fields import KeyRing
from shared.security.passwords import Passwords
from tests.factories.accounts import PASSWORD, Account, log_in, make_account, registration
from tests.factories.services import RunningService


class CountingPasswords(Passwords):
    """Counts what would be hashed and takes no time, so that a busy machine cannot outlast the waits."""

    def __init__(self) -> None:
        super().__init__()
        self.verified = 0

    async def verify(self, password: str, stored: str | None) -> bool:
        self.verified += 1
        await asyncio.sleep(0)
        return stored is not None and password == PASSWORD


def give(door: RunningService, auth: Auth) -> None:
    """Let the door work with these verbs of log-in."""
    door.app.state.resources = replace(door.resources, own=replace(door.resources.own, auth=auth))


def equip(door: RunningService, **settings: int) -> CountingPasswords:
    """Let the door count, and wait for Redis however slow it is."""
    passwords, limiter = CountingPasswords(), AttemptLimiter(door.resources.redis, redis_seconds=60)
    limits = door.resources.settings.model_copy(update=settings)
    give(door, replace(door.resources.own.auth, passwords=passwords, limiter=limiter, settings=limits))
    return passwords


@pytest.fixture
def counted(door: RunningService) -> CountingPasswords:
    return equip(door)


@pytest.fixture
async def account(door: RunningService) -> Account:
    return await make_account(door)


@pytest.fixture
async def client(door: RunningService) -> AsyncIterator[httpx.AsyncClient]:
    async with door.client() as client:
        yield client


@pytest.mark.fault(28)
async def test_of_sixty_parallel_guesses_at_most_five_are_verified(
    client: httpx.AsyncClient, account: Account, counted: CountingPasswords
) -> None:
    answers = await asyncio.gather(*(log_in(client, account.email, f"guess number {n}") for n in range(60)))

    assert counted.verified <= 5
    assert {answer.status_code for answer in answers} == {401, 429}
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json()["code"] == "too-many-requests"
    assert int(refused.headers["retry-after"]) >= 1


async def test_the_waits_grow_and_then_the_window_closes(
    door: RunningService, client: httpx.AsyncClient, account: Account, counted: CountingPasswords
) -> None:
    waits: list[int] = []
    while counted.verified < 5:
        answer = await log_in(client, account.email, "a wrong guess")
        if answer.status_code == 429:
            waits.append(int(answer.headers["retry-after"]))
            async with door.resources.redis.pipeline() as pipeline:
                for key in await door.resources.redis.keys("attempts:*"):
                    pipeline.hdel(key, "again")
                await pipeline.execute()
    answer = await log_in(client, account.email, PASSWORD)

    assert waits == [1, 4]
    assert answer.status_code == 429
    assert 800 < int(answer.headers["retry-after"]) <= 900


async def test_a_locked_account_does_not_show_whether_it_exists(
    client: httpx.AsyncClient, account: Account, counted: CountingPasswords
) -> None:
    async def seen(email: str) -> list[int]:
        return [(await log_in(client, email, "a wrong guess")).status_code for _ in range(6)]

    assert await seen(account.email) == await seen("nobody@roofs.example")


async def test_spelling_does_not_give_new_guesses(
    client: httpx.AsyncClient, account: Account, counted: CountingPasswords
) -> None:
    for spelling in (account.email, account.email.upper(), f" {account.email} ", account.email.title()) * 5:
        await log_in(client, spelling, "a wrong guess")

    assert counted.verified <= 5


async def test_right_passwords_are_never_counted(
    client: httpx.AsyncClient, account: Account, counted: CountingPasswords
) -> None:
    assert [(await log_in(client, account.email)).status_code for _ in range(8)] == [200] * 8


async def test_one_address_cannot_try_many_accounts(door: RunningService, client: httpx.AsyncClient) -> None:
    passwords = equip(door, login_address_attempts=7)

    for n in range(20):
        await log_in(client, f"account-{n}@roofs.example", "a wrong guess")

    assert passwords.verified == 7


async def test_one_address_cannot_sign_up_without_end(
    door: RunningService, client: httpx.AsyncClient
) -> None:
    equip(door, register_address_attempts=2)

    codes = [(await client.post("/api/auth/register", json=registration())).status_code for _ in range(3)]

    assert codes == [201, 201, 429]


async def test_without_redis_log_in_works_and_guesses_are_fewer(
    door: RunningService, client: httpx.AsyncClient, account: Account
) -> None:
    passwords = CountingPasswords()
    away = replace(door.resources, redis=make_redis("redis://127.0.0.1:1/0"))
    give(door, replace(open_auth(away), passwords=passwords))

    assert (await log_in(client, account.email)).status_code == 200
    passwords.verified = 0
    codes = [(await log_in(client, account.email, "a wrong guess")).status_code for _ in range(10)]

    assert codes == [401, 401] + [429] * 8
    assert passwords.verified == 2
    await away.redis.aclose()


async def test_the_counts_in_redis_name_nobody(
    door: RunningService, client: httpx.AsyncClient, account: Account, counted: CountingPasswords
) -> None:
    await log_in(client, account.email, "a wrong guess")

    keys = await door.resources.redis.keys("*")
    assert keys
    assert all(account.email not in key and "127.0.0.1" not in key for key in keys)


async def test_without_the_pepper_nobody_logs_in(
    door: RunningService, client: httpx.AsyncClient, account: Account
) -> None:
    bare = door.resources.settings.model_copy(update={"blind_index_pepper": SecretStr("")})
    give(door, replace(door.resources.own.auth, ring=KeyRing.from_settings(bare)))

    assert (await log_in(client, account.email)).status_code == 503
