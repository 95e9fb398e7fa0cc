"""The pages of territories and caps: what stands there, and what their forms do."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from sqlalchemy import text, update

from services.marketplace.api.cookies import CSRF_COOKIE
from shared.db.engine import SessionMaker
from shared.db.models.users import User
from tests.factories.accounts import PASSWORD, known_hash
from tests.factories.leads import city_id, make_user
from tests.integration.marketplace.conftest import Market, rows

PAGE = {"accept": "text/html,application/xhtml+xml"}


@pytest.fixture
async def browser(market: Market, committed_db: SessionMaker) -> AsyncIterator[httpx.AsyncClient]:
    """The professional buyer's browser, logged in."""
    object.__setattr__(market.resources.settings, "cookie_secure", False)
    async with committed_db.begin() as session:
        values = {"email": "buyer@roofs.example", "password_hash": await known_hash()}
        await session.execute(update(User).where(User.id == market.user_id).values(**values))
        await session.execute(text("UPDATE contractors SET subscription_tier = 'professional'"))
    async with market.door.client(headers=PAGE, timeout=30) as http:
        await http.post("/login", data={"email": "buyer@roofs.example", "password": PASSWORD})
        yield http


async def send(http: httpx.AsyncClient, path: str, **fields: str) -> httpx.Response:
    """The answer to a form of ours."""
    return await http.post(path, data={"csrf_token": http.cookies[CSRF_COOKIE], **fields})


def plain(page: httpx.Response) -> str:
    """What a page says, without its tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", page.text).split())


async def test_a_buyer_holds_a_zip_and_gives_it_up_by_the_page(
    browser: httpx.AsyncClient, committed_db: SessionMaker
) -> None:
    async with committed_db() as session:
        town = str(await city_id(session))
    free = await browser.get("/my/territories")
    forged = await browser.post("/my/territories", data={"kind": "zip", "city_id": town, "zip": "76998"})
    asked = await send(browser, "/my/territories", kind="zip", city_id=town, zip="76998")
    held = await browser.get("/my/territories")
    twice = await send(browser, "/my/territories", kind="zip", city_id=town, zip="76998")
    wrong = await send(browser, "/my/territories", kind="zip", city_id=town, zip="7x")
    (found,) = await rows(committed_db, "SELECT id FROM territories")
    given_up = await send(browser, f"/my/territories/{found.id}/give-up")
    late = await send(browser, f"/my/territories/{found.id}/accept")

    assert "costs you $165" in plain(free)
    assert "ZIP 76998 in Harrow, TX" in plain(free)
    assert (forged.status_code, asked.status_code, given_up.status_code) == (403, 303, 303)
    assert "Yours alone" in plain(held)
    assert (twice.status_code, wrong.status_code, late.status_code) == (409, 422, 409)
    assert "You are there already" in plain(twice)
    assert "This offer is over" in plain(late)
    assert [row.status for row in await rows(committed_db, "SELECT status FROM territories")] == ["ended"]


async def test_a_buyer_sets_its_caps_and_sees_what_is_wrong_with_them(
    browser: httpx.AsyncClient, market: Market, committed_db: SessionMaker
) -> None:
    wrong = await send(browser, "/my/preferences", preferred_score_min="90", preferred_score_max="80")
    saved = await send(browser, "/my/preferences", daily_cap="0", weekly_cap="")
    page = await browser.get("/my/preferences")
    refused = await send(
        browser,
        f"/leads/{market.lead_id}/buy",
        payment_method="pm_card_visa",
        price="175.00",
        key="0123456789abcdef",
    )

    assert wrong.status_code == 422
    assert 'value="90"' in wrong.text
    assert saved.status_code == 303
    assert "Your cap of 0 a day is reached" in plain(page)
    assert refused.status_code == 409
    assert "Your own cap is reached" in plain(refused)
    stored = await rows(committed_db, "SELECT daily_cap, weekly_cap FROM contractors WHERE NOT sandbox")
    assert [tuple(row) for row in stored] == [(0, None)]


async def test_an_operator_ends_a_territory_by_the_page(
    browser: httpx.AsyncClient, market: Market, committed_db: SessionMaker
) -> None:
    async with committed_db.begin() as session:
        town = str(await city_id(session))
        await make_user(session, role="ops", email="ops@ridgeline.example", password_hash=await known_hash())
    await send(browser, "/my/territories", kind="zip", city_id=town, zip="76998")
    (found,) = await rows(committed_db, "SELECT id FROM territories")
    async with market.door.client(headers=PAGE, timeout=30) as desk:
        await desk.post("/login", data={"email": "ops@ridgeline.example", "password": PASSWORD})
        listed = await desk.get("/ops/territories?status=")
        nothing = await send(desk, f"/ops/territories/{found.id}/end", note=" ")
        ended = await send(desk, f"/ops/territories/{found.id}/end", note="moved away")
    foreign = await browser.get("/ops/territories")

    assert "ZIP 76998 in Harrow, TX" in plain(listed)
    assert (nothing.status_code, ended.status_code, foreign.status_code) == (422, 303, 403)
    (row,) = await rows(committed_db, "SELECT end_reason FROM territories")
    assert row.end_reason == "taken_back"
