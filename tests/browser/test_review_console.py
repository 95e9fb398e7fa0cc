"""Twenty roofs reviewed in a real browser without a mouse."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from playwright.async_api import Page, expect
from sqlalchemy import text

from shared.http.auth import ACCESS_COOKIE
from shared.schemas.enums import UserRole
from shared.security.policy import Role
from tests.browser.conftest import Site
from tests.factories.pages import needs_chromium
from tests.factories.roof_evidence import drawn

pytestmark = [needs_chromium, pytest.mark.slow]

TASKS = 20
WAYS: Sequence[Sequence[str]] = (
    ("a",),
    ("5", "a"),
    ("d", "ArrowLeft", "ArrowUp", "Shift+ArrowRight", "Enter", "t", "a"),
    ("r", "2", "Enter"),
    ("b", "x", "a"),
)
"""Approved as it is, with another condition, with a box drawn, rejected for the second reason, with a box deleted."""


async def press(page: Page, *keys: str) -> None:
    for key in keys:
        await page.keyboard.press(key)


async def test_twenty_tasks_are_reviewed_by_keyboard_alone(site: Site, visit: Callable[..., Any]) -> None:
    tasks = [await site.task(place) for place in range(1, TASKS + 1)]
    email = await site.staff(UserRole.REVIEWER)
    async with visit() as desk:
        page = desk.page
        await desk.log_in(email, "/review")
        roof = page.get_by_role("article").get_by_role("heading", level=2)
        await expect(roof).to_have_text("1 OAK ST, Harrow TX")
        await desk.inspect("review_desk")
        await press(page, "j")
        await expect(roof).to_have_text("2 OAK ST, Harrow TX")
        await press(page, "k")
        await expect(roof).to_have_text("1 OAK ST, Harrow TX")
        await press(page, "r", "Enter")
        await expect(roof).to_have_text("2 OAK ST, Harrow TX")
        await press(page, "u")
        await expect(roof).to_have_text("1 OAK ST, Harrow TX")
        for place in range(1, TASKS + 1):
            await expect(roof).to_have_text(f"{place} OAK ST, Harrow TX")
            if place == TASKS // 2:  # ten minutes later: the session goes on by itself
                await page.context.clear_cookies(name=ACCESS_COOKIE)
            await press(page, *WAYS[place % len(WAYS)])
        await page.get_by_role("heading", name="Nothing waits for you").wait_for()
        desk.complaints = [words for words in desk.complaints if "401" not in words]
        await desk.inspect("review_done")

    await site.settle()
    labels = await exported(site)
    assert {label["condition"] for label in labels} == {"poor", "critical"}
    assert {label["task_id"] for label in labels} <= {str(task) for task in tasks}
    above = [label["pictures"][0] for label in labels]
    assert Counter(picture["damages_by"] for picture in above) == {"models": 8, "reviewer": 8}

    given = await words(site)
    assert len(given) == len(tasks) == TASKS
    assert Counter(word.verdict for word in given) == {"approved": 16, "rejected": 4}
    assert sum(word.condition == "critical" for word in given) == 4
    marked = len(drawn().boxes)
    assert Counter(word.marked for word in given) == {None: 12, marked + 1: 4, marked - 1: 4}
    assert {word.notes for word in given} == {None, "The roof is hidden by trees or shadow"}


async def exported(site: Site) -> list[dict[str, Any]]:
    """The labels that a trainer is given."""
    token = site.roofs.user_token(Role.ADMIN)
    async with site.roofs.client(token=token, timeout=30) as client:
        answer = await client.get("/validation/export", params={"limit": 100})
    items: list[dict[str, Any]] = answer.raise_for_status().json()["items"]
    return items


async def words(site: Site) -> Sequence[Any]:
    """Every word that stands."""
    statement = text(
        "SELECT verdict, condition, notes, jsonb_array_length(nullif(corrections -> 'damages', 'null')) AS marked"
        " FROM reviews WHERE undone_at IS NULL"
    )
    async with site.db() as session:
        return (await session.execute(statement)).all()


async def test_a_box_is_drawn_and_deleted_by_mouse(site: Site, visit: Callable[..., Any]) -> None:
    await site.task(1)
    email = await site.staff(UserRole.ADMIN)
    async with visit() as desk:
        page = desk.page
        await desk.log_in(email, "/review")
        marks = page.get_by_role("list", name="Marked damages").get_by_role("listitem")
        await expect(marks).to_have_count(len(drawn().boxes))
        await page.get_by_role("button", name="Draw a box").click()
        edge = await page.get_by_role("img", name="The house from above").bounding_box()
        assert edge is not None
        await page.mouse.move(edge["x"] + edge["width"] * 0.25, edge["y"] + edge["height"] * 0.5)
        await page.mouse.down()
        await page.mouse.move(edge["x"] + edge["width"] * 0.5, edge["y"] + edge["height"] * 0.75)
        await page.mouse.up()
        await page.get_by_role("combobox", name=f"Kind of damage {len(drawn().boxes) + 1}").select_option(
            "Ponding"
        )
        await page.get_by_role("button", name="Delete damage 1").click()
        await expect(marks).to_have_count(len(drawn().boxes))
        await page.get_by_role("button", name="Approve").click()
        await page.get_by_role("heading", name="Nothing waits for you").wait_for()

    statement = text("SELECT corrections -> 'damages' -> -1 FROM reviews")
    async with site.db() as session:
        drawn_last = (await session.execute(statement)).scalar_one()
    assert drawn_last["damage"] == "ponding"
    box = drawn_last["box"]
    sides = [box[side] for side in ("left", "top", "right", "bottom")]
    assert sides == pytest.approx([0.25, 0.5, 0.5, 0.75], abs=0.01)
