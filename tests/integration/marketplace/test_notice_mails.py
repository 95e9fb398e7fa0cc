"""Notices by e-mail: one mail a person for all that is new, each notice once, ended by whoever got it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from services.marketplace.app import service
from services.marketplace.domain.notices import MAILED_WITHIN, NoticeName
from services.marketplace.jobs import mailing
from services.marketplace.repository.mails import MailRepository
from services.marketplace.repository.notices import NoticeRepository
from shared.compliance.loader import decide_contact
from shared.db.engine import SessionMaker
from shared.db.rows import all_rows
from shared.runtime import Resources
from shared.runtime.resources import open_resources
from tests.factories.single_step import begin, run_step
from tests.integration.marketplace.conftest import Market, rows, violations

SENT = "SELECT decision_id, status, sent_at FROM notifications WHERE channel = 'email' AND user_id = :user"


@pytest.fixture
async def worker(market: Market) -> AsyncIterator[Resources]:
    """What a worker of the marketplace works on."""
    async with open_resources("marketplace", market.resources.settings) as opened:
        yield opened


async def leave(
    market: Market, db: SessionMaker, *kinds: NoticeName, at: datetime | None = None
) -> list[UUID]:
    """Notices to the market's company."""
    statement = text(
        "INSERT INTO notifications (contractor_id, channel, kind, status, reason, created_at)"
        " VALUES (:company, 'in_app', :kind, 'pending', :words, coalesce(CAST(:at AS timestamptz), now())) RETURNING id"
    )
    made = []
    async with db.begin() as session:
        for kind in kinds:
            values = {"company": market.contractor_id, "kind": kind, "words": f"words of {kind}", "at": at}
            made.append((await session.execute(statement, values)).scalar_one())
    return made


async def gather(worker: Resources, at: datetime | None = None) -> int:
    """How many mails a run of the job began."""
    resources = replace(worker, clock=lambda: at) if at else worker
    workflow = await begin(resources, "mail_notices")
    step = await run_step(service, resources, workflow, "mail_notices")
    assert step.status == "done", step
    return int(step.output["mails"])


async def send(worker: Resources, db: SessionMaker) -> list[Any]:
    """The steps of all mails that waited, run."""
    waiting = (
        "SELECT id FROM core.workflow WHERE kind = 'notice_mail' AND status = 'running' ORDER BY created_at"
    )
    return [await run_step(service, worker, row.id, "notice_mail") for row in await rows(db, waiting)]


async def mails(market: Market) -> list[dict[str, Any]]:
    """Every message that the town's mail vendor took."""
    async with httpx.AsyncClient() as client:
        answer = (await client.get(f"{market.town}/_sandbox/sendgrid/messages")).json()
    found: list[dict[str, Any]] = answer if isinstance(answer, list) else answer["messages"]
    return found


async def a_colleague(market: Market, db: SessionMaker) -> UUID:
    """Another person of the market's company."""
    statement = text(
        "INSERT INTO users (email, password_hash, role, contractor_id)"
        " VALUES (:email, 'x', 'contractor_member', :company) RETURNING id"
    )
    async with db.begin() as session:
        values = {"email": f"{uuid4().hex}@roofs.example", "company": market.contractor_id}
        made: UUID = (await session.execute(statement, values)).scalar_one()
    return made


async def test_what_is_new_comes_as_one_mail_once(
    market: Market, committed_db: SessionMaker, worker: Resources
) -> None:
    await leave(market, committed_db, NoticeName.TERRITORY_OFFERED, NoticeName.PLAN_OFFERED)
    assert await gather(worker) == 1
    (step,) = await send(worker, committed_db)
    assert (step.status, step.output["notices"]) == ("done", 2), step

    (mail,) = await mails(market)
    for words in (
        "A territory is free for you",
        "words of plan_offered",
    ):
        assert words in str(mail)
    assert await gather(worker) == 0
    assert await violations(committed_db) == {}


async def test_two_runs_at_once_put_each_notice_into_one_mail(
    market: Market, committed_db: SessionMaker, worker: Resources
) -> None:
    await leave(market, committed_db, *[NoticeName.PLAN_OFFERED] * 5)

    async def run() -> int:
        with all_rows():
            async with worker.unit_of_work() as uow:
                found = await NoticeRepository(uow.session).put_into_mails(datetime.now(UTC))
                await asyncio.sleep(0.2)
                return len(found)

    begun = await asyncio.gather(run(), run())
    taken = await rows(
        committed_db, "SELECT count(*) AS n, count(DISTINCT notification_id) AS notices FROM notice_mails"
    )
    assert (sum(begun), taken[0].n, taken[0].notices) == (1, 5, 5)


async def test_everybody_of_the_company_has_a_mail_and_nobody_of_another(
    market: Market, committed_db: SessionMaker, worker: Resources
) -> None:
    colleague = await a_colleague(market, committed_db)
    await leave(market, committed_db, NoticeName.CREDENTIALS_LAPSED)
    assert await gather(worker) == 2
    readers = await rows(committed_db, "SELECT user_id FROM notice_mails")
    assert {row.user_id for row in readers} == {market.user_id, colleague}


@pytest.mark.parametrize(("late", "begun"), [(timedelta(0), 0), (timedelta(seconds=-1), 1)])
async def test_old_news_is_no_mail(
    market: Market, committed_db: SessionMaker, worker: Resources, late: timedelta, begun: int
) -> None:
    now = datetime.now(UTC)
    await leave(market, committed_db, NoticeName.PLAN_OFFERED, at=now)
    assert await gather(worker, now + MAILED_WITHIN + late) == begun


async def test_what_nobody_wants_any_more_is_not_sent(
    market: Market, committed_db: SessionMaker, worker: Resources
) -> None:
    await leave(market, committed_db, NoticeName.TERRITORY_OFFERED, NoticeName.PLAN_OFFERED)
    assert await gather(worker) == 1
    async with market.client() as client:
        answer = await client.put("/api/notices/settings", json={"email": ["plan", "account"]})
        assert (answer.status_code, set(answer.json()["email"])) == (200, {"plan", "account"})
        assert set((await client.get("/api/notices/settings")).json()["email"]) == {"plan", "account"}
        refused = await client.put("/api/notices/settings", json={"email": ["everything"]})
        assert refused.status_code == 422
    (step,) = await send(worker, committed_db)
    assert step.output["notices"] == 1
    (mail,) = await mails(market)
    assert "words of plan_offered" in str(mail)
    assert "territory" not in str(mail)


async def test_what_was_read_meanwhile_is_not_sent(
    market: Market, committed_db: SessionMaker, worker: Resources
) -> None:
    (notice,) = await leave(market, committed_db, NoticeName.PLAN_OFFERED)
    assert await gather(worker) == 1
    async with market.client() as client:
        (await client.post(f"/api/notices/{notice}/read")).raise_for_status()
    (step,) = await send(worker, committed_db)
    assert step.status == "skipped"
    assert await mails(market) == []


async def test_what_grew_old_meanwhile_is_not_sent(
    market: Market, committed_db: SessionMaker, worker: Resources
) -> None:
    now = datetime.now(UTC)
    await leave(market, committed_db, NoticeName.PLAN_OFFERED, at=now)
    assert await gather(worker) == 1
    (step,) = await send(replace(worker, clock=lambda: now + MAILED_WITHIN), committed_db)
    assert step.status == "skipped"
    assert await mails(market) == []


@pytest.mark.parametrize("read", ["all", "one", "none"])
async def test_a_worker_that_dies_after_the_vendor_took_the_mail_sends_no_other(
    market: Market, committed_db: SessionMaker, worker: Resources, monkeypatch: pytest.MonkeyPatch, read: str
) -> None:
    notices = await leave(market, committed_db, NoticeName.TERRITORY_OFFERED, NoticeName.PLAN_OFFERED)
    assert await gather(worker) == 1
    with monkeypatch.context() as dying:

        async def die(*_: Any) -> None:
            raise ConnectionError("the process is gone")

        dying.setattr(MailRepository, "sent", die)
        (step,) = await send(worker, committed_db)
        assert step.status == "ready"
    assert len(await mails(market)) == 1
    async with market.client() as client:
        for notice in {"all": notices, "one": notices[:1], "none": []}[read]:
            (await client.post(f"/api/notices/{notice}/read")).raise_for_status()

    (begun,) = await rows(committed_db, SENT, user=market.user_id)
    assert (begun.status, begun.sent_at) == ("pending", None), "its way out works from the first moment"
    (step,) = await send(worker, committed_db)
    assert (step.status, step.output["notices"]) == ("done", 2), step
    assert len(await mails(market)) == 1
    (kept,) = await rows(committed_db, SENT, user=market.user_id)
    assert (kept.status, kept.decision_id) == ("sent", begun.decision_id)
    assert await violations(committed_db) == {}


async def test_a_failure_of_the_database_before_the_vendor_is_asked_loses_no_mail(
    market: Market, committed_db: SessionMaker, worker: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    await leave(market, committed_db, NoticeName.PLAN_OFFERED)
    await gather(worker)
    with monkeypatch.context() as failing:

        async def fail(*_: Any) -> None:
            raise OperationalError("SELECT", None, Exception("gone"))

        failing.setattr(NoticeRepository, "of_mail", fail)
        (step,) = await send(worker, committed_db)
        assert step.status == "ready"
    (step,) = await send(worker, committed_db)
    assert step.status == "done", step
    assert len(await mails(market)) == 1


async def test_an_unsubscribe_after_the_decision_wins(
    market: Market, committed_db: SessionMaker, worker: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    await leave(market, committed_db, NoticeName.PLAN_OFFERED)
    await gather(worker)

    async def decide_and_lose_the_reader(*given: Any) -> Any:
        decision = await decide_contact(*given)
        async with committed_db.begin() as session:
            ended = text("UPDATE users SET notice_mail = '{}' WHERE id = :id")
            await session.execute(ended, {"id": market.user_id})
        return decision

    monkeypatch.setattr(mailing, "decide_contact", decide_and_lose_the_reader)
    (step,) = await send(worker, committed_db)
    assert (step.status, step.reason) == ("skipped", "not sent: it is not wanted any more")
    assert await mails(market) == []
    assert await rows(committed_db, SENT, user=market.user_id) == []
    spent = "SELECT 1 FROM compliance.contact_decision WHERE channel = 'email' AND consumed_at IS NOT NULL"
    assert await rows(committed_db, spent) == []


async def test_two_workers_send_one_mail(
    market: Market, committed_db: SessionMaker, worker: Resources
) -> None:
    await leave(market, committed_db, NoticeName.PLAN_OFFERED)
    await gather(worker)
    await asyncio.gather(send(worker, committed_db), send(worker, committed_db))
    assert len(await mails(market)) == 1


async def test_a_mail_says_how_to_end_it(
    market: Market, committed_db: SessionMaker, worker: Resources
) -> None:
    await leave(market, committed_db, NoticeName.PLAN_OFFERED)
    await gather(worker)
    await send(worker, committed_db)
    (sent,) = await rows(committed_db, SENT, user=market.user_id)
    (mail,) = await mails(market)
    assert f"/unsubscribe/{sent.decision_id}\n" in mail["content"]["text/plain"]


async def test_a_mail_program_ends_the_mails_of_its_reader_alone(
    market: Market, committed_db: SessionMaker, worker: Resources
) -> None:
    colleague = await a_colleague(market, committed_db)
    await leave(market, committed_db, NoticeName.PLAN_OFFERED)
    await gather(worker)
    await send(worker, committed_db)
    (mail,) = await rows(committed_db, SENT, user=market.user_id)

    async with market.door.client(timeout=30) as anybody:
        asked = await anybody.get(f"/unsubscribe/{mail.decision_id}")
        assert asked.status_code == 200
        assert await wanted(committed_db, market.user_id), "a look changes nothing"
        one_click = {"List-Unsubscribe": "One-Click"}
        done = await anybody.post(f"/unsubscribe/{mail.decision_id}", data=one_click)
        unknown = await anybody.post(f"/unsubscribe/{uuid4()}", data=one_click)
    assert (done.status_code, unknown.status_code) == (200, 200)
    assert done.text.replace(str(mail.decision_id), "") == unknown.text.replace(str(mail.decision_id), "")
    assert await wanted(committed_db, market.user_id) == []
    assert await wanted(committed_db, colleague)


async def wanted(db: SessionMaker, user_id: UUID) -> list[str]:
    """The groups that a person gets by e-mail."""
    (row,) = await rows(db, "SELECT notice_mail FROM users WHERE id = :id", id=user_id)
    return list(row.notice_mail)
