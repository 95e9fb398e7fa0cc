"""MARKETPLACE_STAFF_TOTP=required: who works for us sets up codes first and sees nothing else until then."""

from __future__ import annotations

import re
import time
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from services.marketplace.api.cookies import CSRF_COOKIE
from services.marketplace.domain.second_factor import STEP_SECONDS, code_of
from shared.http.auth import route_access
from shared.schemas.enums import UserRole
from shared.security.policy import Action
from tests.factories.accounts import PASSWORD, known_hash, log_in, make_staff
from tests.factories.leads import make_buyer
from tests.integration.marketplace.conftest import PAGE, rows
from tests.integration.marketplace.test_desk_work import Desk, desk, send

__all__ = ["desk"]
STAFF = [UserRole.ADMIN, UserRole.OPS, UserRole.REVIEWER]


@pytest.fixture(autouse=True)
def required(desk: Desk) -> None:
    """The setting."""
    object.__setattr__(desk.door.resources.settings, "staff_totp", "required")


async def new_staff(desk: Desk, role: UserRole) -> str:
    """The address of somebody of ours."""
    async with desk.db.begin() as session:
        return await make_staff(session, role)


async def form_login(client: httpx.AsyncClient, email: str) -> httpx.Response:
    """What the log-in form leads to."""
    return await client.post("/login", data={"email": email, "password": PASSWORD, "next": "/ops"})


async def enrol(client: httpx.AsyncClient) -> str:
    """Set up codes on the page; the page with the recovery codes."""
    begun = await send(client, "/my/security/begin", password=PASSWORD)
    found = re.search(r"<code>([A-Z2-7 ]+)</code>", begun.text)
    assert found is not None
    code = code_of(found[1].replace(" ", ""), int(time.time()) // STEP_SECONDS)
    return (await send(client, "/my/security/confirm", code=code)).text


@pytest.mark.parametrize("role", STAFF)
async def test_somebody_of_ours_is_led_to_the_set_up_and_then_to_the_desk(desk: Desk, role: UserRole) -> None:
    home = "/review" if role is UserRole.REVIEWER else "/ops"
    async with desk.door.client(headers=PAGE) as client:
        entered = await form_login(client, await new_staff(desk, role))
        page = await client.get("/my/security")
        led = [(await client.get(path)).headers.get("location") for path in (home, "/", "/ops/users")]
        codes = await enrol(client)
        way = re.search(r'href="(/api/auth/resume[^"]+)"', codes)
        assert way is not None
        on = await client.get(way[1])
        opened = await client.get(home)

    assert (entered.status_code, entered.headers["location"]) == (303, "/my/security")
    assert "Your role needs a code" in page.text
    assert 'href="/ops"' not in page.text
    assert led == ["/my/security"] * 3
    assert (on.status_code, on.headers["location"]) == (303, "/")
    assert opened.status_code == 200


async def test_who_leaves_the_recovery_codes_unread_goes_on_all_the_same(desk: Desk) -> None:
    async with desk.door.client(headers=PAGE, follow_redirects=True) as client:
        await form_login(client, await new_staff(desk, UserRole.OPS))
        await enrol(client)
        shown = await client.get("/ops")
    assert (shown.status_code, shown.url.path) == (200, "/ops")


def restricted(desk: Desk) -> list[tuple[str, str]]:
    """Every route that asks for more than an account."""
    return [
        (access.method, re.sub(r"\{[^}]+\}", "00000000-0000-0000-0000-000000000000", access.path))
        for access in route_access(desk.door.app)
        if access.action not in (None, Action.ACCOUNT_READ, Action.COMPANY_UPLOAD) and access.method != "*"
    ]


async def test_no_route_but_the_set_up_opens_until_then(desk: Desk) -> None:
    async with desk.door.client() as client:
        session = (await log_in(client, await new_staff(desk, UserRole.ADMIN))).json()
        bearer = {"Authorization": f"Bearer {session['access_token']}", "Idempotency-Key": "a-key-of-ours"}
        answers: dict[tuple[str, str], Any] = {
            route: await client.request(*route, headers=bearer) for route in restricted(desk)
        }
        me = await client.get("/api/auth/me", headers=bearer)

    accounts = {access.path for access in route_access(desk.door.app) if access.action is Action.ACCOUNT_READ}
    assert {
        path for path in accounts if not path.startswith(("/api/auth/", "/my/security", "/logout"))
    } == set()
    assert len(answers) > 150
    open_ones = {route for route, answer in answers.items() if answer.status_code != 403}
    assert open_ones == set()
    assert {answer.json()["code"] for answer in answers.values()} == {"second-factor-needed"}
    assert me.status_code == 200


async def test_a_program_refreshes_into_everything_once_codes_are_set_up(desk: Desk) -> None:
    email = await new_staff(desk, UserRole.OPS)
    async with desk.door.client() as client:
        session = (await log_in(client, email)).json()
        bearer = {"Authorization": f"Bearer {session['access_token']}"}
        begun = await client.post("/api/auth/second-factor", json={"password": PASSWORD}, headers=bearer)
        code = code_of(begun.json()["secret"].replace(" ", ""), int(time.time()) // STEP_SECONDS)
        await client.post("/api/auth/second-factor/confirm", json={"code": code}, headers=bearer)
        before = await client.get("/api/ops/users", headers=bearer)
        token = {"refresh_token": session["refresh_token"]}
        fresh = (await client.post("/api/auth/refresh", json=token)).json()["access_token"]
        after = await client.get("/api/ops/users", headers={"Authorization": f"Bearer {fresh}"})
        again = (await log_in(client, email)).json()

    assert (before.status_code, after.status_code) == (403, 200)
    assert "half_session" in again


async def test_who_turns_codes_off_is_back_at_the_set_up(desk: Desk) -> None:
    async with desk.door.client(headers=PAGE, follow_redirects=True) as client:
        await form_login(client, await new_staff(desk, UserRole.OPS))
        codes = await enrol(client)
        await client.get("/ops")
        recovery = re.findall(r"<code>([A-Z0-9]{5}-[A-Z0-9]{5})</code>", codes)[0]
        form = {"csrf_token": client.cookies[CSRF_COOKIE], "password": PASSWORD, "code": recovery}
        off = await client.post("/my/security/off", data=form)
        desk_again = await client.get("/ops")

    assert await rows(desk.db, "SELECT 1 FROM second_factors") == []
    assert "Your role needs a code" in off.text
    assert desk_again.url.path == "/my/security"


async def test_an_open_session_is_asked_at_its_next_refresh(desk: Desk) -> None:
    settings = desk.door.resources.settings
    object.__setattr__(settings, "staff_totp", "off")
    async with desk.door.client() as client:
        session = (await log_in(client, await new_staff(desk, UserRole.OPS))).json()
        object.__setattr__(settings, "staff_totp", "required")
        token = {"refresh_token": session["refresh_token"]}
        fresh = (await client.post("/api/auth/refresh", json=token)).json()["access_token"]
        answer = await client.get("/api/ops/users", headers={"Authorization": f"Bearer {fresh}"})
    assert (answer.status_code, answer.json()["code"]) == (403, "second-factor-needed")


async def test_buyers_are_asked_for_nothing(desk: Desk) -> None:
    async with desk.db.begin() as session:
        _, owner = await make_buyer(session)
    (email,) = (await rows(desk.db, "SELECT email FROM users WHERE id = :id", id=owner))[0]
    async with desk.db.begin() as session:
        known = {"hash": await known_hash(), "id": owner}
        await session.execute(text("UPDATE users SET password_hash = :hash WHERE id = :id"), known)
    async with desk.door.client(headers=PAGE) as client:
        entered = await client.post("/login", data={"email": email, "password": PASSWORD})
        assert entered.headers["location"] == "/"
        assert (await client.get("/my/leads")).status_code == 200
