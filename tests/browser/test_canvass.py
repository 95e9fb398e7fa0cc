"""Door to door in a real browser: a note written without a connection is one report once there is one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.async_api import Page, expect
from sqlalchemy import text

from shared.http.auth import ACCESS_COOKIE
from tests.browser.conftest import Site
from tests.browser.test_buyer_pages import Buyer, make_account
from tests.factories.leads import city_id
from tests.factories.outcomes import make_sale
from tests.factories.pages import needs_chromium

pytestmark = [needs_chromium, pytest.mark.slow]

READY = "This page is kept on this device"
REPORTS = "SELECT sale_id, outcome, method, lost_reason, note FROM sale_outcomes ORDER BY number"


async def sold(site: Site, buyer: Buyer, number: int, east: float) -> str:
    """A lead that the buyer bought an hour ago."""
    async with site.db.begin() as session:
        await city_id(session)
        sale = await make_sale(
            session,
            site.door.resources.keys,
            (buyer.contractor_id, buyer.user_id),
            minutes=60,
            address=f"{number} OAK ST",
            geom=f"SRID=4326;POINT({-98.9 + east} 32.4)",
            quality_score=90 - number,
        )
    return str(sale)


async def reports(site: Site) -> list[tuple[Any, ...]]:
    async with site.db() as session:
        return [tuple(row) for row in (await session.execute(text(REPORTS))).all()]


async def kept_pages(page: Page) -> list[str]:
    found: list[str] = await page.evaluate(
        "caches.open('canvass').then((c) => c.keys()).then((all) => all.map((each) => new URL(each.url).pathname))"
    )
    return found


@pytest.mark.parametrize("size", ["phone", "desk"])
async def test_the_way_is_walked_with_and_without_a_connection(
    site: Site, visit: Callable[..., Any], size: str
) -> None:
    buyer = await make_account(site)
    first, second = await sold(site, buyer, 10, 0.0), await sold(site, buyer, 12, 0.01)
    async with visit(size) as seen:
        page = seen.page
        await seen.log_in(buyer.email, "/my/leads")
        await page.get_by_role("link", name="Go from door to door").click()
        await page.get_by_role("heading", name="1. 10 OAK ST").wait_for()
        await page.get_by_text(READY).wait_for()
        await page.get_by_text("Before you knock").click()
        await seen.inspect(f"canvass_{size}")
        for each in await page.locator("#canvass button:visible, #canvass a.button:visible").all():
            box = await each.bounding_box()
            assert box is not None
            assert box["height"] >= 44, await each.text_content()

        await page.context.set_offline(True)
        await page.reload()
        await page.get_by_text("No connection. This is the way as of").wait_for()
        await page.get_by_label("Note on 10 OAK ST, optional").fill("Dog. Back at five.")
        stop = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="1. 10 OAK ST"))
        await stop.get_by_role("button", name="Talked to the owner").click()
        await page.get_by_text("1 report waits for a connection").wait_for()
        await expect(stop.get_by_role("button", name="Nobody home")).to_be_hidden()
        await page.reload()
        await stop.get_by_role("button", name="Appointment made").click()
        await page.get_by_text("2 reports wait for a connection").wait_for()
        await seen.inspect(f"canvass_offline_{size}")
        assert await reports(site) == []

        await page.context.set_offline(False)
        await expect(stop.get_by_text("Sent: Appointment made")).to_be_visible()
        await expect(page.get_by_role("heading", name="On this device")).to_be_hidden()
        seen.complaints.clear()  # Chromium reports what it could not reach as an error
        await page.reload()
        await page.get_by_text("Last reported: Appointment made").wait_for()
        told = [(str(row[0]), *row[1:]) for row in await reports(site)]
        assert told == [
            (first, "contacted", "in_person", None, "Dog. Back at five."),
            (first, "appointment", None, None, None),
        ]

        assert "/my/canvass" in await kept_pages(page)
        await page.get_by_role("button", name="Log out").click()
        await page.get_by_label("Password").wait_for()
        assert await kept_pages(page) == []
        assert second


async def test_what_is_not_taken_is_shown_and_stays_until_it_is_removed(
    site: Site, visit: Callable[..., Any]
) -> None:
    buyer = await make_account(site)
    sale = await sold(site, buyer, 10, 0.0)
    async with visit("phone") as seen:
        page = seen.page
        await seen.log_in(buyer.email, "/my/canvass")
        await page.get_by_text(READY).wait_for()
        async with site.db.begin() as session:
            await session.execute(
                text("UPDATE sales SET status = 'refunded', refunded_at = now() WHERE id = :id"), {"id": sale}
            )
        await page.get_by_role("button", name="Not interested").click()
        await page.get_by_text("1 was not taken").wait_for()
        await expect(page.get_by_role("button", name="Nobody home")).to_be_visible()
        await expect(page.get_by_text("This lead was given back.")).to_be_visible()
        await seen.inspect("canvass_refused")
        await page.reload()
        await page.get_by_role("heading", name="No doors to knock at").wait_for()
        await page.get_by_text("1 was not taken").wait_for()
        await page.get_by_role("button", name="Send again: Not interested, 10 OAK ST").click()
        await page.get_by_text("1 was not taken").wait_for()
        await page.get_by_role("button", name="Remove: Not interested, 10 OAK ST").click()
        await expect(page.get_by_role("heading", name="On this device")).to_be_hidden()
        seen.complaints.clear()  # Chromium reports every answer over 399 as an error
        assert await reports(site) == []


async def test_an_answer_that_was_lost_is_asked_for_again_and_nothing_is_reported_twice(
    site: Site, visit: Callable[..., Any]
) -> None:
    buyer = await make_account(site)
    await sold(site, buyer, 10, 0.0)
    async with visit("phone", service_workers="block") as seen:
        page = seen.page
        await seen.log_in(buyer.email, "/my/canvass")
        sent: list[str] = []

        async def swallow(route: Any) -> None:
            """The server has it; its answer never comes."""
            answer = await route.fetch()
            sent.append(route.request.headers["idempotency-key"])
            await (route.abort() if len(sent) == 1 else route.fulfill(response=answer))

        await page.route("**/api/sales/*/outcomes", swallow)
        await page.get_by_label("Note on 10 OAK ST, optional").fill("Gate code 12.")
        async with page.expect_event("requestfailed"):
            await page.get_by_role("button", name="Nobody home").click()
        await page.get_by_text("1 report waits for a connection").wait_for()
        assert len(await reports(site)) == 1
        await page.reload()
        await expect(page.get_by_text("Sent: Nobody home")).to_be_visible()
        seen.complaints.clear()  # Chromium reports a lost answer as an error
        assert len(sent) == 2
        assert len(set(sent)) == 1
        assert [row[-1] for row in await reports(site)] == ["Gate code 12."]


@pytest.mark.parametrize("hours", [-2, 2])
async def test_a_phone_whose_clock_is_wrong_reports_by_the_servers_and_a_double_tap_is_one(
    site: Site, visit: Callable[..., Any], hours: int
) -> None:
    buyer = await make_account(site)
    await sold(site, buyer, 10, 0.0)
    async with visit("phone") as seen:
        page = seen.page
        wrong = f"const told = Date.now.bind(Date); Date.now = () => told() + {hours} * 3600000;"
        await page.add_init_script(wrong)
        await seen.log_in(buyer.email, "/my/canvass")
        await page.get_by_role("button", name="Nobody home").dblclick()
        await expect(page.get_by_text("Sent: Nobody home")).to_be_visible()
        await expect(page.get_by_role("heading", name="On this device")).to_be_hidden()
    late = "SELECT extract(epoch FROM created_at - happened_at) FROM sale_outcomes"
    async with site.db() as session:
        (seconds,) = (await session.execute(text(late))).scalars().all()
    assert 0 <= seconds < 10


async def test_an_ended_session_keeps_what_waits_until_its_person_is_back(
    site: Site, visit: Callable[..., Any]
) -> None:
    buyer, other = await make_account(site), await make_account(site)
    await sold(site, buyer, 10, 0.0)
    await sold(site, other, 20, 0.0)
    async with visit("phone") as seen:
        page = seen.page
        await seen.log_in(buyer.email, "/my/canvass")
        await page.get_by_text(READY).wait_for()
        await page.context.clear_cookies(name=ACCESS_COOKIE)
        await page.reload()
        await page.get_by_role("heading", name="1. 10 OAK ST").wait_for()
        await page.context.clear_cookies()
        await page.get_by_role("button", name="Nobody home").click()
        await page.get_by_text("log in again to send what waits").wait_for()
        await seen.log_in(other.email, "/my/canvass")
        await page.get_by_role("heading", name="1. 20 OAK ST").wait_for()
        await page.get_by_text(READY).wait_for()
        assert await reports(site) == []
        await page.get_by_role("button", name="Log out").click()
        await page.get_by_label("Password").wait_for()
        await seen.log_in(buyer.email, "/my/canvass")
        await expect(page.get_by_text("Sent: Nobody home")).to_be_visible()
        seen.complaints.clear()  # Chromium reports every answer over 399 as an error
    assert [row[1] for row in await reports(site)] == ["attempted"]


async def test_the_list_is_whole_without_scripts(site: Site, visit: Callable[..., Any]) -> None:
    buyer = await make_account(site)
    await sold(site, buyer, 10, 0.0)
    async with visit("phone", java_script_enabled=False) as plain:
        page = plain.page
        await plain.log_in(buyer.email, "/my/canvass")
        await page.get_by_label("Note on 10 OAK ST, optional").fill("Nobody, dog barks.")
        await page.get_by_role("button", name="Nobody home").click()
        await page.get_by_text("Last reported: Tried, nobody answered").wait_for()
        await page.get_by_role("link", name="10 OAK ST", exact=True).click()
        await page.get_by_text("Nobody, dog barks.").wait_for()
    assert [row[1:] for row in await reports(site)] == [
        ("attempted", "in_person", None, "Nobody, dog barks.")
    ]
