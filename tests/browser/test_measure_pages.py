"""Numbers, notices and what leads brought, in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from playwright.async_api import expect
from sqlalchemy import text, update

from services.marketplace.repository.notices import NoticeRepository
from shared.db.models.users import User
from shared.schemas.enums import UserRole
from tests.browser.conftest import Site
from tests.factories.accounts import known_hash
from tests.factories.leads import make_buyer
from tests.factories.outcomes import DAY, make_sale, tell
from tests.factories.pages import needs_chromium

pytestmark = [needs_chromium, pytest.mark.slow]
EMAIL = "pat@roofs.example"


async def a_quarter(site: Site) -> None:
    """A buyer with forty leads of four months, most of them reported; one waits for its first try."""
    keys = site.door.resources.keys
    async with site.db.begin() as session:
        buyer = await make_buyer(session)
        await session.execute(
            update(User).where(User.id == buyer[1]).values(email=EMAIL, password_hash=await known_hash())
        )
        for number in range(40):
            grade = "B" if number < 34 else "A"
            sale = await make_sale(session, keys, buyer, minutes=(20 + number * 3) * DAY, grade=grade)
            if number % 8:
                await tell(session, sale, "contacted", after=40 + number, stars=number % 5 + 1)
            if number % 8 > 4:
                await tell(session, sale, "won", after=9 * DAY)
        await make_sale(session, keys, buyer, minutes=190, grade="C")
        now = (await session.execute(text("SELECT now()"))).scalar_one()
        assert await NoticeRepository(session).nudge(now) == 1


@pytest.mark.parametrize("size", ["phone", "desk"])
async def test_a_buyer_reads_its_numbers_and_notices(
    site: Site, visit: Callable[..., Any], size: str
) -> None:
    await a_quarter(site)
    async with visit(size) as seen:
        page = seen.page
        await page.goto(f"{site.url}/quality")
        await page.get_by_role("heading", name="What leads brought their buyers").wait_for()
        await expect(page.get_by_text("Not enough yet").first).to_be_visible()
        await seen.inspect(f"quality_{size}")
        await seen.log_in(EMAIL, "/my/analytics")
        await page.get_by_role("heading", name="How many leads became jobs").wait_for()
        await expect(page.locator("#unread")).to_have_text("1 unread")
        await seen.inspect(f"analytics_{size}")
        await page.goto(f"{site.url}/my/leads")
        await page.get_by_text("Waiting for 3 h 10 min").wait_for()
        await seen.inspect(f"owned_speed_{size}")
        await page.goto(f"{site.url}/my/notices")
        await page.get_by_role("heading", name="An hour without a report").wait_for()
        await seen.inspect(f"notices_{size}")
        await page.get_by_role("button", name="Mark 1 as read").click()
        await expect(page.get_by_role("button", name="Mark 1 as read")).to_have_count(0)
        await expect(page.locator("#unread")).to_have_text("")


@pytest.mark.parametrize("size", ["phone", "desk"])
async def test_a_buyer_sets_which_notices_come_by_mail(
    site: Site, visit: Callable[..., Any], size: str
) -> None:
    await a_quarter(site)
    async with visit(size) as seen:
        page = seen.page
        await seen.log_in(EMAIL, "/my/notices")
        plan = page.get_by_label("A plan that came free")
        await expect(plan).to_be_checked()
        await plan.uncheck()
        await page.get_by_role("button", name="Save", exact=True).click()
        await page.wait_for_url("**/my/notices#by-mail")
        await expect(plan).not_to_be_checked()
        await expect(page.get_by_label("Territories offered to you")).to_be_checked()


async def test_a_mails_reader_ends_the_mails_without_a_log_in(site: Site, visit: Callable[..., Any]) -> None:
    async with visit("phone") as seen:
        await seen.page.goto(f"{site.url}/unsubscribe/{uuid4()}")
        await seen.page.get_by_role("heading", name="End notices by e-mail?").wait_for()
        await seen.inspect("unsubscribe_phone")
        await seen.page.get_by_role("button", name="End them").click()
        await seen.page.get_by_role("heading", name="No more notices by e-mail").wait_for()
        await seen.inspect("unsubscribed_phone")


async def test_an_operator_reads_the_books(site: Site, visit: Callable[..., Any]) -> None:
    await a_quarter(site)
    email = await site.staff(UserRole.OPS)
    async with visit("phone") as phone:
        await phone.log_in(email, "/ops/quality")
        await phone.page.get_by_role("heading", name="Rated two stars or less").wait_for()
        await phone.inspect("books_phone")
        await phone.page.set_viewport_size({"width": 1440, "height": 900})
        await phone.inspect("books_desk")
