"""The operators' desk in a real browser: by keyboard and on a phone, with and without scripts."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from playwright.async_api import expect
from sqlalchemy import text

from services.marketplace.domain.second_factor import STEP_SECONDS, code_of
from shared.schemas.enums import UserRole
from tests.browser.conftest import Site
from tests.factories.accounts import PASSWORD
from tests.factories.leads import make_buyer
from tests.factories.pages import needs_chromium
from tests.factories.single_step import begin

pytestmark = [needs_chromium, pytest.mark.slow]
PAGES = (
    "cities",
    "cities/Harrow/TX",
    "queues",
    "sources",
    "returns",
    "buyers",
    "cases",
    "seeds",
    "privacy",
    "conflicts",
    "money",
    "decisions",
    "switches",
    "audit",
    "promos",
    "registrations",
    "users",
)
BURY = (
    (
        "UPDATE core.step SET status = 'dead', error = '{\"type\": \"ProviderTimeout\"}', reason = 'no answer'"
        " WHERE workflow_id = :id AND name = 'scrape_property'"
    ),
    "UPDATE core.workflow SET status = 'failed', finished_at = now() WHERE id = :id",
    (
        "INSERT INTO core.dead_letter (source, workflow_id, step_name, reason, attempts)"
        " VALUES ('step', :id, 'scrape_property', 'the county does not answer', 5)"
    ),
)
PAPER = (
    "INSERT INTO buyer_evidence (contractor_id, item, media_type, size_bytes, sha256, object_key)"
    " VALUES (:id, 'insurance', 'application/pdf', 1200, 'none', :key)"
)
CASE = (
    "INSERT INTO buyer_cases (contractor_id, dispute_ref, charge_ref, amount_cents, reason, processor_status)"
    " VALUES (:id, 'dp_1', 'pi_1', 17500, 'fraudulent', 'needs_response')"
)


async def work(site: Site) -> UUID:
    """A dead letter, a paper that waits and a charge-back: the buyer's id."""
    workflow = await begin(site.door.resources, "property")
    async with site.db.begin() as session:
        for statement in BURY:
            await session.execute(text(statement), {"id": workflow})
        contractor_id, _ = await make_buyer(session, company_name="Harrow Roofing LLC")
        await session.execute(text(PAPER), {"id": contractor_id, "key": uuid4().hex})
        await session.execute(text(CASE), {"id": contractor_id})
    return contractor_id


async def test_an_operator_works_through_what_waits(site: Site, visit: Callable[..., Any]) -> None:
    await work(site)
    email = await site.staff(UserRole.OPS)
    async with visit() as desk:
        page = desk.page
        await desk.log_in(email, "/ops")
        await page.get_by_role("row", name="Dead letters Waiting 1").wait_for()
        await desk.inspect("desk_now")
        await page.get_by_role("link", name="Dead letters").click()
        await page.get_by_role("heading", name="Dead letters: 1").wait_for()
        await page.get_by_text("the county does not answer").wait_for()
        await page.get_by_text("Drive again").focus()
        await page.keyboard.press("Enter")
        await desk.inspect("desk_queues")
        await page.get_by_role("button", name="Drive it again").click()
        await page.get_by_role("status").filter(has_text="1 run again.").wait_for()
        await page.get_by_role("link", name="Charge-backs").click()
        await page.get_by_text("Settle", exact=True).first.click()
        await page.get_by_label("Why").fill("The bank was wrong.")
        await desk.inspect("desk_cases")
        await page.get_by_role("button", name="Settle").click()
        await page.get_by_role("heading", name="No charge-back waits").wait_for()


async def test_a_running_activation_moves_by_itself_and_is_whole_without_scripts(
    site: Site, visit: Callable[..., Any]
) -> None:
    email = await site.staff(UserRole.OPS)
    async with visit() as desk:
        page = desk.page
        await desk.log_in(email, "/ops/cities/Harrow/TX")
        await page.get_by_text("Activate", exact=True).click()
        await page.get_by_role("button", name="Activate Harrow").click()
        running = page.locator("[data-events]")
        await expect(running).to_contain_text("Steps of Harrow with their errors")
        async with site.db.begin() as session:
            finish = "UPDATE core.workflow SET status = 'failed', finished_at = now() WHERE kind = 'city'"
            await session.execute(text(finish))
        await expect(running).to_contain_text("Failed")
        await desk.inspect("desk_city")
    async with visit(java_script_enabled=False) as plain:
        await plain.log_in(email, "/ops/cities/Harrow/TX")
        await expect(plain.page.get_by_role("region", name="Newest activation")).to_contain_text("Failed")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_desk_holds_on_a_phone(site: Site, visit: Callable[..., Any], scheme: str) -> None:
    contractor_id = await work(site)
    email = await site.staff(UserRole.ADMIN)
    async with visit("phone", color_scheme=scheme, has_touch=True) as phone:
        await phone.log_in(email, "/ops")
        await phone.inspect(f"desk_now_phone_{scheme}")
        for path in (*PAGES, f"buyers/{contractor_id}"):
            await phone.page.goto(f"{site.url}/ops/{path}")
            await phone.inspect(f"desk_{path.split('/')[0]}_{path.count('/')}_phone_{scheme}")


async def test_an_administrator_resets_the_codes_of_somebody_who_lost_the_phone(
    site: Site, visit: Callable[..., Any]
) -> None:
    email, other = await site.staff(UserRole.ADMIN), await site.staff(UserRole.REVIEWER)
    async with visit() as theirs:
        page = theirs.page
        await theirs.log_in(other, "/my/security")
        await page.get_by_label("Your password").fill(PASSWORD)
        await page.get_by_role("button", name="Set up").click()
        key = (await page.locator("section.card code").inner_text()).replace(" ", "")
        await page.get_by_label("Code it shows").fill(code_of(key, int(time.time()) // STEP_SECONDS))
        await page.get_by_role("button", name="Turn on").click()
        await page.get_by_role("heading", name="Recovery codes").wait_for()
    async with visit() as desk:
        page = desk.page
        await desk.log_in(email, "/ops/users")
        row = page.get_by_role("row").filter(has_text=other)
        await expect(row).to_contain_text("On since")
        await desk.inspect("desk_users")
        await row.get_by_text("Reset codes").focus()
        await page.keyboard.press("Enter")
        form = row.locator("form", has_text="Ask for no codes any more")
        await form.get_by_label("Reason").fill("lost the phone")
        await desk.inspect("desk_users_codes")
        await form.get_by_role("button").click()
        await expect(row).to_contain_text("Off")
    async with visit() as again:
        await again.log_in(other, "/my/security")
        await again.page.get_by_role("button", name="Set up").wait_for()


async def test_somebody_of_ours_sets_up_the_code_that_the_role_needs_and_goes_on(
    site: Site, visit: Callable[..., Any]
) -> None:
    settings, email = site.door.resources.settings, await site.staff(UserRole.OPS)
    object.__setattr__(settings, "staff_totp", "required")
    try:
        async with visit("phone", has_touch=True) as desk:
            page = desk.page
            await desk.log_in(email, "/my/security")
            await page.goto(f"{site.url}/ops")
            await page.get_by_text("Your role needs a code at log-in.").wait_for()
            await desk.inspect("security_needed_phone")
            await page.get_by_label("Your password").fill(PASSWORD)
            await page.get_by_role("button", name="Set up").click()
            key = (await page.locator("section.card code").inner_text()).replace(" ", "")
            await page.get_by_label("Code it shows").fill(code_of(key, int(time.time()) // STEP_SECONDS))
            await page.get_by_role("button", name="Turn on").click()
            await desk.inspect("security_set_up_phone")
            await page.get_by_role("link", name="I have them: go on").click()
            await page.get_by_role("link", name="Charge-backs to settle").wait_for()
    finally:
        object.__setattr__(settings, "staff_totp", "off")
