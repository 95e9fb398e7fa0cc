"""Seeds: one a key, in one buyer's files for nothing, under alarm when somebody else writes to them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from redis.asyncio import Redis
from sqlalchemy import text

from services.marketplace.app import service
from services.marketplace.settings import MarketplaceSettings
from shared.db.engine import SessionMaker
from shared.schemas.enums import UserRole
from tests.factories.accounts import PASSWORD, make_staff
from tests.factories.aged import aged_line
from tests.factories.leads import make_buyer
from tests.factories.services import running, settings_with_keys
from tests.integration.marketplace.conftest import rows, violations
from tests.integration.marketplace.test_aged_sales import FRESH_LIST, Stall, table, wanted
from tests.integration.marketplace.test_desk_work import PAGE, send

DOMAIN = "letters.example"


@pytest.fixture
async def stall(
    database_url: str, redis_url: str, redis: Redis, committed_db: SessionMaker, tmp_path: Path
) -> AsyncIterator[Stall]:
    settings = settings_with_keys(
        MarketplaceSettings,
        database_url=database_url,
        redis_url=redis_url,
        seed_mail_domain=DOMAIN,
        cookie_secure=False,
    )
    async with running(service, settings) as door:
        async with committed_db.begin() as session:
            client_id, user_id = await make_buyer(session)
            await session.execute(text(FRESH_LIST))
        yield Stall(door, committed_db, tmp_path, client_id, user_id)


@pytest.fixture
async def desk(stall: Stall) -> AsyncIterator[httpx.AsyncClient]:
    async with stall.db.begin() as session:
        email = await make_staff(session, UserRole.OPS)
    async with stall.door.client(headers=PAGE, timeout=60) as client:
        entered = await client.post("/login", data={"email": email, "password": PASSWORD})
        assert entered.status_code == 303, entered.text
        client.headers["x-csrf-token"] = client.cookies["ridgeline_csrf"]
        client.headers["accept"] = "application/json"
        yield client


async def plant(desk: httpx.AsyncClient, buyer: UUID, key: str | None = None) -> httpx.Response:
    return await desk.post(
        f"/api/ops/contractors/{buyer}/seeds",
        json={"reason": "spring check"},
        headers={"Idempotency-Key": key or uuid4().hex},
    )


async def sight(desk: httpx.AsyncClient, seed_id: str, sender: str, **changes: Any) -> httpx.Response:
    body = {"sender": sender, "seen_at": datetime.now(UTC).isoformat(), "note": "a roof offer"} | changes
    return await desk.post(f"/api/ops/seeds/{seed_id}/sightings", json=body)


async def handed(stall: Stall, desk: httpx.AsyncClient) -> str:
    """The id of a seed that the buyer has in a file."""
    seed = (await plant(desk, stall.client_id)).json()
    await stall.stock(aged_line(1))
    bought = (await stall.buy()).json()
    assert len(table(await stall.file(batch_id=bought["batch_id"]))) == 2
    return str(seed["id"])


async def test_a_seed_is_in_the_files_of_one_purchase_and_costs_nothing(
    stall: Stall, desk: httpx.AsyncClient, committed_db: SessionMaker
) -> None:
    await stall.stock(*(aged_line(number) for number in range(3)))
    first, second = (await stall.buy(wanted(2))).json(), (await stall.buy()).json()
    planted = (await plant(desk, stall.client_id)).json()
    books = await rows(committed_db, "SELECT count(*) AS n, sum(price_cents) AS cents FROM aged_sales")

    (*leads, seed) = table(await stall.file(batch_id=first["batch_id"]))
    again = table(await stall.file(batch_id=first["batch_id"]))
    by_ids = table(await stall.file(sale_ids=[*first["sale_ids"], seed["sale_id"]]))
    other = table(await stall.file(batch_id=second["batch_id"]))

    assert len(leads) == 2
    assert (seed["sale_id"], seed["email"], seed["purchase_price"]) == (
        planted["id"],
        planted["email"],
        "0.00",
    )
    assert (seed["city"], seed["state"], seed["phone"], seed["address"]) == ("Shreveport", "LA", "", "")
    assert seed["email"].endswith(f"@{DOMAIN}")
    assert again == by_ids == [*leads, seed]
    assert len(other) == 1
    assert (
        await rows(committed_db, "SELECT count(*) AS n, sum(price_cents) AS cents FROM aged_sales") == books
    )
    assert await violations(committed_db) == {}


async def test_another_buyer_gets_no_seed_and_cannot_ask_for_it(
    stall: Stall, desk: httpx.AsyncClient
) -> None:
    seed_id = await handed(stall, desk)
    async with stall.db.begin() as session:
        other, person = await make_buyer(session)
    async with stall.http(client_id=other, user_id=person) as http:
        asked = await http.post(
            "/api/v1/purchases/download", json={"client_id": str(other), "sale_ids": [seed_id]}
        )
        ops = await http.get(f"/api/ops/contractors/{stall.client_id}/seeds")

    assert (asked.status_code, ops.status_code) == (404, 403)


async def test_two_plants_with_one_key_are_one(stall: Stall, desk: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(plant(desk, stall.client_id, "the-same-key") for _ in range(2)))

    assert [answer.status_code for answer in answers] == [201, 201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    listed = (await desk.get(f"/api/ops/contractors/{stall.client_id}/seeds")).json()
    assert [seed["handed_at"] for seed in listed] == [None]


async def test_a_seed_needs_terms_that_tell_of_it_and_few_may_wait(
    stall: Stall, desk: httpx.AsyncClient
) -> None:
    several = await asyncio.gather(*(plant(desk, stall.client_id) for _ in range(7)))
    assert sorted(answer.status_code for answer in several) == [201] * 5 + [409] * 2
    await stall.run("UPDATE buyer_checks SET about = '2026-11' WHERE item = 'agreement'")
    old = await plant(desk, stall.client_id)
    assert (old.status_code, old.json()["code"]) == (409, "seed-refused")
    assert "2026-12" in old.json()["detail"]
    assert (await plant(desk, uuid4())).status_code == 404


async def test_mail_of_the_buyer_is_no_alarm_and_anybody_elses_is_one_alarm(
    stall: Stall, desk: httpx.AsyncClient, committed_db: SessionMaker
) -> None:
    seed_id = await handed(stall, desk)
    await stall.run(
        "UPDATE contractors SET email = 'office@harrow.example' WHERE id = :id", id=stall.client_id
    )

    calm = (await sight(desk, seed_id, "sales@harrow.example")).json()
    loud = await asyncio.gather(*(sight(desk, seed_id, f"x@buyer{n}.example") for n in range(3)))

    assert (calm["alarm_at"], [each["by_buyer"] for each in calm["sightings"]]) == (None, [True])
    assert {answer.status_code for answer in loud} == {201}
    (seed,) = (await desk.get(f"/api/ops/contractors/{stall.client_id}/seeds")).json()
    assert seed["alarm_at"] is not None
    assert len(seed["sightings"]) == 4
    trail = await rows(committed_db, "SELECT 1 FROM audit_log WHERE action = 'seed.alarm'")
    assert len(trail) == 1
    assert await rows(committed_db, "SELECT 1 FROM buyer_cases") == []


async def test_a_mail_told_twice_is_one_and_an_impossible_one_is_refused(
    stall: Stall, desk: httpx.AsyncClient
) -> None:
    waiting = (await plant(desk, stall.client_id)).json()["id"]
    early = await sight(desk, waiting, "x@other.example")
    assert (early.status_code, early.json()["code"]) == (409, "seed-refused")
    await stall.stock(aged_line(1))
    bought = (await stall.buy()).json()
    await stall.file(batch_id=bought["batch_id"])
    now = datetime.now(UTC)

    twice = [await sight(desk, waiting, "x@other.example", seen_at=now.isoformat()) for _ in range(2)]
    future = await sight(desk, waiting, "x@other.example", seen_at=(now + timedelta(hours=1)).isoformat())
    before = await sight(desk, waiting, "x@other.example", seen_at=(now - timedelta(days=1)).isoformat())

    assert len(twice[1].json()["sightings"]) == 1
    assert (future.status_code, before.status_code) == (422, 409)
    assert (await sight(desk, str(uuid4()), "x@other.example")).status_code == 404


async def test_the_desk_plants_and_shows_an_alarm(stall: Stall, desk: httpx.AsyncClient) -> None:
    desk.headers["accept"] = PAGE["accept"]
    page = f"/ops/buyers/{stall.client_id}"

    sent = [await send(desk, f"{page}/seeds", note="by page", key="key-of-the-form") for _ in range(2)]
    await stall.stock(aged_line(1))
    bought = (await stall.buy()).json()
    await stall.file(batch_id=bought["batch_id"])
    (seed,) = (await desk.get(f"/api/ops/contractors/{stall.client_id}/seeds")).json()
    seen = {"sender": "x@other.example", "seen_at": "2020-01-01T10:00", "note": "offer"}
    early = await send(desk, f"/ops/seeds/{seed['id']}/sightings", **seen)
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    noted = await send(desk, f"/ops/seeds/{seed['id']}/sightings", **{**seen, "seen_at": stamp})

    assert [answer.status_code for answer in (*sent, early, noted)] == [303, 303, 409, 303]
    shown = (await desk.get(page)).text
    assert "Alarm since" in shown
    assert "other.example (somebody else)" in shown
    assert (await desk.get("/ops/buyers?all_of_them=true")).text.count("Seed alarm") == 1


async def test_an_alarm_waits_until_it_is_settled_once_and_a_further_mail_raises_it_again(
    stall: Stall, desk: httpx.AsyncClient, committed_db: SessionMaker
) -> None:
    seed_id = await handed(stall, desk)
    path = f"/api/ops/seeds/{seed_id}/settlement"
    assert (await desk.post(path, json={"note": "nothing yet"})).json()["code"] == "no-alarm"
    stamp = datetime.now(UTC).isoformat()
    await sight(desk, seed_id, "x@other.example", seen_at=stamp)
    assert await waits(desk) == ([seed_id], 1)

    settled = await asyncio.gather(*(desk.post(path, json={"note": "A forged sender."}) for _ in range(4)))
    assert sorted(answer.status_code for answer in settled) == [200, 409, 409, 409]
    await sight(desk, seed_id, "x@other.example", seen_at=stamp)
    assert await waits(desk) == ([], 0)
    (seed,) = (await desk.get("/api/ops/seeds/alarms")).json()["items"]
    assert (seed["settled_note"], seed["settled_at"] is None) == ("A forged sender.", False)

    again = (await sight(desk, seed_id, "y@third.example")).json()
    assert (again["settled_at"], again["settled_note"]) == (None, None)
    assert await waits(desk) == ([seed_id], 1)
    trail = await rows(
        committed_db, "SELECT action, reason FROM audit_log WHERE action LIKE 'seed.%' ORDER BY occurred_at"
    )
    assert [row.action for row in trail] == ["seed.plant", "seed.alarm", "seed.settle", "seed.alarm"]
    assert trail[2].reason == "A forged sender."


async def waits(desk: httpx.AsyncClient) -> tuple[list[str], int]:
    """The open alarms, and how many of them the desk's first page counts."""
    listed = (await desk.get("/api/ops/seeds/alarms", params={"settled": False})).json()["items"]
    told = (await desk.get("/api/ops/waiting")).json()
    (count,) = [line["count"] for line in told if line["work"] == "alarms"]
    return [seed["id"] for seed in listed], count


async def test_the_desk_settles_an_alarm_and_a_buyer_cannot(stall: Stall, desk: httpx.AsyncClient) -> None:
    seed_id = await handed(stall, desk)
    await sight(desk, seed_id, "x@other.example")
    async with stall.http() as http:
        theirs = await http.post(f"/api/ops/seeds/{seed_id}/settlement", json={"note": "no"})
        list_of_all = await http.get("/api/ops/seeds/alarms")
    desk.headers["accept"] = PAGE["accept"]
    before = (await desk.get("/ops/seeds")).text

    sent = await send(desk, f"/ops/seeds/{seed_id}/settlement", note="Told the company.")

    assert (theirs.status_code, list_of_all.status_code, sent.status_code) == (403, 403, 303)
    assert "Settle the alarm" in before
    assert "other.example (somebody else)" in before
    assert "No seed alarm waits" in (await desk.get("/ops/seeds")).text
    assert "Told the company." in (await desk.get("/ops/seeds?all_of_them=true")).text
    company = (await desk.get(f"/ops/buyers/{stall.client_id}")).text
    assert "Alarm settled" in company
    assert "Settle the alarm" not in company
    assert "Seed alarm</" not in (await desk.get("/ops/buyers?all_of_them=true")).text
