"""A code of the phone at log-in: set up, asked for, spent once, turned off, and lost."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from services.marketplace.domain.second_factor import STEP_SECONDS, code_of
from shared.db.engine import SessionMaker
from shared.schemas.enums import UserRole
from shared.security.policy import Role
from tests.factories.accounts import PASSWORD, Account, log_in, make_account
from tests.factories.leads import make_user
from tests.factories.services import RunningService
from tests.integration.marketplace.conftest import rows

FACTOR = "/api/auth/second-factor"


@dataclass
class Phone:
    """An authenticator, and the codes on paper."""

    secret: str
    paper: list[str]
    step: int

    def code(self, ahead: int = 0) -> str:
        """What it shows, some steps after the one it was set up with."""
        return code_of(self.secret, self.step + ahead)


@pytest.fixture
async def account(door: RunningService) -> Account:
    return await make_account(door)


@pytest.fixture
async def phone(door: RunningService, account: Account) -> Phone:
    return await set_up(door, account)


async def begin(door: RunningService, token: str, password: str = PASSWORD) -> httpx.Response:
    async with door.client(token=token) as client:
        return await client.post(FACTOR, json={"password": password})


async def set_up(door: RunningService, account: Account) -> Phone:
    """A phone that shows right codes from now on; its first one, of the step before, is spent."""
    secret = (await begin(door, account.token)).raise_for_status().json()["secret"].replace(" ", "")
    step = int(time.time()) // STEP_SECONDS - 1
    async with door.client(token=account.token) as client:
        answer = await client.post(f"{FACTOR}/confirm", json={"code": code_of(secret, step)})
    return Phone(secret, answer.raise_for_status().json()["recovery_codes"], step)


async def half(client: httpx.AsyncClient, account: Account) -> str:
    """The answer to the right password, which opens nothing yet."""
    answer = (await log_in(client, account.email)).raise_for_status().json()
    assert set(answer) == {"half_session", "expires_at"}
    return str(answer["half_session"])


async def finish(client: httpx.AsyncClient, half_session: str, code: str) -> httpx.Response:
    return await client.post("/api/auth/login/code", json={"half_session": half_session, "code": code})


async def test_the_password_alone_opens_nothing_and_the_code_does(
    door: RunningService, account: Account, phone: Phone, committed_db: SessionMaker
) -> None:
    async with door.client() as client:
        answer = await finish(client, await half(client, account), phone.code(1))

    session = answer.raise_for_status().json()
    async with door.client(token=session["access_token"]) as client:
        me = await client.get("/api/auth/me")
        standing = (await client.get(FACTOR)).json()
    assert me.json()["email"] == account.email
    assert (standing["since"] is not None, standing["recovery_codes_left"]) == (True, 10)
    (stored,) = await rows(committed_db, "SELECT secret, recovery_hashes FROM second_factors")
    assert phone.secret not in stored.secret
    assert not set(phone.paper) & set(stored.recovery_hashes)


async def test_a_code_counts_once_however_many_bring_it_at_once(
    door: RunningService, account: Account, phone: Phone
) -> None:
    async with door.client() as client:
        halves = [await half(client, account) for _ in range(4)]
        answers = await asyncio.gather(*(finish(client, each, phone.code(1)) for each in halves))
    assert [answer.status_code for answer in answers].count(200) == 1


async def test_the_code_that_set_it_up_and_an_older_one_open_nothing(
    door: RunningService, account: Account, phone: Phone
) -> None:
    async with door.client() as client:
        ticket = await half(client, account)
        answers = [await finish(client, ticket, phone.code(ahead)) for ahead in (0, -1)]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert {answer.json()["code"] for answer in answers} == {"wrong-code"}


async def test_a_recovery_code_lets_in_once(
    door: RunningService, account: Account, phone: Phone, committed_db: SessionMaker
) -> None:
    async with door.client() as client:
        tickets = [await half(client, account) for _ in range(2)]
        first = await finish(client, tickets[0], phone.paper[3].lower())
        again = await finish(client, tickets[1], phone.paper[3])
    assert (first.status_code, again.status_code) == (200, 401)
    (left,) = await rows(committed_db, "SELECT cardinality(recovery_hashes) AS n FROM second_factors")
    assert left.n == 9


async def test_guesses_of_codes_are_counted(door: RunningService, account: Account, phone: Phone) -> None:
    async with door.client() as client:
        ticket = await half(client, account)
        answers = await asyncio.gather(*(finish(client, ticket, f"{n:06d}") for n in range(20)))
        late = await finish(client, ticket, phone.code(1))
    codes = [answer.status_code for answer in answers]
    assert codes.count(401) <= 5
    assert codes.count(401) + codes.count(429) == 20
    assert late.status_code == 429


async def test_a_new_password_ends_halves_of_before_and_keeps_the_code(
    door: RunningService, account: Account, phone: Phone, committed_db: SessionMaker
) -> None:
    async with door.client() as client:
        ticket = await half(client, account)
        async with committed_db.begin() as session:
            await session.execute(text("UPDATE users SET password_changed_at = now()"))
        late = await finish(client, ticket, phone.code(1))
        fresh = await log_in(client, account.email)
    assert late.status_code == 401
    assert "half_session" in fresh.json()


async def test_who_was_let_go_in_between_stays_out(
    door: RunningService, account: Account, phone: Phone, committed_db: SessionMaker
) -> None:
    async with door.client() as client:
        ticket = await half(client, account)
        async with committed_db.begin() as session:
            await session.execute(text("UPDATE users SET disabled_at = now()"))
        answer = await finish(client, ticket, phone.code(1))
    assert answer.status_code == 401


@pytest.mark.parametrize("ticket", ["x", "a.1.b", "0" * 32 + ".9999999999." + "0" * 64])
async def test_a_half_session_that_is_none_opens_nothing(door: RunningService, ticket: str) -> None:
    async with door.client() as client:
        assert (await finish(client, ticket, "123456")).status_code == 401


async def test_a_stolen_session_cannot_set_it_up_or_turn_it_off(
    door: RunningService, account: Account, committed_db: SessionMaker
) -> None:
    assert (await begin(door, account.token, "not the password")).status_code == 401
    assert await rows(committed_db, "SELECT 1 FROM second_factors") == []
    phone = await set_up(door, account)
    async with door.client(token=account.token) as client:
        wrong = await client.post(f"{FACTOR}/off", json={"password": "no", "code": phone.code(1)})
        guess = await client.post(f"{FACTOR}/off", json={"password": PASSWORD, "code": "000000"})
    assert [wrong.status_code, guess.status_code] == [401, 401]
    async with door.client() as client:
        await half(client, account)


async def test_it_is_turned_off_by_both_proofs(
    door: RunningService, account: Account, phone: Phone, committed_db: SessionMaker
) -> None:
    async with door.client(token=account.token) as client:
        off = await client.post(f"{FACTOR}/off", json={"password": PASSWORD, "code": phone.code(1)})
        twice = await client.post(f"{FACTOR}/off", json={"password": PASSWORD, "code": phone.code(2)})
    async with door.client() as client:
        entered = (await log_in(client, account.email)).json()
    assert (off.status_code, twice.status_code, twice.json()["code"]) == (204, 409, "second-factor-off")
    assert "access_token" in entered
    actions = await rows(committed_db, "SELECT action FROM audit_log ORDER BY chain_day, chain_seq")
    assert [row.action for row in actions][-2:] == ["second_factor.on", "second_factor.off"]
    shredded = "SELECT 1 FROM compliance.subject_key WHERE shredded_at IS NOT NULL"
    assert len(await rows(committed_db, shredded)) == 1


async def test_what_was_never_confirmed_asks_nobody_and_is_begun_anew(
    door: RunningService, account: Account
) -> None:
    old = (await begin(door, account.token)).json()["secret"].replace(" ", "")
    new = (await begin(door, account.token)).json()["secret"].replace(" ", "")
    now = int(time.time()) // STEP_SECONDS
    async with door.client(token=account.token) as client:
        entered = (await log_in(client, account.email)).json()
        wrong = await client.post(f"{FACTOR}/confirm", json={"code": code_of(old, now)})
        right = await client.post(f"{FACTOR}/confirm", json={"code": code_of(new, now)})
        again = await client.post(f"{FACTOR}/confirm", json={"code": code_of(new, now + 1)})
    assert "access_token" in entered
    assert [wrong.status_code, right.status_code, again.status_code] == [401, 200, 409]
    assert (await begin(door, account.token)).status_code == 409


async def test_an_administrator_lets_in_who_lost_everything(
    door: RunningService, account: Account, phone: Phone, committed_db: SessionMaker
) -> None:
    async with committed_db.begin() as session:
        admin = await make_user(session, role=UserRole.ADMIN)

    def token(role: Role) -> str:
        return door.user_token(role, user_id=admin)

    path = f"/api/ops/people/{account.user_id}/second-factor"
    async with door.client(token=token(Role.OPS)) as client:
        refused = await client.delete(path)
    async with door.client(token=token(Role.ADMIN)) as client:
        own = await client.delete(f"/api/ops/people/{admin}/second-factor")
        answers = [await client.delete(path) for _ in range(2)]
    async with door.client(token=door.user_token(Role.ADMIN)) as client:
        nobody = await client.delete(path)
    async with door.client(token=account.token) as client:
        old = await client.get("/api/auth/me")
    async with door.client() as client:
        entered: dict[str, Any] = (await log_in(client, account.email)).json()
    assert (refused.status_code, own.json()["code"], nobody.status_code) == (403, "own-account", 401)
    assert [answer.status_code for answer in answers] == [204, 404]
    assert old.status_code == 401
    assert "access_token" in entered
