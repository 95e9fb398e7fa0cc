"""Notices and reminders: each once, on a fake clock, read by their company alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from services.marketplace.app import service
from services.marketplace.repository.notices import NoticeRepository
from shared.db.engine import SessionMaker
from shared.runtime import Resources
from shared.runtime.resources import open_resources
from tests.factories.leads import make_buyer
from tests.factories.outcomes import make_sale, tell
from tests.factories.single_step import begin, run_step
from tests.integration.marketplace.conftest import Market, rows

HOUR = 60


@pytest.fixture
async def worker(market: Market) -> AsyncIterator[Resources]:
    """What a worker of the marketplace works on."""
    async with open_resources("marketplace", market.resources.settings) as opened:
        yield opened


async def remind(worker: Resources, at: datetime) -> int:
    """How many reminders a run of the job at that time left."""
    resources = replace(worker, clock=lambda: at)
    workflow = await begin(resources, "nudge_buyers")
    step = await run_step(service, resources, workflow, "nudge_buyers")
    assert step.status == "done", step
    return int(step.output["nudged"])


async def a_sale(market: Market, db: SessionMaker, **sale: Any) -> tuple[UUID, datetime]:
    """A lead sold and looked at an hour or so ago, and when."""
    async with db.begin() as session:
        made = await make_sale(
            session,
            market.resources.keys,
            (market.contractor_id, market.user_id),
            **{"minutes": HOUR, **sale},
        )
    (found,) = await rows(db, "SELECT revealed_at FROM sales WHERE id = :id", id=made)
    return made, found.revealed_at


async def kinds(db: SessionMaker) -> list[str]:
    return [row.kind for row in await rows(db, "SELECT kind FROM notifications ORDER BY created_at, kind")]


async def test_each_reminder_comes_once_when_its_time_has_come(
    market: Market, committed_db: SessionMaker, worker: Resources
) -> None:
    _, looked = await a_sale(market, committed_db)
    second = timedelta(seconds=1)
    for after, new in (
        (timedelta(hours=1) - second, 0),
        (timedelta(hours=1), 1),
        (timedelta(hours=1), 0),
        (timedelta(hours=24) - second, 0),
        (timedelta(hours=24), 1),
        (timedelta(hours=48), 1),
        (timedelta(days=13), 0),
    ):
        assert await remind(worker, looked + after) == new, after
    assert await kinds(committed_db) == ["untouched_1h", "untouched_24h", "untouched_48h"]


async def test_after_a_stop_one_reminder_comes_and_old_leads_are_left_alone(
    market: Market, committed_db: SessionMaker, worker: Resources
) -> None:
    _, looked = await a_sale(market, committed_db)
    assert await remind(worker, looked + timedelta(days=14)) == 0
    assert await remind(worker, looked + timedelta(days=13, hours=23)) == 1
    assert await remind(worker, looked + timedelta(hours=25)) == 1
    assert sorted(await kinds(committed_db)) == ["untouched_24h", "untouched_48h"]


async def test_who_reported_gave_back_or_never_looked_is_not_reminded(
    market: Market, committed_db: SessionMaker, worker: Resources
) -> None:
    told, looked = await a_sale(market, committed_db)
    await a_sale(market, committed_db, status="refunded")
    unseen, _ = await a_sale(market, committed_db)
    returning, _ = await a_sale(market, committed_db)
    async with committed_db.begin() as session:
        await tell(session, told, "attempted", after=5)
        await session.execute(text("UPDATE sales SET revealed_at = NULL WHERE id = :id"), {"id": unseen})
        await session.execute(
            text(
                "INSERT INTO sale_returns (sale_id, contractor_id, reason, explanation)"
                " VALUES (:sale, :contractor, 'wrong_number', 'A fax answers.')"
            ),
            {"sale": returning, "contractor": market.contractor_id},
        )
    assert await remind(worker, looked + timedelta(hours=30)) == 0


async def test_two_workers_leave_one_reminder(market: Market, committed_db: SessionMaker) -> None:
    _, looked = await a_sale(market, committed_db)

    async def nudge() -> int:
        async with committed_db.begin() as session:
            return await NoticeRepository(session).nudge(looked + timedelta(hours=2))

    assert sorted(await asyncio.gather(*(nudge() for _ in range(6)))) == [0, 0, 0, 0, 0, 1]
    assert await kinds(committed_db) == ["untouched_1h"]


async def test_a_company_reads_its_own_notices_and_no_others(
    market: Market, committed_db: SessionMaker, worker: Resources
) -> None:
    sale, looked = await a_sale(market, committed_db)
    await remind(worker, looked + timedelta(hours=2))
    await remind(worker, looked + timedelta(hours=25))
    async with committed_db.begin() as session:
        contractor_id, user_id = await make_buyer(session)
    stranger = Market(market.door, market.town, market.lead_id, contractor_id, user_id)
    async with market.client() as own, stranger.client() as other:
        box = (await own.get("/api/notices")).json()
        assert (box["unread"], [each["kind"] for each in box["items"]]) == (
            2,
            ["untouched_24h", "untouched_1h"],
        )
        newest, first = box["items"]
        assert (newest["link"], newest["place"]) == (f"/my/leads/{sale}", "Harrow, TX")
        assert (await other.get("/api/notices")).json() == {"unread": 0, "items": []}
        assert (await other.post(f"/api/notices/{first['id']}/read")).status_code == 404
        assert (await other.post("/api/notices/read", json={"until": newest["created_at"]})).json() == {
            "read": 0
        }
        assert (await own.post("/api/notices/read", json={"until": "soon"})).status_code == 422

        assert (await own.post("/api/notices/read", json={"until": first["created_at"]})).json() == {
            "read": 1
        }
        left = (await own.get("/api/notices", params={"unread_only": True})).json()
        assert (left["unread"], [each["id"] for each in left["items"]]) == (1, [newest["id"]])
        assert [(await own.post(f"/api/notices/{newest['id']}/read")).status_code for _ in range(2)] == [
            204,
            204,
        ]
        assert (await own.get("/api/notices")).json()["unread"] == 0
        assert (await own.post(f"/api/notices/{uuid4()}/read")).status_code == 404


async def test_pages_show_the_wait_the_notice_and_the_count(
    market: Market, committed_db: SessionMaker, worker: Resources
) -> None:
    async with market.client() as client:
        assert "Nothing to tell you yet" in (await client.get("/my/notices")).text
    _, looked = await a_sale(market, committed_db, minutes=190)
    quick, _ = await a_sale(market, committed_db, minutes=600)
    async with committed_db.begin() as session:
        await tell(session, quick, "attempted", after=12)
    await remind(worker, looked + timedelta(hours=2))
    async with market.client() as client:
        owned = await client.get("/my/leads")
        assert "Waiting for 3 h 10 min" in owned.text
        assert "Tried after 12 min" in owned.text
        page = await client.get("/my/notices")
        assert "An hour without a report" in page.text
        count = await client.get("/my/notices/unread")
        assert count.text.startswith('<span id="unread"><span class="count">1<')
        (told,) = (await client.get("/api/notices")).json()["items"]
        done = await client.post("/my/notices/read", data={"until": told["created_at"]})
        assert (done.status_code, done.headers["location"]) == (303, "/my/notices")
        assert (await client.get("/my/notices/unread")).text.strip() == '<span id="unread"></span>'
