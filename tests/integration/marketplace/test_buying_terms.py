"""Head starts, caps and wanted scores at the list and at the purchase."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from shared.db.engine import SessionMaker
from tests.factories.leads import make_buyer, make_lead
from tests.integration.marketplace.conftest import Market, rows

PREFERENCES = "/api/contractors/me/preferences"


async def change(db: SessionMaker, statement: str, **values: Any) -> None:
    """Carry out a statement."""
    async with db.begin() as session:
        await session.execute(text(statement), values)


@pytest.mark.parametrize(
    ("own", "other", "age", "offered"),
    [
        (None, None, 0, True),
        (None, "starter", 0, True),
        ("starter", "professional", 14, False),
        ("starter", "professional", 15, True),
        ("starter", "enterprise", 29, False),
        ("starter", "enterprise", 30, True),
        ("professional", "enterprise", 14, False),
        ("professional", "enterprise", 15, True),
        ("enterprise", "professional", 0, True),
    ],
)
async def test_a_new_lead_is_offered_to_better_tiers_first(  # noqa: PLR0917 - a table of cases
    market: Market, committed_db: SessionMaker, own: str | None, other: str | None, age: int, offered: bool
) -> None:
    async with committed_db.begin() as session:
        await make_buyer(session, subscription_tier=other)
    await change(
        committed_db,
        "UPDATE contractors SET subscription_tier = :tier WHERE id = :id",
        tier=own,
        id=market.contractor_id,
    )
    await change(
        committed_db, "UPDATE base_leads SET published_at = now() - :age * interval '1 minute'", age=age
    )

    async with market.client() as client:
        listed = (await client.get("/api/leads")).json()
        shown = (await client.get(f"/api/leads/{market.lead_id}")).status_code
    answer = await market.buy()

    assert (len(listed), shown) == ((1, 200) if offered else (0, 404))
    assert answer.status_code == (202 if offered else 409)
    assert offered or answer.json()["code"] == "lead-too-new"


@pytest.mark.parametrize("cap", [{"daily_cap": 2}, {"weekly_cap": 2}])
async def test_a_cap_holds_however_many_purchases_come_at_once(
    market: Market, committed_db: SessionMaker, cap: dict[str, int]
) -> None:
    async with committed_db.begin() as session:
        leads = [await make_lead(session, market.resources.keys) for _ in range(6)]
    async with market.client() as client:
        view = (await client.put(PREFERENCES, json=cap)).json()

    answers = await asyncio.gather(*(market.buy(lead) for lead in leads))

    async with market.client() as client:
        listed, after = (await client.get("/api/leads")).json(), (await client.get(PREFERENCES)).json()
    assert (view["bought_today"], view["cap_reached"]) == (0, None)
    assert sorted(answer.status_code for answer in answers) == [202, 202, 409, 409, 409, 409]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"cap-reached"}
    assert listed == []
    assert (after["bought_today"], after["bought_this_week"]) == (2, 2)
    assert after["cap_reached"].startswith("2 a ")
    statuses = await rows(committed_db, "SELECT status, count(*) AS n FROM base_leads GROUP BY 1")
    assert {row.status: row.n for row in statuses} == {"sold": 2, "available": 5}


async def test_a_day_ends_by_the_buyers_clock_and_a_returned_lead_takes_no_room(
    market: Market, committed_db: SessionMaker
) -> None:
    await change(
        committed_db,
        "UPDATE contractors SET daily_cap = 1, weekly_cap = 9, time_zone = 'America/Chicago' WHERE id = :id",
        id=market.contractor_id,
    )
    await market.buy()
    async with committed_db.begin() as session:
        lead = await make_lead(session, market.resources.keys)
    moved = "UPDATE sales SET reserved_at = date_trunc('day', now(), 'America/Chicago') + :by * interval '1 second'"
    await change(committed_db, moved, by=0)
    first = await market.buy(lead)
    await change(committed_db, moved, by=-1)
    second = await market.buy(lead)

    assert (first.status_code, first.json().get("code"), second.status_code) == (409, "cap-reached", 202)


async def test_wanted_scores_are_set_by_the_owner_audited_and_kept_from_nonsense(
    market: Market, committed_db: SessionMaker
) -> None:
    async with market.client() as client:
        wrong = await client.put(PREFERENCES, json={"preferred_score_min": 90, "preferred_score_max": 80})
        await client.put(PREFERENCES, json={"preferred_score_min": 83})
        listed = (await client.get("/api/leads")).json()
        await client.put(PREFERENCES, json={"preferred_score_max": 82})
        again = (await client.get("/api/leads")).json()

    assert wrong.status_code == 422
    assert "preferred_score_min" in wrong.text
    assert (listed, len(again)) == ([], 1)
    trail = await rows(committed_db, "SELECT details FROM audit_log WHERE action = 'buyer.set_preferences'")
    assert {row.details["preferred_score_min"] for row in trail} == {83, None}
