"""The map of leads in a real browser: beside the list, in its place on a phone, by the same filters, by keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Site
from tests.browser.test_buyer_pages import make_account
from tests.factories.pages import needs_chromium

pytestmark = [needs_chromium, pytest.mark.slow]

PLACES = [
    (-98.9025, 32.4025),
    (-98.8975, 32.4025),
    (-98.9225, 32.4175),
    (-98.8825, 32.3875),
    (-98.9125, 32.3925),
]


async def fill_the_town(site: Site) -> None:
    """Six leads: four alone in their cells, two in one, and one that no cell tells."""
    grades = [
        ("A", 93, "400.00"),
        ("B", 84, "175.00"),
        ("C", 74, "110.00"),
        ("D", 62, "75.00"),
        ("B", 81, "175.00"),
    ]
    for (lng, lat), (grade, score, price) in zip(PLACES, grades, strict=True):
        cell = f"SRID=4326;POINT({lng} {lat})"
        await site.lead(map_cell=cell, grade=grade, quality_score=score, price=price, analysed=False)
    await site.lead(map_cell=f"SRID=4326;POINT({PLACES[0][0]} {PLACES[0][1]})", analysed=False)
    await site.lead(address="7 LONELY RD", analysed=False)


async def drawn(page: Page, words: str) -> None:
    """Wait until the map says what it shows."""
    await page.get_by_role("status").filter(has_text=words).wait_for()


async def test_the_map_stands_beside_the_list_and_follows_its_filters(
    site: Site, visit: Callable[..., Any]
) -> None:
    await fill_the_town(site)
    buyer = await make_account(site)
    async with visit() as desk:
        page = desk.page
        await desk.log_in(buyer.email, "/leads")
        await drawn(page, "6 leads on this map")
        land = page.get_by_role("region", name="Map of the leads found")
        await expect(land.get_by_role("link", name=re.compile("one lead, score"))).to_have_count(4)
        await expect(land.get_by_role("button", name="2 leads, best grade A, from $175")).to_have_count(1)
        await expect(page.get_by_role("row")).to_have_count(8)
        await desk.inspect("map_desk")
        await page.get_by_text("Filter and sort").click()
        await page.get_by_label("Score from").fill("80")
        await page.get_by_label("Score from").press("Enter")
        await drawn(page, "4 leads on this map")
        await expect(page.get_by_role("row")).to_have_count(6)
        await page.get_by_role("button", name=re.compile("^2 leads")).press("Enter")
        await page.get_by_role("link", name="In a part of the map").wait_for()
        await expect(page.get_by_role("row")).to_have_count(3)
        assert "box=-98.905" in page.url
        await page.reload()
        await drawn(page, "2 leads on this map")
        await expect(page.get_by_role("row")).to_have_count(3)


async def test_the_map_takes_the_lists_part_of_a_phone_when_asked(
    site: Site, visit: Callable[..., Any]
) -> None:
    await fill_the_town(site)
    buyer = await make_account(site)
    async with visit("phone", has_touch=True) as phone:
        page = phone.page
        await phone.log_in(buyer.email, "/leads")
        land = page.get_by_role("region", name="Map of the leads found")
        await expect(land).to_be_hidden()
        await page.get_by_role("button", name="Map", exact=True).tap()
        await drawn(page, "6 leads on this map")
        await phone.inspect("map_phone")
        await land.get_by_role("link", name="C · $110: one lead, score 74").tap()
        await page.get_by_role("heading", name="$110, sold once").wait_for()


async def test_the_map_is_dark_where_the_viewer_wants_it(site: Site, visit: Callable[..., Any]) -> None:
    await fill_the_town(site)
    buyer = await make_account(site)
    async with visit(color_scheme="dark") as desk:
        await desk.log_in(buyer.email, "/leads?min_score=99")
        await drawn(desk.page, "0 leads on this map")
        await desk.page.goto(f"{site.url}/leads")
        await drawn(desk.page, "6 leads on this map")
        await desk.inspect("map_dark")
