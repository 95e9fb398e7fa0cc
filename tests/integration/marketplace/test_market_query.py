"""What a buyer may ask the market for, and that the price it saw is the price it pays."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from shared.db.engine import SessionMaker
from tests.factories.leads import make_lead
from tests.integration.marketplace.conftest import Market, rows

STORM = text(
    """
    INSERT INTO lead_triggers (base_lead_id, trigger_type, trigger_date, trigger_strength, trigger_details)
    VALUES (:lead, 'weather_event', now(), 80, '{}')
    """
)
ROOF = text(
    """
    INSERT INTO roof_analysis (base_lead_id, overall_condition, calibrated_confidence, is_current, image_domain, urgency,
                               workflow_id)
    VALUES (:lead, 'poor', 0.9, true, 'rendered', 70, gen_random_uuid())
    """
)


async def _second(market: Market, db: SessionMaker) -> UUID:
    """A worse, cheaper lead with a bad roof under a storm, 40 miles from the town."""
    async with db.begin() as session:
        lead = await make_lead(
            session,
            market.resources.keys,
            quality_score=64,
            grade="D",
            price="75.00",
            geom="SRID=4326;POINT(-98.2 32.4)",
        )
        for statement in (STORM, ROOF):
            await session.execute(statement, {"lead": lead})
    return lead


async def _asked(market: Market, query: dict[str, Any]) -> list[str]:
    async with market.client() as client:
        answer = await client.get("/api/leads", params=query)
    assert answer.status_code == 200, answer.text
    return [lead["id"] for lead in answer.json()]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, "first second"),
        ({"sort": "price"}, "second first"),
        ({"storm": "true"}, "second"),
        ({"condition": "poor"}, "second"),
        ({"min_urgency": 70}, "second"),
        ({"min_urgency": 71}, ""),
        ({"max_price": 75}, "second"),
        ({"min_score": 65}, "first"),
        ({"max_miles": 20}, "first"),
        ({"max_miles": 80}, "first second"),
        ({"grade": ""}, "first second"),
    ],
)
async def test_every_filter_and_order_of_the_market(
    market: Market, committed_db: SessionMaker, query: dict[str, Any], found: str
) -> None:
    second = await _second(market, committed_db)
    names = {str(market.lead_id): "first", str(second): "second"}
    assert " ".join(names[lead] for lead in await _asked(market, query)) == found


@pytest.mark.parametrize(("sort", "value"), [("score", "score"), ("price", "price")])
async def test_pages_of_every_order_follow_each_other(
    market: Market, committed_db: SessionMaker, sort: str, value: str
) -> None:
    async with committed_db.begin() as session:
        for price in ("75.00", "75.00", "120.00"):
            await make_lead(session, market.resources.keys, price=price, quality_score=int(float(price) / 2))
    seen: list[str] = []
    after: dict[str, Any] = {}
    async with market.client() as client:
        while page := (await client.get("/api/leads", params={"sort": sort, "limit": 1, **after})).json():
            seen += [lead["id"] for lead in page]
            after = {f"after_{value}": page[-1][value], "after_id": page[-1]["id"]}

    assert seen == await _asked(market, {"sort": sort})
    assert len(seen) == len(set(seen)) == 4


async def test_a_lead_that_costs_something_else_by_now_is_not_bought(
    market: Market, committed_db: SessionMaker
) -> None:
    async with market.client() as client:
        answers = [
            await client.post(
                f"/api/leads/{market.lead_id}/purchase",
                json={"payment_method": "pm_card_visa", "price": price},
                headers={"Idempotency-Key": f"purchase-at-{price}"},
            )
            for price in ("150", "175")
        ]

    assert [answer.status_code for answer in answers] == [409, 202]
    assert (answers[0].json()["code"], answers[0].json()["price"]) == ("price-changed", "175.00")
    assert len(await market.charges()) == 1
    assert len(await rows(committed_db, "SELECT 1 FROM sales")) == 1
