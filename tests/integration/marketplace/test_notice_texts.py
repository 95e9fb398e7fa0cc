"""Notices by text: a number is proven and agreed to first, each notice goes out once, never at night or too often."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from services.marketplace.app import service
from services.marketplace.domain.notices import NoticeName
from services.marketplace.domain.texts import CONSENT, TEXTED_WITHIN
from services.marketplace.repository.notice_texts import NoticeTextRepository
from services.marketplace.service import text_leave
from shared.compliance.loader import decide_contact
from shared.db.engine import SessionMaker
from shared.db.rows import all_rows
from shared.runtime import Resources
from tests.factories.single_step import run_step
from tests.integration.marketplace.conftest import Market, rows, violations
from tests.integration.marketplace.test_notice_mails import leave
from tests.integration.marketplace.texting import (
    CONSENTS,
    NUMBER,
    SENT,
    Clock,
    ask,
    fault,
    gather,
    hook,
    opt_in,
    pass_daytime,
    state,
    steps,
    texting_worker,
    texts,
    try_code,
    tuesday,
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


async def test_a_proven_number_is_a_written_consent_and_no_plain_number_is_kept(
    market: Market, committed_db: SessionMaker, worker: Resources
) -> None:
    assert (await state(market))["state"] == "none"
    code = await opt_in(market, worker, committed_db)
    (consent,) = await rows(committed_db, CONSENTS)
    assert (consent.kind, consent.channel_scope, consent.seller) == ("PEWC", ["sms"], "Ridgeline")
    assert consent.evidence["wording"] == CONSENT
    assert (consent.evidence["checkbox_default"], bool(consent.evidence["ip"])) == (False, True)
    on = await state(market)
    assert (on["number"], set(on["groups"])) == ("(•••) •••-0123", {"leads", "territories", "plan"})
    (row,) = await rows(committed_db, "SELECT to_jsonb(t) AS it FROM text_numbers t")
    assert "5550123" not in str(row.it)
    assert code not in str(row.it)
    assert (row.it["line_type"], row.it["ended_at"]) == ("mobile", None)
    assert (await try_code(market, code)).status_code == 404, "a code is spent once"
    assert await violations(committed_db) == {}


@pytest.mark.parametrize(
    "change",
    [{"agreed": ""}, {"agreed": "yes"}, {"number": "800 555 0122"}, {"number": "12"}, {"groups": []}],
)
async def test_nobody_is_texted_without_the_exact_words_and_a_number(
    market: Market, committed_db: SessionMaker, worker: Resources, change: dict[str, Any]
) -> None:
    assert (await ask(market, **change)).status_code == 422
    assert await rows(committed_db, "SELECT 1 FROM text_numbers") == []
    assert await texts(market) == []


async def test_five_wrong_codes_end_the_trying(
    market: Market, committed_db: SessionMaker, worker: Resources
) -> None:
    await ask(market)
    await steps(worker, committed_db, "text_code")
    code = re.findall(r"\b\d{6}\b", (await texts(market))[-1]["body"])[0]
    wrong = "000000" if code != "000000" else "111111"
    assert {(await try_code(market, wrong)).status_code for _ in range(5)} == {404}
    assert (await try_code(market, code)).status_code == 404
    assert await rows(committed_db, CONSENTS) == []


@pytest.mark.parametrize(("late", "status"), [("9 minutes 50 seconds", 200), ("10 minutes", 404)])
async def test_a_code_holds_for_ten_minutes(
    market: Market, committed_db: SessionMaker, worker: Resources, late: str, status: int
) -> None:
    await ask(market)
    await steps(worker, committed_db, "text_code")
    code = re.findall(r"\b\d{6}\b", (await texts(market))[-1]["body"])[0]
    async with committed_db.begin() as session:
        age = text("UPDATE text_numbers SET code_until = code_until - CAST(:late AS interval)")
        await session.execute(age, {"late": late})
    assert (await try_code(market, code)).status_code == status


async def test_a_new_number_ends_the_old_one_and_its_consent(
    market: Market, committed_db: SessionMaker, worker: Resources
) -> None:
    old = await opt_in(market, worker, committed_db)
    await ask(market, number="512 555 0323")
    assert (await try_code(market, old)).status_code == 404
    assert [row.revoked_via for row in await rows(committed_db, CONSENTS)] == [None, "changed"]
    kept = await rows(committed_db, "SELECT phone, ended_by FROM text_numbers ORDER BY created_at")
    assert [(row.phone == "", row.ended_by) for row in kept] == [(True, "changed"), (False, None)]
    shredded = "SELECT count(*) AS n FROM compliance.subject_key WHERE shredded_at IS NOT NULL"
    assert (await rows(committed_db, shredded))[0].n == 1


async def test_what_is_new_comes_as_one_text_once(
    market: Market, committed_db: SessionMaker, worker: Resources
) -> None:
    await leave(market, committed_db, NoticeName.PLAN_OFFERED)
    await opt_in(market, worker, committed_db)
    await leave(market, committed_db, NoticeName.TERRITORY_OFFERED, NoticeName.PLAN_OFFERED)
    assert await gather(worker) == 1
    (step,) = await steps(worker, committed_db, "notice_text")
    assert (step.status, step.output["notices"]) == ("done", 2), step
    _, sent = await texts(market)
    assert sent["body"].startswith("Ridgeline: 2 new notices")
    assert "https://ridgeline.test/my/notices Reply STOP to end" in sent["body"]
    assert (sent["to"], len(sent["body"]) <= 160) == (NUMBER, True)
    assert await gather(worker) == 0
    code, notices = await rows(committed_db, SENT)
    assert (code.kind, notices.kind, notices.status) == ("sms_code", "notice_text", "sent")
    assert notices.external_id == sent["sid"]
    assert await violations(committed_db) == {}


async def test_only_the_groups_that_were_chosen_come(
    market: Market, committed_db: SessionMaker, worker: Resources
) -> None:
    await opt_in(market, worker, committed_db, groups=["plan"])
    await leave(market, committed_db, NoticeName.TERRITORY_OFFERED)
    assert await gather(worker) == 0
    async with market.client() as client:
        changed = await client.put("/api/notices/texts/groups", json={"groups": ["territories"]})
    assert changed.json()["groups"] == ["territories"]
    assert await gather(worker) == 1


@pytest.mark.parametrize(("late", "begun"), [(timedelta(0), 0), (timedelta(seconds=-2), 1)])
async def test_what_is_an_hour_old_is_no_text(
    market: Market, committed_db: SessionMaker, worker: Resources, late: timedelta, begun: int
) -> None:
    await opt_in(market, worker, committed_db)
    now = datetime.now(UTC)
    await leave(market, committed_db, NoticeName.PLAN_OFFERED, at=now)
    assert await gather(worker, now + TEXTED_WITHIN + late) == begun


@pytest.mark.parametrize(
    ("hour", "minute", "reason"),
    [(20, 59, None), (21, 0, "QUIET_HOURS"), (8, 59, "QUIET_HOURS"), (9, 0, None)],
)
async def test_nobody_is_texted_at_night(  # noqa: PLR0917 - fixtures and parameters
    market: Market,
    committed_db: SessionMaker,
    worker: Resources,
    daytime: Clock,
    hour: int,
    minute: int,
    reason: str | None,
) -> None:
    await opt_in(market, worker, committed_db)
    await leave(market, committed_db, NoticeName.PLAN_OFFERED)
    await gather(worker)
    daytime.at = tuesday(hour, minute)
    (step,) = await steps(worker, committed_db, "notice_text")
    assert step.reason == (reason and f"not sent: {reason}"), step
    assert len(await texts(market)) == 1 + (reason is None)


async def test_a_second_text_in_a_day_is_not_sent(
    market: Market, committed_db: SessionMaker, worker: Resources
) -> None:
    await opt_in(market, worker, committed_db)
    seen = []
    for _ in range(2):
        await leave(market, committed_db, NoticeName.PLAN_OFFERED)
        await gather(worker)
        (step,) = await steps(worker, committed_db, "notice_text")
        seen.append((step.status, step.reason))
    assert [status for status, _ in seen] == ["done", "skipped"]
    assert seen[1][1] == "not sent: FREQ_24H_CAP"
    assert len(await texts(market)) == 1 + 1


async def test_workers_that_decided_together_do_not_send_two(
    market: Market, committed_db: SessionMaker, worker: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    await opt_in(market, worker, committed_db)
    for _ in range(3):
        await leave(market, committed_db, NoticeName.PLAN_OFFERED)
        await gather(worker)
    together = asyncio.Barrier(3)

    async def decide_together(*given: Any) -> Any:
        decision = await decide_contact(*given)
        assert decision.allow, decision.reasons
        await together.wait()
        return decision

    monkeypatch.setattr(text_leave, "decide_contact", decide_together)
    waiting = "SELECT id FROM core.workflow WHERE kind = 'notice_text' AND status = 'running'"
    ids = [row.id for row in await rows(committed_db, waiting)]
    ran = await asyncio.gather(*(run_step(service, worker, each, "notice_text") for each in ids))
    assert sorted(step.status for step in ran) == ["done", "skipped", "skipped"], ran
    assert len(await texts(market)) == 1 + 1
    assert await violations(committed_db) == {}


async def test_two_runs_at_once_put_each_notice_into_one_text(
    market: Market, committed_db: SessionMaker, worker: Resources
) -> None:
    await opt_in(market, worker, committed_db)
    await leave(market, committed_db, *[NoticeName.PLAN_OFFERED] * 5)

    async def run() -> int:
        with all_rows():
            async with worker.unit_of_work() as uow:
                found = await NoticeTextRepository(uow.session).put_into_texts(datetime.now(UTC))
                await asyncio.sleep(0.2)
                return len(found)

    begun = await asyncio.gather(run(), run())
    taken = await rows(committed_db, "SELECT count(*) AS n FROM notice_texts")
    assert (sum(begun), taken[0].n) == (1, 5)


async def test_a_worker_that_dies_after_the_vendor_took_the_text_sends_no_other(
    market: Market, committed_db: SessionMaker, worker: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    await opt_in(market, worker, committed_db)
    await leave(market, committed_db, NoticeName.PLAN_OFFERED)
    await gather(worker)
    with monkeypatch.context() as dying:

        async def die(*_: Any) -> None:
            raise ConnectionError("the process is gone")

        dying.setattr(NoticeTextRepository, "sent", die)
        (step,) = await steps(worker, committed_db, "notice_text")
        assert step.status == "ready"
    (step,) = await steps(worker, committed_db, "notice_text")
    assert step.status == "done", step
    assert len(await texts(market)) == 1 + 1
    assert [row.status for row in await rows(committed_db, SENT)] == ["sent", "sent"]


async def test_a_lost_answer_is_never_asked_for_again_and_the_callback_finds_the_text(
    market: Market, committed_db: SessionMaker, worker: Resources
) -> None:
    await opt_in(market, worker, committed_db)
    await leave(market, committed_db, NoticeName.PLAN_OFFERED)
    await gather(worker)
    await fault(market, "drop")
    first = await steps(worker, committed_db, "notice_text")
    again = await steps(worker, committed_db, "notice_text")
    assert [step.status for step in (*first, *again)] == ["ready", "dead"], "a person looks"
    assert len(await texts(market)) - 1 <= 1
    _, begun = await rows(committed_db, SENT)
    assert (begun.status, begun.external_id) == ("pending", None)
    told = {"MessageSid": "SMlost", "MessageStatus": "delivered", "To": NUMBER}
    assert (await hook(market, f"decision={begun.decision_id}", **told)).status_code == 200
    _, known = await rows(committed_db, SENT)
    assert (known.external_id, known.delivery) == ("SMlost", "delivered")
