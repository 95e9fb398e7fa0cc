"""A buyer's own affairs in a real browser: destinations, a return and papers, on a phone, by keyboard, without scripts."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.async_api import expect
from sqlalchemy import text

from services.marketplace.service import sales
from services.marketplace.service.sales import settle_without_charge
from shared.db.rows import all_rows
from tests.browser.conftest import Site
from tests.browser.test_buyer_pages import Buyer, make_account
from tests.factories.pages import needs_chromium

pytestmark = [needs_chromium, pytest.mark.slow]

PDF = {"name": "coi.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7\ncoi\n%%EOF\n"}


async def run(site: Site, statement: str, **values: Any) -> None:
    async with site.db.begin() as session:
        await session.execute(text(statement), values)


async def owned(site: Site, buyer: Buyer) -> None:
    """A lead that the buyer paid by credit: no processor is needed for it."""
    lead_id = await site.lead(address="119 1ST ST SW")
    await run(
        site,
        "INSERT INTO ledger_accounts (code, kind, contractor_id) VALUES ('credit:' || :id, 'liability', CAST(:id AS uuid))",
        id=str(buyer.contractor_id),
    )
    order = sales.Order(lead_id, "pm_card_visa", "bought-by-credit")
    with all_rows():
        made = await sales.purchase(site.door.resources, buyer.actor, order)
    await run(site, "UPDATE sales SET credit_cents = 17500")
    with all_rows():
        async with site.door.resources.unit_of_work() as uow:
            assert await settle_without_charge(uow, made["sale_id"]) == "sold"


@pytest.mark.parametrize("size", ["phone", "desk"])
async def test_a_buyer_sets_a_destination_gives_a_lead_back_and_files_a_paper(
    site: Site, visit: Callable[..., Any], size: str
) -> None:
    buyer = await make_account(site)
    await owned(site, buyer)
    await run(site, "DELETE FROM buyer_checks WHERE item = 'agreement'")
    await run(site, "UPDATE contractors SET credential_status = 'credentialed'")
    async with visit(size) as seen:
        page = seen.page
        await seen.log_in(buyer.email, "/my/deliveries")
        await page.get_by_role("heading", name="Nothing was sent yet").wait_for()
        await seen.inspect(f"deliveries_empty_{size}")
        await page.get_by_text("Add it").nth(1).click()
        await page.get_by_label("Location id").fill("theirs")
        await page.get_by_label("Key of that location").fill("their-own-key")
        await page.get_by_role("button", name="Add HighLevel").click()
        await page.get_by_role("button", name="Send a test").wait_for()
        await seen.inspect(f"deliveries_{size}")

        await page.goto(f"{site.url}/my/returns")
        await page.get_by_role("heading", name="Nothing given back").wait_for()
        await seen.inspect(f"returns_empty_{size}")
        await page.get_by_role("link", name="See my leads").click()
        await page.get_by_role("heading", name="My leads").wait_for()
        await seen.inspect(f"owned_within_{size}")

        await page.get_by_role("link", name="My company").click()
        await page.get_by_role("navigation", name="My company").get_by_role("link", name="Checks").click()
        await page.get_by_label("For").select_option("insurance")
        await page.get_by_label("Paper", exact=True).set_input_files(PDF)
        await page.get_by_role("button", name="File it").click()
        await page.get_by_text("Liability insurance: PDF").wait_for()
        await seen.inspect(f"checks_{size}")
        await page.get_by_role("button", name="I accept version").click()
        await page.get_by_text("\N{CHECK MARK} Accepted").wait_for()


@pytest.mark.parametrize("size", ["phone", "desk"])
async def test_a_return_and_a_refused_form_are_walked_without_scripts(
    site: Site, visit: Callable[..., Any], size: str
) -> None:
    buyer = await make_account(site)
    await owned(site, buyer)
    async with visit(size) as seen:
        page = seen.page
        await seen.log_in(buyer.email, "/my/leads")
        await page.get_by_role("link", name="119 1ST ST SW").click()
        await page.get_by_role("link", name="Give it back").click()
        await page.get_by_role("heading", name="Give 119 1ST ST SW back").wait_for()
        await seen.inspect(f"return_reasons_{size}")
        await page.get_by_role("link", name=re.compile("The person does not own the house")).focus()
        await page.keyboard.press("Enter")
        await page.get_by_label("Told by").select_option("Occupant")
        await page.get_by_label("Tried on").fill("2020-01-01")
        await page.get_by_label("What happened").fill("A tenant opened.")
        await page.get_by_role("button", name="Give it back").click()
        await page.get_by_role("alert").filter(has_text="Tried on lies between").wait_for()
        await seen.inspect(f"return_refused_{size}")
        seen.complaints.clear()  # Chromium reports every answer over 399 as an error
        async with site.db() as session:
            today = (await session.execute(text("SELECT (now() AT TIME ZONE 'UTC')::date"))).scalar_one()
        await page.get_by_label("Tried on").fill(str(today))
        await page.get_by_role("button", name="Give it back").click()
        await page.get_by_text("An operator looks at it").wait_for()
        await seen.inspect(f"returns_{size}")
        await page.get_by_role("link", name="Receipts").click()
        await page.get_by_role("link", name="Receipt 2").wait_for()
        await seen.inspect(f"receipts_{size}")


async def test_forms_need_no_scripts(site: Site, visit: Callable[..., Any]) -> None:
    buyer = await make_account(site)
    async with visit("phone", java_script_enabled=False) as plain:
        page = plain.page
        await plain.log_in(buyer.email, "/my/deliveries")
        await page.get_by_text("Add it").first.click()
        await page.get_by_label("Address").fill("https://10.0.0.1/leads")
        await page.get_by_role("button", name="Add Webhook").click()
        await expect(page.get_by_role("alert")).to_be_visible()
        plain.complaints.clear()  # Chromium reports every answer over 399 as an error
        await page.goto(f"{site.url}/my/checks")
        await page.get_by_label("Paper", exact=True).set_input_files(PDF)
        await page.get_by_role("button", name="File it").click()
        await page.get_by_text("PDF, 1 kB").wait_for()
