"""A contractor's way through the pages in a real browser: sign up, find, buy, lose a race, take the sheet along."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest
from playwright.async_api import expect
from sqlalchemy import text, update

from services.marketplace.pages.lead_sheet import LIVE_ONLY
from services.marketplace.service import sales
from shared.db.models.users import User
from shared.db.rows import all_rows
from shared.http.tls import known_authorities
from shared.security.policy import Actor, Role
from tests.browser.conftest import Site
from tests.factories.accounts import PASSWORD, known_hash
from tests.factories.leads import make_buyer
from tests.factories.pages import needs_chromium
from tests.factories.paper import pages_of, words_on
from tests.factories.sandbox import running_sandbox

pytestmark = [needs_chromium, pytest.mark.slow]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A sandbox of these tests, for its Stripe."""
    with running_sandbox(tmp_path_factory.mktemp("sandbox")) as url:
        yield url


@pytest.fixture
async def paying(town: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Payments go to the sandbox; to be asked for before `site`."""
    monkeypatch.setenv("SANDBOX_URL", town)
    async with httpx.AsyncClient(verify=known_authorities()) as client:
        (await client.post(f"{town}/_sandbox/reset")).raise_for_status()


@dataclass
class Buyer:
    """A contractor with an account."""

    email: str
    contractor_id: UUID
    user_id: UUID

    @property
    def actor(self) -> Actor:
        """The same person without a browser."""
        return Actor(
            role=Role.CONTRACTOR_OWNER,
            subject=f"user:{self.user_id}",
            user_id=self.user_id,
            contractor_id=self.contractor_id,
            session_id=self.user_id,
        )


async def make_account(site: Site, **changes: Any) -> Buyer:
    """A buyer who logs in with PASSWORD."""
    async with site.db.begin() as session:
        contractor_id, user_id = await make_buyer(session, **changes)
        email = f"buyer-{user_id.hex[:8]}@roofs.example"
        await session.execute(
            update(User).where(User.id == user_id).values(email=email, password_hash=await known_hash())
        )
    return Buyer(email, contractor_id, user_id)


async def test_a_lead_is_found_and_bought_on_a_phone(
    paying: None, site: Site, visit: Callable[..., Any]
) -> None:
    await site.lead(address="119 1ST ST SW")
    await site.lead(address="7 ELM ST", grade="D", quality_score=61, price="75.00", analysed=False)
    buyer = await make_account(site)
    async with visit("phone", has_touch=True) as phone:
        page = phone.page
        await page.goto(f"{site.url}/")
        await page.get_by_role("heading", name="Roofs that need work").wait_for()
        await phone.inspect("landing_phone")
        await phone.log_in(buyer.email, "/leads")
        await expect(page.get_by_role("link", name="House in Harrow")).to_have_count(2)
        assert "1ST ST" not in await page.content()
        await phone.inspect("market_phone")
        await page.get_by_role("row").filter(has_text="$175").get_by_role("link").tap()
        await page.get_by_role("heading", name="$175, sold once").wait_for()
        assert "ADA LOVELACE" not in await page.content()
        await phone.inspect("offer_phone")
        await page.get_by_role("link", name="Buy for $175").tap()
        await page.get_by_role("heading", name="Confirm the purchase").wait_for()
        await phone.inspect("confirm_phone")
        await page.get_by_label("Saved payment method").fill("pm_card_chargeDeclined")
        await page.get_by_role("button", name="Pay $175 and reveal").tap()
        await page.get_by_role("heading", name="The payment was declined").wait_for()
        await phone.inspect("declined_phone")
        await page.get_by_role("link", name="Try another payment method").tap()
        await page.get_by_label("Saved payment method").fill("pm_card_visa")
        await page.get_by_role("button", name="Pay $175 and reveal").tap()
        await page.get_by_role("heading", name="119 1ST ST SW").wait_for()
        await page.get_by_text("ADA LOVELACE").wait_for()
        await page.get_by_text("Do not text").wait_for()
        await page.get_by_role("button", name="Source of Owner's name").tap()
        await page.get_by_role("tooltip").filter(has_text="Harrow, TX, parcel records").first.wait_for()
        await phone.inspect("bought_phone")
        await page.get_by_text("Reached the owner", exact=True).tap()
        await phone.inspect("outcome_phone")
        await page.get_by_role("button", name="Report: reached the owner").tap()
        await page.get_by_text("Appointment made", exact=True).wait_for()
        await expect(page.get_by_text("Reached the owner", exact=True)).to_have_count(1)
        await page.get_by_role("link", name="My leads").first.tap()
        await expect(page.get_by_role("link", name="119 1ST ST SW")).to_have_count(1)
        await phone.inspect("owned_phone")


async def test_my_leads_show_contact_pictures_and_a_sheet(
    paying: None, site: Site, visit: Callable[..., Any]
) -> None:
    lead_id = await site.lead(address="119 1ST ST SW")
    buyer = await make_account(site)
    async with visit() as desk:
        page = desk.page
        await desk.log_in(buyer.email, f"/leads/{lead_id}/buy")
        await desk.inspect("confirm_desk")
        await page.get_by_role("button", name="Pay $175 and reveal").click()
        await page.get_by_role("heading", name="119 1ST ST SW").wait_for()
        picture = page.get_by_role("img", name="The house from above")
        await expect(picture).to_have_js_property("complete", value=True)
        assert await picture.evaluate("image => image.naturalWidth") > 0
        await page.get_by_label("Damage boxes").uncheck()
        assert not await page.locator("svg g.boxes").is_visible()
        await page.get_by_text("Roof condition").click()
        await page.get_by_role("row", name="Poor 62%").wait_for()
        await desk.inspect("bought_desk")
        href = await page.get_by_role("link", name="Sheet as PDF").get_attribute("href")
        paper = await (await page.request.get(f"{site.url}{href}")).body()
        (desk.shots / "sheet.pdf").write_bytes(paper)
        assert (pages_of(paper), paper.count(b"/Subtype /Image")) == (1, 1)
        assert "ADA LOVELACE" in words_on(paper)
        assert "1. " in words_on(paper)
        await _run(site, "UPDATE compliance.source_registry SET may_sell = false WHERE source_key = 'naip'")
        await _run(site, "UPDATE property_images SET source = 'naip'")
        shown_only = await (await page.request.get(f"{site.url}{href}")).body()
        assert (b"/Subtype /Image" in shown_only, LIVE_ONLY in words_on(shown_only)) == (False, True)
        await page.get_by_role("link", name="Sheet to print").click()
        await page.get_by_role("heading", name="119 1ST ST SW, Harrow, TX 76998").wait_for()
        await page.get_by_role("button", name="Print").wait_for()
        await page.get_by_text("ADA LOVELACE").wait_for()
        await desk.inspect("sheet_desk")
        await page.emulate_media(media="print")
        assert not await page.get_by_role("banner").is_visible()
        pdf = await page.pdf(format="Letter")
        assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1


async def test_a_lost_race_is_shown_and_costs_nothing(
    paying: None, site: Site, visit: Callable[..., Any]
) -> None:
    lead_id = await site.lead(address="119 1ST ST SW")
    buyer, rival = await make_account(site), await make_account(site)
    async with visit("phone") as phone:
        page = phone.page
        await phone.log_in(buyer.email, f"/leads/{lead_id}/buy")
        with all_rows():
            await sales.purchase(
                site.door.resources, rival.actor, sales.Order(lead_id, "pm_card_visa", "the-rival-was-faster")
            )
        await page.get_by_role("button", name="Pay $175 and reveal").click()
        await page.get_by_role("heading", name="This lead is taken").wait_for()
        await page.get_by_text("Your card was not charged").wait_for()
        await phone.inspect("lost_race_phone")
        phone.complaints.clear()  # Chromium reports every answer over 399 as an error
        await page.get_by_role("link", name="See other leads").click()
        await page.get_by_role("heading", name="No leads on sale here yet").wait_for()
        await phone.inspect("market_empty_phone")


async def test_a_refusal_a_new_price_and_an_unknown_payment_are_said_in_words(
    paying: None, town: str, site: Site, visit: Callable[..., Any]
) -> None:
    lead_id = await site.lead(address="119 1ST ST SW")
    buyer = await make_account(site)
    pay = "Pay $175 and reveal"
    async with visit("phone") as phone:
        page = phone.page
        await phone.log_in(buyer.email, f"/leads/{lead_id}/buy")
        await page.get_by_role("button", name=pay).wait_for()
        await _run(site, "UPDATE contractors SET credential_status = 'lapsed'")
        await page.get_by_role("button", name=pay).click()
        await page.get_by_text("We have not checked your licence").wait_for()
        await phone.inspect("refused_phone")
        await _run(site, "UPDATE contractors SET credential_status = 'credentialed'")
        await page.goto(f"{site.url}/leads/{lead_id}/buy")
        await _run(site, "UPDATE base_leads SET price = 190")
        await page.get_by_role("button", name=pay).click()
        await page.get_by_role("link", name="See the new price").click()
        async with httpx.AsyncClient(verify=known_authorities()) as client:
            silence = {"fault": "drop", "count": 20, "match": "/v1/payment_intents"}
            (await client.post(f"{town}/_sandbox/stripe/next", json=silence)).raise_for_status()
        await page.get_by_role("button", name="Pay $190 and reveal").click()
        await page.get_by_role("heading", name="Payment is being decided").wait_for()
        await page.get_by_text("The lead is reserved for you").wait_for()
        await phone.inspect("unknown_phone")
        await _run(site, "UPDATE sales SET status = 'released', released_at = now()")
        await page.get_by_role("heading", name="The purchase was given up").wait_for()  # it asks by itself
        await phone.inspect("given_up_phone")
        phone.complaints.clear()


async def _run(site: Site, statement: str) -> None:
    async with site.db.begin() as session:
        await session.execute(text(statement))


async def test_filters_work_by_keyboard_and_stand_in_the_address(
    site: Site, visit: Callable[..., Any]
) -> None:
    await site.lead(address="119 1ST ST SW")
    for place in range(21):
        await site.lead(address=f"{place} ELM ST", grade="D", quality_score=61, price="75.00", analysed=False)
    buyer = await make_account(site)
    async with visit() as desk:
        page = desk.page
        await desk.log_in(buyer.email, "/leads")
        await desk.inspect("market_desk")
        await page.get_by_text("Filter and sort").focus()
        await page.keyboard.press("Enter")
        for _ in range(3):
            await page.keyboard.press("Tab")
        await page.keyboard.type("Poor")
        await page.keyboard.press("Enter")
        await page.wait_for_url(re.compile("condition=poor"))
        await expect(page.get_by_role("link", name="House in Harrow")).to_have_count(1)
        await desk.inspect("market_filtered_desk")
        await page.get_by_role("link", name="Roof poor").focus()
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("link", name="House in Harrow")).to_have_count(20)
        await page.get_by_role("link", name="Next page").focus()
        await page.keyboard.press("Enter")
        await page.wait_for_url(re.compile("after_score="))
        await expect(page.get_by_role("link", name="House in Harrow")).to_have_count(2)


async def test_the_market_is_read_and_bought_without_scripts(
    paying: None, site: Site, visit: Callable[..., Any]
) -> None:
    await site.lead(address="119 1ST ST SW")
    buyer = await make_account(site)
    async with visit(java_script_enabled=False) as plain:
        page = plain.page
        await plain.log_in(buyer.email, "/leads")
        await page.get_by_text("Filter and sort").click()
        await page.get_by_label("After a storm").check()
        await page.get_by_role("button", name="Show").click()
        await page.get_by_role("link", name="House in Harrow").click()
        await page.get_by_role("link", name="Buy for $175").click()
        await page.get_by_role("button", name="Pay $175 and reveal").click()
        await page.get_by_text("ADA LOVELACE").wait_for()


async def test_a_contractor_signs_up_on_a_phone_and_is_told_what_to_mend(
    site: Site, visit: Callable[..., Any]
) -> None:
    await site.lead(address="119 1ST ST SW")
    async with visit("phone", has_touch=True) as phone:
        page = phone.page
        await page.goto(f"{site.url}/")
        await page.get_by_role("link", name="Sign up").tap()
        for label, value in (
            ("Company", "Harrow Roofing LLC"),
            ("Your name", "Pat Doe"),
            ("E-mail", "pat@roofs.example"),
            ("Password", PASSWORD),
            ("City you work in", "Harrow"),
            ("State", "XX"),
        ):
            await page.get_by_label(label).fill(value)
        await page.get_by_role("button", name="Sign up").tap()
        await page.get_by_text("Type the two letters of a state").wait_for()
        await phone.inspect("signup_phone")
        phone.complaints.clear()  # Chromium reports every answer over 399 as an error
        await page.get_by_label("State").fill("TX")
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Sign up").tap()
        await page.get_by_role("heading", name="Leads on sale").wait_for()
        await expect(page.get_by_role("link", name="House in Harrow")).to_have_count(1)
