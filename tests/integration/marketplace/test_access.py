"""Who may buy and see at this moment: logged in, in order, within reach, and not too often."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest
from sqlalchemy import text

from shared.db.engine import SessionMaker
from shared.security.policy import Role
from tests.factories.leads import make_buyer, make_lead
from tests.integration.marketplace.conftest import Market, rows

ENDED = {
    "disabled": "UPDATE users SET disabled_at = now()",
    "logged out": "UPDATE refresh_tokens SET revoked_at = now()",
}


async def change(db: SessionMaker, statement: str) -> None:
    async with db.begin() as session:
        await session.execute(text(statement))


def set_limits(market: Market, **limits: int) -> None:
    """Let the marketplace work with these settings."""
    settings = market.resources.settings.model_copy(update=limits)
    market.door.app.state.resources = replace(market.resources, settings=settings)


@pytest.mark.parametrize("how", sorted(ENDED))
async def test_an_ended_session_neither_buys_nor_sees(
    market: Market, committed_db: SessionMaker, how: str
) -> None:
    sale = (await market.buy()).json()
    await change(committed_db, ENDED[how])

    async with market.client() as client:
        answers = [
            await client.get(path)
            for path in (
                "/api/leads",
                "/api/leads/my-leads",
                f"/api/leads/{market.lead_id}",
                f"/api/sales/{sale['sale_id']}",
                "/api/contractors",
            )
        ]
    async with committed_db.begin() as session:
        other = await make_lead(session, market.resources.keys)

    assert [answer.status_code for answer in [*answers, await market.buy(other)]] == [401] * 6
    assert len(await market.charges()) == 1


async def test_a_withdrawn_contractor_neither_buys_nor_sees_the_owner(
    market: Market, committed_db: SessionMaker
) -> None:
    await market.buy()
    await change(committed_db, "UPDATE contractors SET acquisition_status = 'churned' WHERE NOT sandbox")
    async with committed_db.begin() as session:
        other = await make_lead(session, market.resources.keys)

    async with market.client() as client:
        seen = await client.get(f"/api/leads/{market.lead_id}")
    bought = await market.buy(other)

    assert [(answer.status_code, answer.json()["code"]) for answer in (seen, bought)] == [
        (403, "sale-refused")
    ] * 2


@pytest.mark.parametrize(
    "beyond",
    [
        """service_areas = '[{"city": "Sable", "state": "OH", "radius_miles": 5}]'""",
        "service_areas = NULL",
        "preferred_score_min = 95",
    ],
)
async def test_a_lead_that_is_not_offered_cannot_be_bought_and_looks_like_a_missing_one(
    market: Market, committed_db: SessionMaker, beyond: str
) -> None:
    await change(committed_db, f"UPDATE contractors SET {beyond} WHERE NOT sandbox")

    answers = [await market.buy(), await market.buy(uuid4())]

    bodies = [
        {name: value for name, value in answer.json().items() if name in ("status", "code", "title")}
        for answer in answers
    ]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert bodies[0] == bodies[1]
    assert (await rows(committed_db, "SELECT status FROM base_leads"))[0].status == "available"


async def test_one_contractor_keeps_few_leads_off_the_market(
    market: Market, committed_db: SessionMaker
) -> None:
    set_limits(market, open_sales=2)
    async with committed_db.begin() as session:
        leads = [await make_lead(session, market.resources.keys) for _ in range(6)]
    await market.fault(fault="drop", count=100, match="/v1/payment_intents")

    answers = await asyncio.gather(*(market.buy(lead) for lead in leads))

    refused = [answer for answer in answers if answer.status_code == 409]
    assert len(refused) == 4
    assert {answer.json()["code"] for answer in refused} == {"too-many-open-sales"}
    held = await rows(committed_db, "SELECT 1 FROM base_leads WHERE status = 'reserved'")
    assert len(held) == 2


async def test_one_account_asks_only_so_often_and_another_is_not_held_up(
    market: Market, committed_db: SessionMaker
) -> None:
    set_limits(market, purchases_per_minute=2, lead_reads_per_minute=3)

    bought = [await market.buy(key="purchase-0001") for _ in range(3)]
    async with market.client() as client:
        read = [await client.get(f"/api/leads/{market.lead_id}") for _ in range(4)]

    assert [answer.status_code for answer in bought] == [202, 202, 429]
    assert [answer.status_code for answer in read] == [200, 200, 200, 429]
    for answer in (bought[-1], read[-1]):
        assert answer.json()["code"] == "too-many-requests"
        assert 1 <= int(answer.headers["retry-after"]) <= 60
    async with market.door.client(token=await another_buyer(market, committed_db)) as client:
        assert (await client.get("/api/leads")).status_code == 200


async def another_buyer(market: Market, db: SessionMaker) -> str:
    async with db.begin() as session:
        contractor_id, user_id = await make_buyer(session)
    return market.door.user_token(Role.CONTRACTOR_OWNER, contractor_id=contractor_id, user_id=user_id)
