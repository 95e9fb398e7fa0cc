"""Territories and caps in a real browser: asked for on a phone, taken back at the operators' desk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shared.schemas.enums import UserRole
from tests.browser.conftest import Site
from tests.browser.test_buyer_pages import make_account
from tests.factories.pages import needs_chromium

pytestmark = [needs_chromium, pytest.mark.slow]


async def test_a_zip_is_held_on_a_phone_and_taken_back_by_an_operator(
    site: Site, visit: Callable[..., Any]
) -> None:
    await site.lead(address="119 1ST ST SW", analysed=False)
    buyer = await make_account(site, subscription_tier="professional")
    staff = await site.staff(UserRole.OPS)
    async with visit("phone", has_touch=True) as phone:
        page = phone.page
        await phone.log_in(buyer.email, "/my/territories")
        await page.get_by_text("No territory yet").wait_for()
        await phone.inspect("territories_free_phone")
        await page.get_by_role("button", name="Hold it alone ZIP 76998").tap()
        await page.get_by_text("Yours alone").wait_for()
        await phone.inspect("territories_held_phone")
        await page.get_by_role("link", name="What I buy").tap()
        await page.get_by_label("Leads a day, at most").fill("0")
        await page.get_by_role("button", name="Save").tap()
        await page.get_by_text("Your cap of 0 a day is reached").wait_for()
        await phone.inspect("preferences_phone")
    async with visit() as desk:
        page = desk.page
        await desk.log_in(staff, "/ops/territories")
        await desk.inspect("desk_territories")
        await page.get_by_label("Why ZIP 76998").fill("moved away")
        await page.get_by_role("button", name="End").click()
        await page.get_by_text("taken back").wait_for()
        await desk.inspect("desk_territories_ended")
