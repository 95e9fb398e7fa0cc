"""A homeowner's way in a real browser: a code by mail, what we hold, an opt-out; with scripts and without."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.async_api import Page
from sqlalchemy import text

from services.marketplace.domain.identity import digits_of
from tests.browser.conftest import Site
from tests.factories.pages import needs_chromium
from tests.factories.privacy import HOUSE, spread_person

pytestmark = [needs_chromium, pytest.mark.slow]


async def mailed_digits(site: Site) -> str:
    """What the newest mail says."""
    async with site.db() as session:
        newest = "SELECT id FROM privacy_codes ORDER BY created_at DESC LIMIT 1"
        code_id = (await session.execute(text(newest))).scalar_one()
    return digits_of(code_id, site.door.resources.keys.tag)


async def adas_house(site: Site) -> None:
    lead_id = await site.lead()
    async with site.db.begin() as session:
        await spread_person(session, site.door.resources.keys, lead_id)


async def type_house(page: Page, site: Site) -> None:
    await page.goto(f"{site.url}/privacy")
    await page.get_by_role("link", name="See what we hold and where it came from").click()
    await page.get_by_label("House number and street").fill(HOUSE["street"])
    await page.get_by_label("City").fill(HOUSE["city"])
    await page.get_by_label("State").fill(HOUSE["state"])
    await page.get_by_label("ZIP code").fill(HOUSE["zip"])
    await page.get_by_label("E-mail").fill("ada@example.com")


@pytest.mark.parametrize("size", ["phone", "desk"])
async def test_a_homeowner_reads_what_we_hold_and_opts_out(
    site: Site, visit: Callable[..., Any], size: str
) -> None:
    await adas_house(site)
    async with visit(size) as seen:
        page = seen.page
        await type_house(page, site)
        await seen.inspect(f"own_data_ask_{size}")
        await page.get_by_role("button", name="Mail me a code").click()
        await page.get_by_role("heading", name="Type your code").wait_for()
        await seen.inspect(f"own_data_code_{size}")
        await page.get_by_label("Code").fill(await mailed_digits(site))
        await page.get_by_role("button", name="Show what you hold").click()
        await page.get_by_role("heading", name="Facts and where they came from").wait_for()
        await page.get_by_text("ADA LOVELACE").first.wait_for()
        await seen.inspect(f"own_data_{size}")
        await page.get_by_role("link", name="Stop selling my data").click()
        await page.get_by_label("Your name").fill("Ada Lovelace")
        await seen.inspect(f"own_data_request_{size}")
        await page.get_by_role("button", name="Send").click()
        await page.get_by_role("heading", name="We have your request").wait_for()
        await page.goto(f"{site.url}/privacy/own-data")
        await page.get_by_text("for good").first.wait_for()
        await seen.inspect(f"own_data_stopped_{size}")
        await page.get_by_role("button", name="Close this page").click()
        await page.goto(f"{site.url}/privacy/own-data")
        await page.get_by_role("button", name="Mail me a code").wait_for()


async def test_the_way_is_walked_without_scripts_and_a_wrong_code_is_told(
    site: Site, visit: Callable[..., Any]
) -> None:
    await adas_house(site)
    async with visit("phone", java_script_enabled=False) as seen:
        page = seen.page
        await type_house(page, site)
        await page.get_by_role("button", name="Mail me a code").click()
        digits = await mailed_digits(site)
        await page.get_by_label("Code").fill("x")
        await page.get_by_role("button", name="Show what you hold").click()
        await page.get_by_text("This code is wrong").wait_for()
        await page.get_by_label("Code").fill(digits)
        await page.get_by_role("button", name="Show what you hold").click()
        await page.get_by_role("heading", name="Who received it").wait_for()
        seen.complaints.clear()  # the browser notes the status 422 of the wrong code
