"""An owner's people and API keys, and a colleague's way in, in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from services.marketplace.domain.accounts import make_token
from tests.browser.conftest import Site
from tests.browser.test_buyer_pages import make_account
from tests.factories.pages import needs_chromium

pytestmark = [needs_chromium, pytest.mark.slow]


async def newest_link(site: Site, kind: str, page: str) -> str:
    """The address that the newest mail of a kind leads to."""
    query = text("SELECT id FROM account_links WHERE kind = :kind ORDER BY created_at DESC LIMIT 1")
    async with site.db() as session:
        link_id = (await session.execute(query, {"kind": kind})).scalar_one()
    return f"{site.url}{page}/{make_token(link_id, site.door.resources.keys.tag)}"


@pytest.mark.parametrize("size", ["phone", "desk"])
async def test_a_colleague_is_invited_and_joins_and_a_key_is_made(
    site: Site, visit: Callable[..., Any], size: str
) -> None:
    owner = await make_account(site, company_name="Harrow Roofing")
    async with visit(size) as desk:
        page = desk.page
        await desk.log_in(owner.email, "/my/people")
        await desk.inspect(f"people_unproven_{size}")
        await page.get_by_role("button", name="Send me a link").click()
        await page.get_by_text("A link is on its way").wait_for()
        await page.goto(await newest_link(site, "verify", "/verify"))
        await page.get_by_role("button", name="Yes, confirm it").click()
        await page.get_by_role("heading", name="Your address is confirmed").wait_for()
        await page.goto(f"{site.url}/my/people")
        await page.get_by_label("E-mail").fill("kim@roofs.example")
        await page.get_by_role("button", name="Invite", exact=True).click()
        await page.get_by_role("row").filter(has_text="kim@roofs.example").wait_for()
        await desk.inspect(f"people_{size}")
        await page.get_by_role("link", name="API keys").click()
        await page.get_by_label("Name").fill("Our CRM")
        await page.get_by_role("button", name="Make the key").click()
        await page.get_by_text("It is shown this once").wait_for()
        await desk.inspect(f"keys_{size}")
    async with visit(size) as colleague:
        page = colleague.page
        await page.goto(await newest_link(site, "invite", "/join"))
        await page.get_by_label("Your name").fill("Kim Lee")
        await page.get_by_label("Password").fill("a crow sat on the ridge")
        await colleague.inspect(f"join_{size}")
        await page.get_by_role("button", name="Join").click()
        await page.get_by_role("heading", name="Welcome").wait_for()


async def test_a_forgotten_password_is_set_anew(site: Site, visit: Callable[..., Any]) -> None:
    owner = await make_account(site)
    async with visit("phone") as phone:
        page = phone.page
        await page.goto(f"{site.url}/login")
        await page.get_by_role("link", name="Forgotten password").click()
        await phone.inspect("forgot_phone")
        await page.get_by_label("E-mail").fill(owner.email)
        await page.get_by_role("button", name="Send me a link").click()
        await page.get_by_role("heading", name="Look into your mail").wait_for()
        await page.goto(await newest_link(site, "reset", "/reset"))
        await page.get_by_label("New password").fill("a crow sat on the ridge")
        await phone.inspect("reset_phone")
        await page.get_by_role("button", name="Set the password").click()
        await page.get_by_role("heading", name="Your password is changed").wait_for()
