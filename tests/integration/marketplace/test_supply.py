"""A plan is sold where the supply of the buyer's cities covers it; who comes too late waits and is told in turn."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from services.marketplace.service import supply
from shared.db.engine import SessionMaker
from shared.db.rows import all_rows
from shared.security.policy import Role
from tests.factories.leads import make_buyer
from tests.factories.supply import stock
from tests.integration.marketplace.conftest import Market, rows
from tests.integration.marketplace.test_plans import subscribed

PLAN = "/api/contractors/me/plan"


async def ask(
    market: Market, buyer: tuple[UUID, UUID] | None, method: str, path: str, **options: Any
) -> httpx.Response:
    """The answer to a buyer, the market's own for None."""
    token = None
    if buyer is not None:
        token = market.door.user_token(Role.CONTRACTOR_OWNER, contractor_id=buyer[0], user_id=buyer[1])
    async with market.client() if token is None else market.door.client(token=token, timeout=60) as client:
        headers = {"Idempotency-Key": uuid4().hex}
        return await client.request(method, f"{PLAN}/{path}", headers=headers, **options)


async def others(db: SessionMaker, count: int, **changes: Any) -> list[tuple[UUID, UUID]]:
    async with db.begin() as session:
        return [await make_buyer(session, **changes) for _ in range(count)]


async def offered(market: Market) -> int:
    """What the job does every ten minutes."""
    with all_rows():
        return await supply.offer(market.resources)


async def seen(market: Market) -> dict[str, Any]:
    found: dict[str, Any] = (await ask(market, None, "GET", "supply")).raise_for_status().json()
    return found


async def test_the_forecast_counts_leads_and_the_measured_share(
    market: Market, committed_db: SessionMaker
) -> None:
    await stock(committed_db, on_sale=11, in_work=100, sold=29, turned_away=60, old=500)
    found = await seen(market)

    # the market's own lead is on sale as well, by no publication; 11 + 29 of 100 came on sale: 30.9 % to 49.8 %
    assert found["cities"] == ["Harrow, TX"]
    assert (found["on_sale"], found["in_work"], found["decided"]) == (12, 100, 100)
    assert (found["low"], found["high"]) == (12 + 30, 12 + 50)
    assert found["fits"] == ["starter", "professional"]


async def test_a_city_that_is_none_of_ours_brings_nothing(market: Market, committed_db: SessionMaker) -> None:
    [buyer] = await others(
        committed_db, 1, service_areas=[{"city": "Nowhere", "state": "TX", "radius_miles": 9}]
    )
    await stock(committed_db, on_sale=50)
    found = (await ask(market, buyer, "GET", "supply")).json()
    refused = await ask(market, buyer, "POST", "checkout", json={"plan": "starter"})

    assert (found["cities"], found["low"], found["fits"]) == ([], 0, [])
    assert (refused.status_code, refused.json()["code"]) == (409, "no-supply")


async def test_of_two_at_once_one_gets_the_plan_that_there_is(
    market: Market, committed_db: SessionMaker
) -> None:
    await stock(committed_db, on_sale=18)
    buyers = await others(committed_db, 6)
    answers = await asyncio.gather(
        *(ask(market, buyer, "POST", "checkout", json={"plan": "starter"}) for buyer in buyers)
    )
    codes = [answer.status_code for answer in answers]

    assert (codes.count(200), codes.count(409)) == (1, 5)
    assert len(await rows(committed_db, "SELECT 1 FROM plan_subscriptions")) == 1


async def test_who_waits_longest_is_told_first_and_it_is_kept_for_three_days(
    market: Market, committed_db: SessionMaker
) -> None:
    first, second = await others(committed_db, 2)
    for buyer in (first, second):
        assert (await ask(market, buyer, "POST", "wait", json={"plan": "starter"})).status_code == 204
    nothing = await offered(market)
    await stock(committed_db, on_sale=12)
    told = [await offered(market), await offered(market)]
    late = await ask(market, None, "POST", "checkout", json={"plan": "starter"})
    kept = (await ask(market, first, "GET", "supply")).json()
    begun = await ask(market, first, "POST", "checkout", json={"plan": "starter"})

    assert (nothing, told) == (0, [1, 0])
    assert late.status_code == 409
    assert (kept["wait"]["held_until"] is not None, kept["fits"]) == (True, ["starter"])
    assert begun.status_code == 200
    notices = await rows(committed_db, "SELECT contractor_id FROM notifications WHERE kind = 'plan_offered'")
    assert [row.contractor_id for row in notices] == [first[0]]
    left = await rows(committed_db, "SELECT contractor_id FROM plan_waits")
    assert [row.contractor_id for row in left] == [second[0]]


async def test_a_right_that_nobody_used_goes_to_the_next(market: Market, committed_db: SessionMaker) -> None:
    first, second = await others(committed_db, 2)
    for buyer in (first, second):
        await ask(market, buyer, "POST", "wait", json={"plan": "starter"})
    await stock(committed_db, on_sale=12)
    assert await offered(market) == 1
    async with committed_db.begin() as session:
        await session.execute(text("UPDATE plan_waits SET held_until = now() WHERE held_until IS NOT NULL"))

    assert await offered(market) == 1
    left = await rows(committed_db, "SELECT contractor_id FROM plan_waits WHERE held_until > now()")
    assert [row.contractor_id for row in left] == [second[0]]


async def test_a_newcomer_does_not_pass_who_waits_and_can_be_filled(
    market: Market, committed_db: SessionMaker
) -> None:
    small, big = await others(committed_db, 2)
    await ask(market, big, "POST", "wait", json={"plan": "enterprise"})
    await ask(market, small, "POST", "wait", json={"plan": "starter"})
    await stock(committed_db, on_sale=18)
    passing = await ask(market, None, "POST", "checkout", json={"plan": "starter"})
    told = await offered(market)

    assert (passing.status_code, told) == (409, 1)
    kept = await rows(committed_db, "SELECT contractor_id FROM plan_waits WHERE held_until > now()")
    assert [row.contractor_id for row in kept] == [small[0]]


@pytest.mark.parametrize(("on_sale", "changed"), [(38, False), (39, True)])
async def test_a_bigger_plan_needs_supply_for_all_it_includes(
    market: Market, committed_db: SessionMaker, on_sale: int, changed: bool
) -> None:
    await stock(committed_db, on_sale=on_sale)  # and the market's own lead
    await subscribed(market, committed_db)
    answer = await ask(market, None, "POST", "change", json={"plan": "professional"})

    assert answer.status_code == (200 if changed else 409)
    assert await rows(committed_db, "SELECT 1 FROM plan_waits") == []


async def test_there_is_nothing_to_wait_for_where_the_plan_is_to_be_had(
    market: Market, committed_db: SessionMaker
) -> None:
    await stock(committed_db, on_sale=18)
    answer = await ask(market, None, "POST", "wait", json={"plan": "starter"})
    gone = await ask(market, None, "DELETE", "wait")

    assert (answer.status_code, answer.json()["code"]) == (409, "supply-enough")
    assert gone.status_code == 404


async def test_who_waits_may_wait_for_another_plan_and_leave(
    market: Market, committed_db: SessionMaker
) -> None:
    await ask(market, None, "POST", "wait", json={"plan": "starter"})
    [before] = await rows(committed_db, "SELECT created_at FROM plan_waits")
    await ask(market, None, "POST", "wait", json={"plan": "professional"})
    [after] = await rows(committed_db, "SELECT code, created_at FROM plan_waits")
    gone = await ask(market, None, "DELETE", "wait")

    assert (after.code, after.created_at) == ("professional", before.created_at)
    assert gone.status_code == 204
    assert await rows(committed_db, "SELECT 1 FROM plan_waits") == []
