"""Notices on devices: each to each device once, what the browser reads, and how a device ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from services.marketplace.app import service
from services.marketplace.domain.notices import NoticeName
from services.marketplace.domain.pushes import MOST_DEVICES, PUSHED_WITHIN
from services.marketplace.repository.pushes import PushRepository
from shared.db.engine import SessionMaker
from shared.db.rows import all_rows
from shared.providers.push.webpush import WebPush
from shared.runtime import Resources
from shared.runtime.resources import open_resources
from shared.security.policy import Role
from tests.factories.leads import make_buyer
from tests.factories.single_step import begin, run_step
from tests.integration.marketplace.conftest import Browser, Market, let_due, rows
from tests.integration.marketplace.test_notice_mails import a_colleague, leave

LIVE = (
    "SELECT id, user_id, device, endpoint FROM push_subscriptions WHERE ended_at IS NULL ORDER BY created_at"
)
ENDED = "SELECT user_id, ended_why, endpoint, p256dh, auth FROM push_subscriptions WHERE ended_at IS NOT NULL"
PHONE = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36"


@pytest.fixture
async def worker(market: Market) -> AsyncIterator[Resources]:
    """What a worker of the marketplace works on."""
    async with open_resources("marketplace", market.resources.settings) as opened:
        yield opened


@dataclass(frozen=True)
class Device:
    """A browser of the town: its name there, and what it tells a page."""

    name: str
    subscription: dict[str, Any]


async def a_browser(market: Market) -> Device:
    """A subscription that a browser of the town made for our key."""
    key = market.resources.settings.vapid.public
    async with httpx.AsyncClient() as client:
        answer = await client.post(
            f"{market.town}/_sandbox/webpush/subscriptions", json={"application_server_key": key}
        )
    made = answer.raise_for_status().json()
    return Device(made.pop("id"), made)


async def add(
    market: Market, device: Device, key: str = "", client: httpx.AsyncClient | None = None
) -> httpx.Response:
    """The answer to a browser that wants its person's notices."""
    async with client or market.client() as asking:
        return await asking.post(
            "/api/notices/push/devices",
            json=device.subscription,
            headers={"Idempotency-Key": key or uuid4().hex, "User-Agent": PHONE},
        )


async def a_device(market: Market) -> Device:
    """A browser that takes the buyer's notices."""
    device = await a_browser(market)
    assert (await add(market, device)).status_code == 201
    return device


async def gather(worker: Resources, at: datetime | None = None) -> int:
    """How many messages a run of the job began."""
    resources = replace(worker, clock=lambda: at) if at else worker
    step = await run_step(service, resources, await begin(resources, "push_notices"), "push_notices")
    assert step.status == "done", step
    return int(step.output["pushes"])


async def send(worker: Resources, db: SessionMaker) -> list[Any]:
    """The steps of all messages that waited, run."""
    waiting = (
        "SELECT id FROM core.workflow WHERE kind = 'notice_push' AND status = 'running' ORDER BY created_at"
    )
    return [await run_step(service, worker, row.id, "notice_push") for row in await rows(db, waiting)]


async def arrived(market: Market, device: Device | None = None) -> list[dict[str, Any]]:
    """What the browsers of the town read, or the one that is named."""
    async with httpx.AsyncClient() as client:
        params = {"subscription": device.name} if device else {}
        answer = await client.get(f"{market.town}/_sandbox/webpush/messages", params=params)
    found: list[dict[str, Any]] = answer.json()["messages"]
    return found


async def fault(market: Market, kind: str, **order: Any) -> None:
    """Let the town's push service misbehave."""
    async with httpx.AsyncClient() as client:
        body = {"fault": kind, "match": "/send", **order}
        (await client.post(f"{market.town}/_sandbox/webpush/next", json=body)).raise_for_status()


async def test_each_notice_reaches_each_device_once(
    market: Market, committed_db: SessionMaker, worker: Resources
) -> None:
    phone, desk = await a_device(market), await a_device(market)
    await a_colleague(market, committed_db)
    await leave(market, committed_db, NoticeName.PLAN_OFFERED)
    assert await gather(worker) == 2
    steps = await send(worker, committed_db)
    assert [(step.status, step.output) for step in steps] == [("done", {"gone": False, "notices": 1})] * 2
    for device in (phone, desk):
        (got,) = await arrived(market, device)
        assert got["plain"] == {
            "title": "A plan is free for you",
            "words": "words of plan_offered",
            "link": "/my/billing",
            "tag": got["topic"],
        }
        assert 3500 < int(got["ttl"]) <= PUSHED_WITHIN.total_seconds()
        assert got["urgency"] == "normal"
    assert await gather(worker) == 0
    assert len(await arrived(market)) == 2


async def test_several_notices_are_one_message_that_names_no_homeowner(
    market: Market, committed_db: SessionMaker, worker: Resources
) -> None:
    await a_device(market)
    await market.buy()
    await leave(market, committed_db, NoticeName.TERRITORY_OFFERED, NoticeName.PLAN_OFFERED)
    assert await gather(worker) == 1
    await send(worker, committed_db)
    (got,) = await arrived(market)
    assert got["plain"]["title"] == "2 notices from Ridgeline"
    assert got["plain"]["link"] == "/my/notices"
    assert "LOVELACE" not in str(got).upper()


async def test_two_runs_at_once_put_each_notice_into_one_message_a_device(
    market: Market, committed_db: SessionMaker, worker: Resources
) -> None:
    await a_device(market)
    await leave(market, committed_db, *[NoticeName.PLAN_OFFERED] * 5)
    key = market.resources.settings.vapid.public

    async def run() -> int:
        with all_rows():
            async with worker.unit_of_work() as uow:
                found = await PushRepository(uow.session).put_into_pushes(key, datetime.now(UTC))
                await asyncio.sleep(0.2)
                return len(found)

    begun = await asyncio.gather(run(), run())
    (taken,) = await rows(
        committed_db, "SELECT count(*) AS n, count(DISTINCT notification_id) AS notices FROM notice_pushes"
    )
    assert (sum(begun), taken.n, taken.notices) == (1, 5, 5)


async def test_two_workers_send_one_message(
    market: Market, committed_db: SessionMaker, worker: Resources
) -> None:
    await a_device(market)
    await leave(market, committed_db, NoticeName.PLAN_OFFERED)
    await gather(worker)
    await asyncio.gather(send(worker, committed_db), send(worker, committed_db))
    assert len(await arrived(market)) == 1


async def test_a_worker_that_dies_after_the_message_was_taken_sends_no_other(
    market: Market, committed_db: SessionMaker, worker: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    await a_device(market)
    await leave(market, committed_db, NoticeName.PLAN_OFFERED)
    await gather(worker)
    send_it = WebPush.send
    with monkeypatch.context() as dying:

        async def die(*given: Any) -> None:
            await send_it(*given)
            raise ConnectionError("the process is gone")

        dying.setattr(WebPush, "send", die)
        (step,) = await send(worker, committed_db)
        assert step.status == "ready"
    assert len(await arrived(market)) == 1
    (step,) = await send(worker, committed_db)
    assert (step.status, step.output) == ("done", {"gone": False, "unsure": True})
    assert len(await arrived(market)) == 1


@pytest.mark.parametrize("kind", ["429", "500", "503", "late", "drop"])
async def test_what_was_not_taken_is_sent_again_and_what_may_have_been_is_not(
    market: Market, committed_db: SessionMaker, worker: Resources, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await a_device(market)
    await leave(market, committed_db, NoticeName.PLAN_OFFERED)
    await gather(worker)
    if kind == "late":
        monkeypatch.setattr("shared.providers.push.webpush.TIMEOUT_SECONDS", 0.3)
    await fault(market, kind, **({"seconds": 1.0} if kind == "late" else {}))
    (step,) = await send(worker, committed_db)
    assert step.status == "ready", step
    await let_due(committed_db)
    # The bucket of that host waits as long as it was asked to.
    await asyncio.sleep(2 if kind in {"429", "503"} else 0)
    (step,) = await send(worker, committed_db)
    assert (step.status, step.output.get("unsure", False)) == ("done", kind in {"late", "drop"}), step
    assert len(await arrived(market)) == 1


async def test_a_device_that_is_gone_is_ended_and_forgotten(
    market: Market, committed_db: SessionMaker, worker: Resources
) -> None:
    device, other = await a_device(market), await a_device(market)
    async with httpx.AsyncClient() as client:
        await client.delete(f"{market.town}/_sandbox/webpush/subscriptions/{device.name}")
    await leave(market, committed_db, NoticeName.PLAN_OFFERED)
    assert await gather(worker) == 2
    steps = await send(worker, committed_db)
    assert sorted(step.output["gone"] for step in steps) == [False, True]
    (ended,) = await rows(committed_db, ENDED)
    assert tuple(ended) == (market.user_id, "gone", None, None, None)
    await leave(market, committed_db, NoticeName.PLAN_OFFERED)
    assert await gather(worker) == 1
    await send(worker, committed_db)
    assert len(await arrived(market, other)) == 2


async def test_what_is_unwanted_read_or_stopped_meanwhile_is_not_sent(
    market: Market, committed_db: SessionMaker, worker: Resources
) -> None:
    device = await a_device(market)
    for change in (
        "UPDATE users SET notice_push = '{leads,territories,account}'",
        "UPDATE notifications SET read_at = now()",
        "UPDATE users SET disabled_at = now()",
        "INSERT INTO core.feature_flag (key, enabled) VALUES ('kill.contact', true)",
        "INSERT INTO core.feature_flag (key, enabled) VALUES ('kill.contact.push', true)",
    ):
        await leave(market, committed_db, NoticeName.PLAN_OFFERED)
        assert await gather(worker) == 1, change
        async with committed_db.begin() as session:
            await session.execute(text(change))
        (step,) = await send(worker, committed_db)
        assert step.status == "skipped", change
        async with committed_db.begin() as session:
            await session.execute(text("UPDATE users SET notice_push = '{plan}', disabled_at = NULL"))
            await session.execute(text("DELETE FROM core.feature_flag"))
    assert await arrived(market, device) == []


async def test_an_end_after_the_message_was_begun_wins(
    market: Market, committed_db: SessionMaker, worker: Resources
) -> None:
    await a_device(market)
    await leave(market, committed_db, NoticeName.PLAN_OFFERED)
    assert await gather(worker) == 1
    async with market.client() as client:
        (device,) = (await client.get("/api/notices/push")).json()["devices"]
        assert (await client.delete(f"/api/notices/push/devices/{device['id']}")).status_code == 204
        assert (await client.delete(f"/api/notices/push/devices/{device['id']}")).status_code == 404
    (step,) = await send(worker, committed_db)
    assert step.status == "skipped"
    assert await arrived(market) == []
    (ended,) = await rows(committed_db, ENDED)
    assert tuple(ended) == (market.user_id, "by_person", None, None, None)


@pytest.mark.parametrize(("late", "begun"), [(timedelta(0), 0), (timedelta(seconds=-1), 1)])
async def test_old_news_is_on_no_device(
    market: Market, committed_db: SessionMaker, worker: Resources, late: timedelta, begun: int
) -> None:
    await a_device(market)
    now = datetime.now(UTC)
    await leave(market, committed_db, NoticeName.PLAN_OFFERED, at=now)
    assert await gather(worker, now + PUSHED_WITHIN + late) == begun


async def test_a_device_gets_what_is_newer_than_itself(
    market: Market, committed_db: SessionMaker, worker: Resources
) -> None:
    await leave(market, committed_db, NoticeName.PLAN_OFFERED)
    await a_device(market)
    assert await gather(worker) == 0


async def test_the_same_browser_and_the_same_key_are_one_device(
    market: Market, committed_db: SessionMaker
) -> None:
    device = await a_browser(market)
    answers = await asyncio.gather(
        *(add(market, device, key) for key in ("one-key-of-it", "one-key-of-it", ""))
    )
    assert [answer.status_code for answer in answers] == [201] * 3
    assert len({answer.json()["id"] for answer in answers}) == 1
    (kept,) = await rows(committed_db, LIVE)
    assert (kept.user_id, kept.device) == (market.user_id, "Chrome on Android")
    other = await add(market, await a_browser(market), "one-key-of-it")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")


async def test_a_shared_browser_shows_the_notices_of_whoever_was_last(
    market: Market, committed_db: SessionMaker, worker: Resources
) -> None:
    device = await a_device(market)
    await leave(market, committed_db, NoticeName.PLAN_OFFERED)
    await gather(worker)
    async with committed_db.begin() as session:
        company, stranger = await make_buyer(session)
    token = market.door.user_token(Role.CONTRACTOR_OWNER, contractor_id=company, user_id=stranger)
    forged = {**device.subscription["keys"], "auth": "A" * 22}
    spied = Device(device.name, {**device.subscription, "keys": forged})
    refused = await add(market, spied, client=market.door.client(token=token, timeout=30))
    assert (refused.status_code, refused.json()["code"]) == (409, "device-not-taken")
    taken = await add(market, device, client=market.door.client(token=token, timeout=30))
    assert taken.status_code == 201

    (step,) = await send(worker, committed_db)
    assert step.status == "skipped", "what was begun for the first person is not for the second"
    assert await arrived(market) == []
    (ended,) = await rows(committed_db, ENDED)
    assert (ended.user_id, ended.ended_why) == (market.user_id, "other_person")
    (live,) = await rows(committed_db, LIVE)
    assert live.user_id == stranger
    async with market.client() as client:
        assert (await client.get("/api/notices/push")).json()["devices"] == []


async def test_nobody_has_more_devices_than_are_shown(market: Market) -> None:
    for _ in range(MOST_DEVICES):
        await a_device(market)
    refused = await add(market, await a_browser(market))
    assert (refused.status_code, refused.json()["code"]) == (409, "device-not-taken")


@pytest.mark.parametrize(
    "changes",
    [
        {"endpoint": "http://push.example/x"},
        {"endpoint": "https://127.0.0.1/x"},
        {"endpoint": "https://169.254.169.254/latest"},
        {"endpoint": "https://[::1]/x"},
        {"endpoint": "https://10.1.2.3:443/x"},
        {"endpoint": "https://1.1.1.1:8443/x"},
        {"endpoint": "https://user@1.1.1.1/x"},
        {"endpoint": "https://no-such-host.invalid/x"},
        {"endpoint": "javascript:alert(1)"},
        {"endpoint": "https://1.1.1.1/" + "x" * 2000},
        {"endpoint": "https://1.1.1.1/a b"},
        {"keys": {"p256dh": "A" * 87, "auth": "A" * 22}},
        {"keys": {"p256dh": "A", "auth": "A"}},
        {"expirationTime": None},
    ],
)
async def test_a_hostile_subscription_is_refused(
    market: Market, committed_db: SessionMaker, changes: dict[str, Any]
) -> None:
    device = await a_browser(market)
    answer = await add(market, Device(device.name, {**device.subscription, **changes}))
    assert answer.status_code == 422
    assert await rows(committed_db, LIVE) == []


async def test_each_person_chooses_what_its_devices_show(
    market: Market, committed_db: SessionMaker, worker: Resources
) -> None:
    await a_device(market)
    async with market.client() as client:
        answer = await client.put("/api/notices/push/settings", json={"push": ["leads"]})
        assert (answer.status_code, answer.json()) == (200, {"push": ["leads"]})
        assert (await client.get("/api/notices/push")).json()["push"] == ["leads"]
        assert (await client.put("/api/notices/push/settings", json={"push": ["x"]})).status_code == 422
        assert len((await client.get("/api/notices/settings")).json()["email"]) == 4
    await leave(market, committed_db, NoticeName.PLAN_OFFERED)
    assert await gather(worker) == 0


async def test_the_page_lists_devices_and_ends_them(
    market: Market, browser: Browser, committed_db: SessionMaker
) -> None:
    page = (await browser.http.get("/my/notices")).text
    assert f'data-key="{market.resources.settings.vapid.public}"' in page
    assert "Your devices" not in page
    await a_device(market)
    assert "Chrome on Android" in (await browser.http.get("/my/notices")).text
    (device,) = await rows(committed_db, LIVE)
    path = f"/my/notices/push/{device.id}/end"
    assert (await browser.http.post(path)).status_code == 403, "a form without its proof"
    done = await browser.send(path)
    assert (done.status_code, done.headers["location"]) == (303, "/my/notices#on-devices")
    assert await rows(committed_db, LIVE) == []
    kept = await browser.send("/my/notices/push/settings", push="plan")
    assert kept.status_code == 303
    (row,) = await rows(committed_db, "SELECT notice_push FROM users WHERE id = :id", id=market.user_id)
    assert row.notice_push == ["plan"]


async def test_without_a_key_nothing_is_offered_and_nothing_sent(
    market: Market, browser: Browser, committed_db: SessionMaker, worker: Resources
) -> None:
    device = await a_browser(market)
    object.__setattr__(market.resources.own, "vapid", None)
    assert "On this device" not in (await browser.http.get("/my/notices")).text
    async with market.client() as client:
        asked = await client.get("/api/notices/push")
    added = await add(market, device)
    for refused in (asked, added):
        assert (refused.status_code, refused.json()["code"]) == (404, "push-absent")
        assert "MARKETPLACE_VAPID_PRIVATE_KEY" in refused.json()["detail"]
    bare = worker.settings.model_copy(
        update={"vapid_private_key": type(worker.settings.vapid_private_key)("")}
    )
    resources = replace(worker, settings=bare)
    step = await run_step(service, resources, await begin(resources, "push_notices"), "push_notices")
    assert step.status == "skipped"


async def test_a_device_of_an_earlier_key_takes_nothing(
    market: Market, committed_db: SessionMaker, worker: Resources
) -> None:
    await a_device(market)
    async with committed_db.begin() as session:
        await session.execute(text("UPDATE push_subscriptions SET vapid_key = 'an earlier one'"))
    await leave(market, committed_db, NoticeName.PLAN_OFFERED)
    assert await gather(worker) == 0
    async with market.client() as client:
        assert (await client.get("/api/notices/push")).json()["devices"] == []


async def test_the_worker_script_may_answer_for_this_page_alone(market: Market) -> None:
    async with market.door.client() as client:
        worker = await client.get("/static/push-worker.js")
    assert worker.headers["service-worker-allowed"] == "/my/notices"
