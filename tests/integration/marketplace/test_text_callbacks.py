"""What comes back by text: STOP always wins, START lifts only that, HELP is answered, a dead number ends."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from services.marketplace.domain.notices import NoticeName
from services.marketplace.domain.texts import CONSENT
from services.marketplace.service import text_leave
from shared.compliance.loader import decide_contact
from shared.db.engine import SessionMaker
from shared.runtime import Resources
from shared.security.webhooks import sign_twilio
from tests.integration.marketplace.conftest import Browser, Market, rows, violations
from tests.integration.marketplace.test_notice_mails import leave
from tests.integration.marketplace.texting import (
    CONSENTS,
    LANDLINE,
    NUMBER,
    SENT,
    URL,
    Clock,
    ask,
    gather,
    hook,
    opt_in,
    pass_daytime,
    say,
    state,
    status,
    steps,
    texting_worker,
    texts,
)


@pytest.fixture(autouse=True)
def daytime(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time of every decision."""
    return pass_daytime(monkeypatch)


@pytest.fixture
async def worker(market: Market, committed_db: SessionMaker) -> AsyncIterator[Resources]:
    """What a worker works on, in a company of Texas whose state and registry we know."""
    async with texting_worker(market, committed_db) as opened:
        yield opened


@pytest.mark.parametrize(
    "word", ["STOP", "stop.", " Unsubscribe ", "alto", "PARAR", "opt out", "please stop"]
)
async def test_stop_ends_texts_at_once_and_once(
    market: Market, committed_db: SessionMaker, worker: Resources, word: str
) -> None:
    await opt_in(market, worker, committed_db)
    for _ in range(2):
        answer = await say(market, word, sid="SMone")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/xml; charset=utf-8")
        assert "<Message>" not in answer.text
    stopped = "SELECT kind, scope, reason, source FROM compliance.suppression"
    assert [tuple(row) for row in await rows(committed_db, stopped)] == [("phone", "voice", "stop", "text")]
    assert [row.revoked_via for row in await rows(committed_db, CONSENTS)] == [None, "sms"]
    assert (await state(market))["state"] == "none"
    assert "START" in (await state(market))["ended"]
    await leave(market, committed_db, NoticeName.PLAN_OFFERED)
    assert await gather(worker) == 0


async def test_start_lifts_what_stop_set_and_no_consent(
    market: Market, committed_db: SessionMaker, worker: Resources
) -> None:
    await opt_in(market, worker, committed_db)
    await say(market, "STOP")
    await ask(market)
    (step,) = await steps(worker, committed_db, "text_code")
    assert (step.status, step.reason) == ("skipped", "not sent: SUPPRESSED_STOP")
    assert (await state(market))["refused"] == ["Answered STOP"]
    await say(market, "Start")
    await leave(market, committed_db, NoticeName.PLAN_OFFERED)
    assert await gather(worker) == 0, "START alone is no consent"
    await opt_in(market, worker, committed_db)
    lifted = "SELECT compliance.is_lifted(s) AS lifted FROM compliance.suppression s"
    assert [row.lifted for row in await rows(committed_db, lifted)] == [True]
    await say(market, "STOP")
    assert [row.lifted for row in await rows(committed_db, lifted)] == [False], "a later STOP holds again"
    assert (await state(market))["state"] == "none"


async def test_start_lifts_nothing_that_somebody_else_set(
    market: Market, committed_db: SessionMaker, worker: Resources
) -> None:
    async with committed_db.begin() as session:
        manual = """
            INSERT INTO compliance.suppression (kind, value_hash, scope, reason, source)
            VALUES ('phone', :hash, 'voice', 'stop', 'desk')
        """
        await session.execute(text(manual), {"hash": market.resources.keys.blind_index(NUMBER, "phone")})
    await say(market, "START")
    await ask(market)
    (step,) = await steps(worker, committed_db, "text_code")
    assert step.reason == "not sent: SUPPRESSED_STOP"
    assert await texts(market) == []


async def test_a_stop_after_the_decision_wins(
    market: Market, committed_db: SessionMaker, worker: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    await opt_in(market, worker, committed_db)
    await leave(market, committed_db, NoticeName.PLAN_OFFERED)
    await gather(worker)

    async def decide_and_be_stopped(*given: Any) -> Any:
        decision = await decide_contact(*given)
        assert decision.allow
        assert (await say(market, "STOP")).status_code == 200
        return decision

    with monkeypatch.context() as late:
        late.setattr(text_leave, "decide_contact", decide_and_be_stopped)
        (step,) = await steps(worker, committed_db, "notice_text")
    assert (step.status, step.reason) == ("skipped", "not sent: the leave was taken back")
    assert len(await texts(market)) == 1


async def test_an_end_on_the_page_after_the_decision_wins(
    market: Market, committed_db: SessionMaker, worker: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    await opt_in(market, worker, committed_db)
    await leave(market, committed_db, NoticeName.PLAN_OFFERED)
    await gather(worker)

    async def decide_and_lose_the_reader(*given: Any) -> Any:
        decision = await decide_contact(*given)
        async with market.client() as client:
            assert (await client.delete("/api/notices/texts")).json()["state"] == "none"
        return decision

    monkeypatch.setattr(text_leave, "decide_contact", decide_and_lose_the_reader)
    (step,) = await steps(worker, committed_db, "notice_text")
    assert step.status == "skipped", step
    assert len(await texts(market)) == 1


async def test_help_is_answered_to_those_we_text_and_nothing_else_is(
    market: Market, committed_db: SessionMaker, worker: Resources, daytime: Clock
) -> None:
    await opt_in(market, worker, committed_db)
    daytime.at = daytime.at.replace(hour=8) + timedelta(days=1)  # in the middle of their night
    for word in ("HELP", "Ayuda"):
        answer = await say(market, word)
        assert "<Message>Ridgeline: notices about your account" in answer.text, answer.text
    assert "<Message>" not in (await say(market, "HELP", sender="+15125550999")).text
    assert "<Message>" not in (await say(market, "What time is it?")).text
    assert (await state(market))["state"] == "on"
    assert await violations(committed_db) == {}


@pytest.mark.parametrize("body", ["STOP", "HELP"])
async def test_a_callback_that_the_vendor_did_not_sign_is_refused(
    market: Market, committed_db: SessionMaker, worker: Resources, body: str
) -> None:
    await opt_in(market, worker, committed_db)
    fields = {"MessageSid": "SMx", "From": NUMBER, "Body": body}
    assert (await hook(market, token="other", **fields)).status_code == 403
    async with market.door.client() as client:
        assert (await client.post("/webhooks/twilio", data=fields)).status_code == 403
        url = f"{URL}?decision=1"
        signed = {"x-twilio-signature": sign_twilio(url, list(fields.items()), "sandbox")}
        assert (await client.post("/webhooks/twilio", data=fields, headers=signed)).status_code == 403
        more = {**fields, "To": "+15125550101"}
        answer = await client.post("/webhooks/twilio?decision=1", data=more, headers=signed)
        assert answer.status_code == 403
    assert (await state(market))["state"] == "on"


async def test_a_status_never_goes_back(
    market: Market, committed_db: SessionMaker, worker: Resources
) -> None:
    await opt_in(market, worker, committed_db)
    (sent,) = await texts(market)
    for word, then in (
        ("sent", "sent"),
        ("queued", "sent"),
        ("delivered", "delivered"),
        ("sent", "delivered"),
    ):
        await status(market, sent["sid"], word)
        (row,) = await rows(committed_db, SENT)
        assert row.delivery == then


@pytest.mark.parametrize(
    ("code", "ends", "stops"),
    [("30003", 1, 0), ("30004", 1, 0), ("30005", 1, 0), ("30006", 1, 0), ("30007", 0, 0), ("21610", 1, 1)],
)
async def test_a_number_that_cannot_be_reached_ends(  # noqa: PLR0917 - fixtures and parameters
    market: Market, committed_db: SessionMaker, worker: Resources, code: str, ends: int, stops: int
) -> None:
    await opt_in(market, worker, committed_db)
    (sent,) = await texts(market)
    await status(market, sent["sid"], "undelivered", ErrorCode=code)
    await status(market, sent["sid"], "undelivered", ErrorCode=code)
    told = await state(market)
    assert (told["state"] == "none", bool(told["ended"])) == (bool(ends), bool(ends))
    assert sum(row.revoked for row in await rows(committed_db, CONSENTS)) == ends
    assert len(await rows(committed_db, "SELECT 1 FROM compliance.suppression")) == stops


async def test_a_number_that_the_vendor_refuses_ends(
    market: Market, committed_db: SessionMaker, worker: Resources
) -> None:
    await ask(market, number="512 555 0310")  # 10: it has answered STOP at the vendor
    (step,) = await steps(worker, committed_db, "text_code")
    assert (step.status, step.output["refused"]) == ("done", "21610"), step
    assert len(await rows(committed_db, "SELECT 1 FROM compliance.suppression WHERE reason = 'stop'")) == 1
    assert (await state(market))["state"] == "none"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("UPDATE contractors SET time_zone = NULL", "TZ_UNRESOLVED"),
        (
            "UPDATE compliance.dnc_import SET registry_version_at = now() - interval '40 days'",
            "DNC_SCRUB_STALE",
        ),
        (
            "UPDATE compliance.state_registration SET filed_on = current_date - 9, expires_on = current_date - 1",
            "STATE_REGISTRATION_MISSING",
        ),
    ],
)
async def test_a_fact_we_do_not_have_denies_and_is_said(
    market: Market, committed_db: SessionMaker, worker: Resources, change: str, reason: str
) -> None:
    async with committed_db.begin() as session:
        await session.execute(text(change))
    await ask(market)
    (step,) = await steps(worker, committed_db, "text_code")
    assert (step.status, step.reason) == ("skipped", f"not sent: {reason}")
    assert len((await state(market))["refused"]) == 1
    assert await texts(market) == []


async def test_a_landline_is_never_texted(
    market: Market, committed_db: SessionMaker, worker: Resources
) -> None:
    await ask(market, number=LANDLINE)
    (step,) = await steps(worker, committed_db, "text_code")
    assert (step.status, step.reason) == ("skipped", "not sent: INVALID_CONTACT")


async def test_the_page_leads_from_the_number_to_the_end(
    market: Market, browser: Browser, committed_db: SessionMaker, worker: Resources
) -> None:
    page = await browser.http.get("/my/notices")
    assert CONSENT.replace("'", "&#39;") in page.text
    refused = await browser.send("/my/notices/texts", number="5125550123", group="plan")
    assert (refused.status_code, "Tick the consent" in refused.text) == (422, True)
    await browser.send("/my/notices/texts", number="5125550123", group="plan", agreed=CONSENT)
    await steps(worker, committed_db, "text_code")
    code = re.findall(r"\b\d{6}\b", (await texts(market))[-1]["body"])[0]
    assert "six digits" in (await browser.http.get("/my/notices")).text
    assert (await browser.send("/my/notices/texts/confirm", code="1")).status_code == 404
    await browser.send("/my/notices/texts/confirm", code=code)
    assert "(•••) •••-0123" in (await browser.http.get("/my/notices")).text
    await browser.send("/my/notices/texts/end")
    assert (await state(market))["state"] == "none"
