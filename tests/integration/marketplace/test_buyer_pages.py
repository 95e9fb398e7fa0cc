"""The contractors' pages from the server's side: proofs, borders between companies, one purchase for one form."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from services.marketplace.app import service
from services.marketplace.settings import MarketplaceSettings
from shared.db.engine import SessionMaker
from shared.http.auth import ACCESS_COOKIE
from tests.factories.accounts import PASSWORD
from tests.factories.leads import make_buyer
from tests.factories.roof_evidence import make_pictures
from tests.factories.services import RunningService, running, settings_with_keys
from tests.integration.marketplace.conftest import PAGE, Browser, Market, rows

FORM: dict[str, str] = {
    "company_name": "Harrow Roofing LLC",
    "full_name": "Pat Doe",
    "email": "pat@roofs.example",
    "password": PASSWORD,
    "city": "Harrow",
    "state": "tx",
    "radius_miles": "25",
    "license_number": "",
}


async def test_a_form_sent_twice_is_one_purchase(
    browser: Browser, market: Market, committed_db: SessionMaker
) -> None:
    key = uuid4().hex
    first, again = [await browser.pay(key=key) for _ in range(2)]

    assert first.status_code == again.status_code == 303
    assert first.headers["location"] == again.headers["location"]
    assert len(await market.charges()) == 1
    page = await browser.http.get(first.headers["location"])
    owned = await browser.http.get(f"/leads/{market.lead_id}")
    assert "ADA LOVELACE" in page.text
    assert owned.headers["location"] == first.headers["location"]
    audit = await rows(committed_db, "SELECT fields FROM audit_log WHERE action = 'lead.reveal'")
    assert audit[0].fields == ["owner_name"]


async def test_a_purchase_needs_the_forms_own_proof_and_a_method_of_the_processor(
    browser: Browser, market: Market, committed_db: SessionMaker
) -> None:
    forged = await browser.pay(csrf_token="x")
    wrong = await browser.pay(payment_method="4242 4242 4242 4242")

    assert (forged.status_code, wrong.status_code) == (403, 422)
    assert "begins with pm_" in wrong.text
    assert "4242" not in wrong.text
    assert await rows(committed_db, "SELECT 1 FROM sales") == []


async def test_another_company_sees_neither_the_sale_nor_its_pictures(
    browser: Browser, market: Market, committed_db: SessionMaker
) -> None:
    async with committed_db.begin() as session:
        images = await make_pictures(session, market.lead_id)
    bought = (await browser.pay()).headers["location"]
    async with committed_db.begin() as session:
        market.contractor_id, market.user_id = await make_buyer(session)
    paths = (bought, f"{bought}/sheet", f"{bought}/images/{images[0]}")
    async with market.client() as stranger:
        answers = [await stranger.get(path, headers=PAGE) for path in paths]
    unknown = await browser.http.get(f"{bought}/images/{uuid4()}")

    assert [answer.status_code for answer in (*answers, unknown)] == [404] * 4
    assert "ADA" not in "".join(answer.text for answer in answers)


async def test_a_buyer_whose_credentials_lapsed_sees_nothing_of_it_any_more(
    browser: Browser, market: Market, committed_db: SessionMaker
) -> None:
    async with committed_db.begin() as session:
        images = await make_pictures(session, market.lead_id)
    bought = (await browser.pay()).headers["location"]
    async with committed_db.begin() as session:
        await session.execute(text("UPDATE contractors SET credential_status = 'lapsed'"))
    answers = [
        await browser.http.get(path) for path in (bought, f"{bought}/sheet", f"{bought}/images/{images[0]}")
    ]

    assert [answer.status_code for answer in answers] == [403] * 3
    assert all("This lead cannot be shown" in answer.text for answer in answers)
    assert all(answer.headers["x-correlation-id"] in answer.text for answer in answers)


async def test_the_first_page_tells_strangers_and_resumes_a_session_whose_access_ran_out(
    browser: Browser, market: Market
) -> None:
    async with market.door.client(headers=PAGE) as stranger:
        told = await stranger.get("/")
    inside = await browser.http.get("/")
    browser.http.cookies.delete(ACCESS_COOKIE)
    resumed = await browser.http.get("/")

    assert (told.status_code, "/signup" in told.text) == (200, True)
    assert inside.headers["location"] == "/leads"
    assert resumed.headers["location"] == "/api/auth/resume?next=%2F"


async def test_pages_of_buyers_are_closed_to_strangers(market: Market) -> None:
    async with market.door.client(headers=PAGE) as stranger:
        answers = [
            await stranger.get(path)
            for path in ("/leads", f"/leads/{market.lead_id}/buy", "/my/leads", f"/my/leads/{uuid4()}")
        ]

    assert [answer.status_code for answer in answers] == [303] * 4
    assert all("/api/auth/resume" in answer.headers["location"] for answer in answers)


@pytest.fixture
async def front(market: Market, owners: RunningService, database_url: str, redis_url: str) -> Any:
    """The whole marketplace beside contractor_acquisition."""
    settings = settings_with_keys(
        MarketplaceSettings, database_url=database_url, redis_url=redis_url, cookie_secure=False
    )
    async with running(service, settings, neighbours={"contractor_acquisition": owners}) as started:
        yield started


async def test_sign_up_makes_a_company_with_its_area_and_logs_in(
    front: RunningService, committed_db: SessionMaker
) -> None:
    async with front.client(headers=PAGE) as client:
        entered = await client.post("/signup", data=FORM)
        page = await client.get(entered.headers["location"])

    assert (entered.status_code, entered.headers["location"]) == (303, "/leads")
    assert "House in Harrow" in page.text
    company = (
        await rows(
            committed_db, "SELECT service_areas FROM contractors WHERE company_name = 'Harrow Roofing LLC'"
        )
    )[0]
    assert company.service_areas == [{"city": "Harrow", "state": "TX", "radius_miles": 25}]


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"email": "pat"}, 422, "Type an e-mail address"),
        ({"radius_miles": "201"}, 422, "from 1 to 200"),
        ({"company_name": " "}, 422, "name of your company"),
        ({"password": "short"}, 422, "A password has 10 to 200 characters."),
        ({"email": "buyer@roofs.example"}, 409, "This e-mail address has an account."),
    ],
)
async def test_a_form_that_does_not_fit_comes_back_with_what_is_wrong(
    front: RunningService, browser: Browser, changes: dict[str, str], status: int, words: str
) -> None:
    async with front.client(headers=PAGE) as client:
        answer = await client.post("/signup", data={**FORM, **changes})

    assert (answer.status_code, words in answer.text) == (status, True)
    assert 'value="Pat Doe"' in answer.text
    assert PASSWORD not in answer.text
    assert not re.search(r"https?://", answer.text)


async def test_a_sign_up_of_another_site_is_refused(front: RunningService) -> None:
    async with front.client(headers={**PAGE, "sec-fetch-site": "cross-site"}) as client:
        answer = await client.post("/signup", data=FORM)

    assert (answer.status_code, list(client.cookies)) == (403, [])
