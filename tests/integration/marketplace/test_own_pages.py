"""A buyer's own affairs by forms alone: destinations, returns, papers; what is refused comes back with its reason."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from sqlalchemy import text

from services.marketplace.api.cookies import CSRF_COOKIE
from shared.db.engine import SessionMaker
from shared.security.policy import Role
from tests.factories.leads import make_lead
from tests.integration.marketplace.conftest import PAGE, Browser, Market, Receiver, rows

PDF = b"%PDF-1.7\nlicence\n%%EOF\n"
PLACE = "/my/deliveries"


async def run(db: SessionMaker, statement: str) -> None:
    async with db.begin() as session:
        await session.execute(text(statement))


async def bought(browser: Browser) -> str:
    """The sale of the market's lead, by the form."""
    return (await browser.pay()).headers["location"].rpartition("/")[2]


async def test_a_webhook_is_added_tested_and_removed_and_its_secret_is_shown_once(
    receiver: Receiver, browser: Browser, committed_db: SessionMaker
) -> None:
    empty = await browser.http.get(PLACE)
    made = await browser.send(f"{PLACE}/webhook", url=receiver.url, field_map="jobnimbus")
    again = await browser.send(f"{PLACE}/webhook", url=receiver.url, field_map="plain")
    later = await browser.http.get(PLACE)

    assert "Nothing was sent yet" in empty.text
    assert (made.status_code, again.status_code) == (200, 303)
    (secret,) = set(re.findall(r"whsec_[\w-]+", made.text))
    assert secret not in later.text
    assert receiver.url in later.text

    receiver.answers = [200, 503, "drop"]
    answers = [await browser.send(f"{PLACE}/webhook/test") for _ in range(3)]
    assert [words in answer.text for answer, words in zip(
        answers, ("The test went through", "answered 503; leads would be sent again", "cannot be reached"), strict=True,
    )] == [True] * 3  # fmt: skip
    assert {b"destination.test" in body for _, body in receiver.received} == {True}
    assert len(receiver.records) == 3

    removed = await browser.send(f"{PLACE}/webhook/remove")
    assert (removed.status_code, receiver.url in (await browser.http.get(PLACE)).text) == (303, False)
    audit = await rows(
        committed_db, "SELECT action FROM audit_log WHERE action LIKE 'delivery.%' ORDER BY occurred_at"
    )
    assert [row.action for row in audit] == ["delivery.set"] * 2 + ["delivery.test"] * 3 + ["delivery.remove"]


async def test_highlevel_is_asked_with_the_buyers_own_key_which_no_page_repeats(
    browser: Browser, committed_db: SessionMaker
) -> None:
    await browser.send(f"{PLACE}/highlevel", location_id="theirs", api_key="their-own-key")
    tested = await browser.send(f"{PLACE}/highlevel/test")

    assert "location and key fit" in tested.text
    assert "their-own-key" not in tested.text + (await browser.http.get(PLACE)).text
    assert await rows(committed_db, "SELECT 1 FROM delivery_attempts") == []


@pytest.mark.parametrize(
    ("form", "values", "words"),
    [
        ("webhook", {"url": "http://10.0.0.1/x"}, "only https is allowed"),
        ("webhook", {"url": "https://buyer.example/", "field_map": "odd"}, "choose one of"),
        ("highlevel", {"location_id": "a b", "api_key": "their-own-key"}, "letters, digits"),
        ("highlevel", {"location_id": "theirs", "api_key": "short"}, "8 or more"),
        ("highlevel", {"location_id": "theirs", "api_key": "one-key\r\nx-more: 1"}, "no spaces"),
        ("highlevel", {"location_id": "theirs", "api_key": "ключ-от-места"}, "no spaces"),
    ],
)
async def test_a_destination_that_does_not_fit_comes_back_with_its_reason(
    browser: Browser, committed_db: SessionMaker, form: str, values: dict[str, str], words: str
) -> None:
    answer = await browser.send(f"{PLACE}/{form}", **values)

    assert (answer.status_code, words in answer.text, 'role="alert"' in answer.text) == (422, True, True)
    assert next(iter(values.values())) in answer.text
    assert values.get("api_key", "their-own-key") not in answer.text
    assert await rows(committed_db, "SELECT 1 FROM delivery_destinations") == []


async def test_a_failed_delivery_shows_its_attempts_and_is_sent_again(
    receiver: Receiver, browser: Browser, committed_db: SessionMaker
) -> None:
    await browser.send(f"{PLACE}/webhook", url=receiver.url)
    sale_id = await bought(browser)
    await run(
        committed_db,
        "WITH v AS (UPDATE lead_deliveries SET status = 'failed', error = 'the receiver answered 410' RETURNING id) "
        "INSERT INTO delivery_attempts (delivery_id, result, http_status, duration_ms) SELECT id, 'gone', 410, 31 FROM v",
    )
    await run(
        committed_db,
        "UPDATE core.workflow SET status = 'done', finished_at = now() WHERE kind = 'deliver_lead'",
    )
    page = (await browser.http.get(PLACE)).text
    delivery_id = str((await rows(committed_db, "SELECT id FROM lead_deliveries"))[0].id)

    assert "the receiver answered 410" in page
    assert "Gone, answer 410, 31 ms" in page
    assert f"/my/leads/{sale_id}" in page
    assert (await browser.send(f"{PLACE}/{delivery_id}/again")).status_code == 303
    assert "On its way" in (await browser.http.get(PLACE)).text

    await run(committed_db, "UPDATE sales SET status = 'refunded', refunded_at = now()")
    refused = await browser.send(f"{PLACE}/{delivery_id}/again")
    assert (refused.status_code, "This lead was given back." in refused.text) == (409, True)


async def test_a_member_sees_deliveries_and_not_where_they_go(
    receiver: Receiver, browser: Browser, market: Market
) -> None:
    await browser.send(f"{PLACE}/webhook", url=receiver.url)
    ids = {"contractor_id": market.contractor_id, "user_id": market.user_id}
    async with market.door.client(token=market.door.user_token(Role.CONTRACTOR_MEMBER, **ids)) as member:
        pages = [await member.get(path, headers=PAGE) for path in (PLACE, "/my/checks")]
        refused = await member.post(f"{PLACE}/webhook/test", headers=PAGE)

    assert [page.status_code for page in pages] == [200, 200]
    assert all("Only the owner of your company" in page.text for page in pages)
    assert receiver.url not in pages[0].text
    assert refused.status_code == 403


async def test_a_lead_is_given_back_by_the_form_and_its_state_and_credit_are_shown(
    browser: Browser, committed_db: SessionMaker
) -> None:
    sale_id = await bought(browser)
    start = f"/my/returns/new?sale={sale_id}"
    today = str((await rows(committed_db, "SELECT (now() AT TIME ZONE 'UTC')::date AS day"))[0].day)
    choices, form = await browser.http.get(start), await browser.http.get(f"{start}&reason=not_owner")
    key = uuid4().hex
    claim = {"sale": sale_id, "reason": "not_owner", "key": key, "explanation": "A tenant opened."}
    wrong = await browser.send(
        "/my/returns/new", **claim, fact_told_by="occupant", fact_tried_on="2020-01-01"
    )
    sent = [
        await browser.send("/my/returns/new", **claim, fact_told_by="occupant", fact_tried_on=today)
        for _ in range(2)
    ]
    waiting = await browser.http.get("/my/returns")
    await run(
        committed_db,
        "UPDATE sale_returns SET status = 'accepted', decided_by = 'operator', decision_note = 'Seen by us.', "
        "decided_at = now(), credit_cents = 17500",
    )
    done = await browser.http.get("/my/returns")

    assert "A lead of class data does not come back for no_show." in choices.text
    assert 'name="fact_told_by"' in form.text
    assert (wrong.status_code, "Tried on lies between the sale" in wrong.text) == (422, True)
    assert all(kept in wrong.text for kept in (key, "A tenant opened.", "2020-01-01"))
    assert [(answer.status_code, answer.headers["location"]) for answer in sent] == [(303, "/my/returns")] * 2
    assert len(await rows(committed_db, "SELECT 1 FROM sale_returns")) == 1
    assert "An operator looks at it" in waiting.text
    assert all(words in done.text for words in ("Accepted", "$175", "Seen by us.", "A tenant opened."))


@pytest.mark.parametrize(
    ("reason", "facts", "status", "words"),
    [
        ("unreachable", {"fact_attempts": "many"}, 409, "does not come back for unreachable"),
        ("not_owner", {"fact_told_by": "nobody", "fact_tried_on": "x"}, 422, "Told by is one of"),
        ("duplicate", {"fact_earlier_sale_id": "x"}, 422, "Earlier sale id is the id of a sale"),
        ("not_owner", {"fact_odd": "1"}, 422, "odd"),
        ("not_owner", {"explanation": " "}, 422, "in a sentence or two"),
        ("odd", {}, 404, "There is no such reason."),
    ],
)
async def test_a_return_that_does_not_fit_comes_back_with_its_reason(  # noqa: PLR0917 - fixtures and a table
    browser: Browser,
    committed_db: SessionMaker,
    reason: str,
    facts: dict[str, str],
    status: int,
    words: str,
) -> None:
    form = {
        "sale": await bought(browser),
        "reason": reason,
        "key": uuid4().hex,
        "explanation": "So.",
        **facts,
    }
    answer = await browser.send("/my/returns/new", **form)

    assert (answer.status_code, words in answer.text) == (status, True)
    assert await rows(committed_db, "SELECT 1 FROM sale_returns") == []


async def test_a_return_of_a_strangers_lead_is_not_begun(
    browser: Browser, market: Market, committed_db: SessionMaker
) -> None:
    answers = [
        await browser.http.get(f"/my/returns/new?sale={uuid4()}"),
        await browser.send(
            "/my/returns/new", sale=str(uuid4()), reason="not_owner", key=uuid4().hex, explanation="So."
        ),
    ]
    empty = await browser.http.get("/my/returns")

    assert [answer.status_code for answer in answers] == [404, 404]
    assert "Nothing given back" in empty.text


async def test_a_paper_is_filed_by_a_form_without_scripts_and_only_with_its_proof(
    browser: Browser, committed_db: SessionMaker
) -> None:
    proof = {"csrf_token": browser.http.cookies[CSRF_COOKIE], "item": "insurance"}
    file = {"file": ("coi.pdf", PDF, "application/pdf")}
    forged = await browser.http.post("/my/checks/papers", data={**proof, "csrf_token": "x"}, files=file)
    filed = await browser.http.post("/my/checks/papers", data=proof, files=file)
    page = await browser.http.get("/my/checks")

    assert (forged.status_code, filed.status_code) == (403, 303)
    assert [row.item for row in await rows(committed_db, "SELECT item FROM buyer_evidence")] == ["insurance"]
    assert "Liability insurance: PDF, 1 kB" in page.text


@pytest.mark.parametrize(
    ("item", "body", "status", "words"),
    [
        ("insurance", b"<html>", 422, "neither PDF nor PNG nor JPEG"),
        ("insurance", b"", 422, "it is empty"),
        ("passport", PDF, 422, "item: one of"),
        ("insurance", b"%PDF-" + bytes(8_000_000), 413, "evidence may have"),
    ],
)
async def test_a_paper_that_is_none_comes_back_with_its_reason(  # noqa: PLR0917 - fixtures are asked for by name
    browser: Browser, committed_db: SessionMaker, item: str, body: bytes, status: int, words: str
) -> None:
    proof = {"csrf_token": browser.http.cookies[CSRF_COOKIE], "item": item}
    answer = await browser.http.post("/my/checks/papers", data=proof, files={"file": ("coi.pdf", body)})

    assert (answer.status_code, words in answer.text) == (status, True)
    assert await rows(committed_db, "SELECT 1 FROM buyer_evidence") == []


async def test_the_present_terms_are_accepted_and_older_ones_are_not(
    browser: Browser, committed_db: SessionMaker
) -> None:
    await run(committed_db, "DELETE FROM buyer_checks WHERE item = 'agreement'")
    before = await browser.http.get("/my/checks")
    version = re.findall(r'name="version" value="([^"]+)"', before.text)[0]
    old = await browser.send("/my/checks/agreement", version="2020-01")
    accepted = await browser.send("/my/checks/agreement", version=version)
    after = await browser.http.get("/my/checks")

    assert (old.status_code, f"The present version of the terms is {version}" in old.text) == (409, True)
    assert (accepted.status_code, "I accept version" in after.text) == (303, False)


async def test_a_lead_sold_twice_is_chosen_from_the_buyers_own(
    browser: Browser, market: Market, committed_db: SessionMaker
) -> None:
    async with committed_db.begin() as session:
        other = await make_lead(session, market.resources.keys, address="7 ELM ST")
    await market.buy(other)
    sale_id = await bought(browser)
    form = await browser.http.get(f"/my/returns/new?sale={sale_id}&reason=duplicate")

    assert "7 ELM ST, Harrow" in form.text


async def test_who_may_not_buy_yet_learns_it_before_paying(
    browser: Browser, committed_db: SessionMaker
) -> None:
    paths = (f"/leads/{browser.lead_id}", f"/leads/{browser.lead_id}/buy")
    allowed = [(await browser.http.get(path)).text for path in paths]
    await run(committed_db, "UPDATE contractors SET credential_status = 'lapsed'")
    refused = [(await browser.http.get(path)).text for path in paths]

    assert all("cannot buy yet" not in page for page in allowed)
    assert 'name="payment_method"' in allowed[1]
    assert all("cannot buy yet" in page and 'href="/my/checks"' in page for page in refused)
    assert 'name="payment_method"' not in refused[1]
    assert f'href="{paths[1]}"' not in refused[0]
