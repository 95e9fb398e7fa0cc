"""Notices on a device in a real browser: its button, what it says where it cannot, and what the worker shows.

Chromium without a network has no push service: `subscribe` fails here, which one test wants; where a subscription is
needed it is put in its place, and messages are delivered by the browser's own debugging port.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.async_api import Page, expect
from sqlalchemy import text

from tests.browser.conftest import Site, Visit
from tests.browser.test_buyer_pages import make_account
from tests.factories.pages import needs_chromium

pytestmark = [needs_chromium, pytest.mark.slow]
SUBSCRIBED = """
    PushManager.prototype.subscribe = async (wish) => {
      window.wished = [wish.userVisibleOnly, wish.applicationServerKey.length];
      return { toJSON: () => ({
        endpoint: "https://1.1.1.1/push/of-this-test", expirationTime: null,
        keys: {
          p256dh: "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
          auth: "BTBZMqHH6r4Tts7J_aSIgg",
        },
      }) };
    };
"""
PERMISSION = "Object.defineProperty(Notification, 'permission', { get: () => '%s' });"
SHOWN = """
    navigator.serviceWorker.getRegistration('/my/notices')
      .then((worker) => worker.getNotifications())
      .then((all) => all.map((each) => [each.title, each.body, each.tag, each.data.link]))
"""
TOUCHED = """
    async () => {
      const opened = [];
      self.clients.openWindow = async (url) => { opened.push(url); };
      for (const each of await self.registration.getNotifications()) {
        self.dispatchEvent(new NotificationEvent("notificationclick", { notification: each }));
      }
      return [opened, (await self.registration.getNotifications()).length];
    }
"""
BUTTON = "Show notices on this device"


async def deliver(page: Page, *messages: str) -> None:
    """Push messages to the worker of the page, as the push service of its browser would."""
    port = await page.context.new_cdp_session(page)
    found: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def registered(event: dict[str, Any]) -> None:
        for each in event["registrations"]:
            if each["scopeURL"].endswith("/my/notices") and not found.done():
                found.set_result(each["registrationId"])

    port.on("ServiceWorker.workerRegistrationUpdated", registered)
    await port.send("ServiceWorker.enable")
    worker = await asyncio.wait_for(found, 20)
    origin = await page.evaluate("location.origin")
    for message in messages:
        order = {"origin": origin, "registrationId": worker, "data": message}
        await port.send("ServiceWorker.deliverPushMessage", order)
    await port.detach()


async def with_worker(site: Site, seen: Visit) -> None:
    """A buyer on the page of notices whose browser has registered the worker, and no push service."""
    buyer = await make_account(site)
    await seen.log_in(buyer.email, "/my/notices")
    await seen.page.get_by_role("button", name=BUTTON).click()
    await seen.page.get_by_text("could not reach its push service").wait_for()
    seen.complaints.clear()  # Chromium reports why it has none as an error


@pytest.mark.parametrize("size", ["phone", "desk"])
async def test_a_device_is_added_listed_and_ended(site: Site, visit: Callable[..., Any], size: str) -> None:
    buyer = await make_account(site)
    async with visit(size, permissions=["notifications"]) as seen:
        page = seen.page
        await page.add_init_script(SUBSCRIBED)
        await seen.log_in(buyer.email, "/my/notices")
        await page.get_by_role("heading", name="On this device as well").wait_for()
        await seen.inspect(f"push_off_{size}")
        await page.get_by_role("button", name=BUTTON).click()
        await page.get_by_text("This device shows your notices.").wait_for()
        await expect(page.get_by_role("button", name=BUTTON)).to_be_hidden()
        await seen.inspect(f"push_on_{size}")
        async with site.db() as session:
            (row,) = (
                await session.execute(text("SELECT user_id, endpoint, device FROM push_subscriptions"))
            ).all()
        assert (row.user_id, row.endpoint) == (buyer.user_id, "https://1.1.1.1/push/of-this-test")
        assert row.device.startswith("Chrome")
        await page.get_by_role("button", name="End notices on Chrome").click()
        await page.get_by_role("button", name=BUTTON).wait_for()
        await expect(page.get_by_role("heading", name="Your devices")).to_have_count(0)


async def test_a_browser_without_a_push_service_says_so_and_may_try_again(
    site: Site, visit: Callable[..., Any]
) -> None:
    async with visit("phone", permissions=["notifications"]) as seen:
        await with_worker(site, seen)
        await expect(seen.page.get_by_role("button", name=BUTTON)).to_be_enabled()
        await seen.inspect("push_failed_phone")


async def test_a_refusal_of_the_server_is_told(site: Site, visit: Callable[..., Any]) -> None:
    buyer = await make_account(site)
    async with visit("phone", permissions=["notifications"]) as seen:
        page = seen.page
        await page.add_init_script(SUBSCRIBED.replace("https://1.1.1.1", "https://127.0.0.1"))
        await seen.log_in(buyer.email, "/my/notices")
        await page.get_by_role("button", name=BUTTON).click()
        await page.get_by_text("the host has an address that is not public").wait_for()
        seen.complaints.clear()  # Chromium reports every answer over 399 as an error


async def test_a_browser_that_forbids_notices_says_where_to_allow_them(
    site: Site, visit: Callable[..., Any]
) -> None:
    buyer = await make_account(site)
    async with visit("phone") as seen:
        page = seen.page
        await page.add_init_script(PERMISSION % "denied")
        await seen.log_in(buyer.email, "/my/notices")
        await page.get_by_text("Your browser does not let us show notices.").wait_for()
        await expect(page.get_by_role("button", name=BUTTON)).to_be_hidden()


async def shown_by(page: Page, most: int) -> list[list[str]]:
    """Title, words, tag and link of what the worker shows, once it is so much."""
    shown: list[list[str]] = []
    for _ in range(100):
        shown = await page.evaluate(SHOWN)
        if len(shown) >= most:
            break
        await asyncio.sleep(0.1)
    return sorted(shown)


async def test_the_worker_shows_each_message_once(site: Site, visit: Callable[..., Any]) -> None:
    async with visit("desk", permissions=["notifications"]) as seen:
        await with_worker(site, seen)
        said = {"title": "A plan is free", "words": "Two days.", "link": "/my/billing", "tag": "t1"}
        await deliver(seen.page, json.dumps(said), json.dumps(said), "no JSON at all")
        assert await shown_by(seen.page, 2) == [
            [
                "A notice from Ridgeline",
                "It stands in your account, under Notices.",
                "/my/notices",
                "/my/notices",
            ],
            ["A plan is free", "Two days.", "t1", "/my/billing"],
        ]


async def test_a_touch_opens_a_page_of_ours_whatever_the_message_says(
    site: Site, visit: Callable[..., Any]
) -> None:
    links = ["/my/billing", "https://evil.example/x", "//evil.example/y", "javascript:alert(1)", "https://["]
    async with visit("desk", permissions=["notifications"]) as seen:
        await with_worker(site, seen)
        messages = [json.dumps({"title": link, "link": link, "tag": link}) for link in links]
        await deliver(seen.page, *messages)
        assert len(await shown_by(seen.page, len(links))) == len(links)
        (worker,) = seen.page.context.service_workers
        opened, left = await worker.evaluate(TOUCHED)
        seen.complaints.clear()  # Chromium reports that a touch made by a script cannot keep a worker awake
        assert sorted(opened) == [f"{site.url}/my/billing", *[f"{site.url}/my/notices"] * (len(links) - 1)]
        assert left == 0
