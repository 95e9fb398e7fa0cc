"""The operators' leads in a real browser, on a phone and on a desk."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from shared.schemas.enums import UserRole
from tests.browser.conftest import Site
from tests.factories.pages import needs_chromium

pytestmark = [needs_chromium, pytest.mark.slow]


async def test_an_operator_finds_a_lead_and_why_it_is_one(site: Site, visit: Callable[..., Any]) -> None:
    lead_id = await site.lead(address="119 1ST ST SW")
    await site.lead(address="7 ELM ST", grade="D", quality_score=61, analysed=False)
    email = await site.staff(UserRole.OPS)
    async with visit() as desk:
        page = desk.page
        await desk.log_in(email, "/ops/leads")
        await desk.inspect("leads_desk")
        await page.get_by_role("combobox", name="Grade").select_option("B")
        await page.wait_for_url(re.compile("grade=B"))
        assert await page.get_by_role("link", name="7 ELM ST").count() == 0
        await page.get_by_role("link", name="119 1ST ST SW").click()
        await page.get_by_role("heading", name="119 1ST ST SW").wait_for()
        assert page.url == f"{site.url}/ops/leads/{lead_id}"
        for badge in ("Sandbox", "Demonstration weights"):
            await page.get_by_text(badge).wait_for()
        await page.get_by_role("heading", name="Score 82 of 100").wait_for()
        await page.get_by_text("Roof condition").click()
        await page.get_by_role("row", name="Poor 62%").wait_for()
        boxes, toggle = page.locator("svg g.boxes"), page.get_by_label("Damage boxes")
        assert await boxes.is_visible()
        await toggle.uncheck()
        assert not await boxes.is_visible()
        await page.get_by_role("button", name="Source of Year built").focus()
        await page.get_by_role("tooltip").filter(has_text="Harrow, TX, parcel records").first.wait_for()
        await desk.inspect("lead_desk")
        await page.get_by_role("button", name="Log out").click()
        await page.get_by_role("heading", name="Log in").wait_for()
        await desk.inspect("login_desk")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_pages_hold_on_a_phone_by_day_and_by_night(
    site: Site, visit: Callable[..., Any], scheme: str
) -> None:
    lead_id = await site.lead(address="119 1ST ST SW")
    await site.task(1)
    email = await site.staff(UserRole.ADMIN)
    async with visit("phone", color_scheme=scheme, has_touch=True) as phone:
        page = phone.page
        await phone.log_in(email, "/ops/leads")
        await phone.inspect(f"leads_phone_{scheme}")
        await page.goto(f"{site.url}/ops/leads/{lead_id}")
        await page.get_by_role("button", name="Source of Year built").tap()
        await page.get_by_role("tooltip").filter(has_text="Harrow, TX, parcel records").first.wait_for()
        await phone.inspect(f"lead_phone_{scheme}")
        await page.goto(f"{site.url}/review")
        await page.get_by_role("button", name="Approve").wait_for()
        await phone.inspect(f"review_phone_{scheme}")


async def test_the_list_is_read_without_scripts(site: Site, visit: Callable[..., Any]) -> None:
    await site.lead(address="119 1ST ST SW")
    email = await site.staff(UserRole.OPS)
    async with visit(java_script_enabled=False) as plain:
        page = plain.page
        await plain.log_in(email, "/ops/leads")
        await page.get_by_role("combobox", name="Grade").select_option("B")
        await page.get_by_role("button", name="Show").click()
        await page.get_by_role("link", name="119 1ST ST SW").click()
        await page.get_by_role("heading", name="Score 82 of 100").wait_for()
        await page.get_by_text("Roof condition").first.click()
        await page.get_by_role("row", name="Poor 62%").wait_for()
        await page.get_by_role("button", name="Log out").click()
        await page.get_by_role("heading", name="Log in").wait_for()
