"""The operators' books: each figure equals its rows."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from sqlalchemy import text

from services.marketplace.domain.desk_quality import city_books
from shared.db.engine import SessionMaker
from shared.schemas.enums import UserRole
from shared.security.policy import Role
from tests.factories.leads import make_user
from tests.factories.outcomes import DAY, make_sale, tell
from tests.integration.marketplace.conftest import Market, rows

COST = """
    INSERT INTO api_usage_logs (api_provider, cost, entity_type, entity_id)
    VALUES ('maps', :cost, :kind, :id)
"""


@pytest.fixture
async def story(market: Market, committed_db: SessionMaker) -> dict[str, Any]:
    """Four leads sold in Harrow, one of them long ago and one that came back, and what they cost."""
    buyer, keys = (market.contractor_id, market.user_id), market.resources.keys
    async with committed_db.begin() as session:
        kept = await make_sale(session, keys, buyer, minutes=DAY, cents=17_500)
        rated = await make_sale(session, keys, buyer, minutes=2 * DAY, cents=20_000)
        back = await make_sale(session, keys, buyer, minutes=3 * DAY, status="refunded")
        await make_sale(session, keys, buyer, minutes=100 * DAY)
        await tell(session, rated, "contacted", after=5, stars=5)
        await tell(session, rated, "lost", after=9, stars=2)
        await tell(session, kept, "contacted", after=5, stars=3)
        await session.execute(
            text(
                "INSERT INTO sale_returns (sale_id, contractor_id, reason, explanation, status, decided_at, decided_by,"
                " credit_cents) SELECT id, contractor_id, 'wrong_number', 'A fax.', 'accepted', now(), 'rule', 17500"
                " FROM sales WHERE id = :id"
            ),
            {"id": back},
        )
        (place,) = (
            await session.execute(
                text(
                    "SELECT base_lead_id, city_id FROM sales s JOIN base_leads l ON l.id = base_lead_id WHERE s.id = :id"
                ),
                {"id": kept},
            )
        ).all()
        for cost, kind, id_ in (
            ("1.004", "lead", place.base_lead_id),
            ("0.5", "sale", rated),
            ("2.25", "city", place.city_id),
            ("9.99", "delivery", None),
        ):
            await session.execute(text(COST), {"cost": cost, "kind": kind, "id": id_})
        user_id = await make_user(session, role=UserRole.OPS)
    return {"rated": rated, "operator": user_id}


def desk(market: Market, story: dict[str, Any]) -> httpx.AsyncClient:
    return market.door.client(token=market.door.user_token(Role.OPS, user_id=story["operator"]))


async def test_books_equal_their_rows(
    market: Market, committed_db: SessionMaker, story: dict[str, Any]
) -> None:
    async with desk(market, story) as client:
        said = (await client.get("/api/ops/quality", params={"days": 90})).json()
        page = await client.get("/ops/quality")

    harrow, elsewhere = said["cities"]
    published = await rows(
        committed_db, "SELECT 1 FROM base_leads WHERE published_at > now() - interval '90 days'"
    )
    assert harrow == {
        "city": "Harrow", "state": "TX", "published": len(published), "sold": 3, "came_back": 1,
        "revenue_cents": 37_500, "vendor_cents": 375, "cost_a_lead_cents": 125,
    }  # fmt: skip
    assert (elsewhere["city"], elsewhere["vendor_cents"], elsewhere["cost_a_lead_cents"]) == (None, 999, None)
    assert said["returns"] == [
        {"reason": "wrong_number", "asked": 1, "accepted": 1, "refused": 0, "open": 0, "credit_cents": 17_500}
    ]
    (low,) = said["low_rated"]
    assert (low["sale_id"], low["stars"], low["last_outcome"]) == (str(story["rated"]), 2, "lost")
    assert (said["kept"]["of"], said["kept"]["enough"]) == (3, False)
    for words in ("Harrow, TX", "$375", "$1.25", "No city of ours", "Wrong number", "not enough yet"):
        assert words in page.text


async def test_the_books_are_the_operators(market: Market, story: dict[str, Any]) -> None:
    async with market.client() as client:
        assert (await client.get("/api/ops/quality")).status_code == 403
        assert (await client.get("/ops/quality")).status_code == 403
    async with desk(market, story) as client:
        assert (await client.get("/api/ops/quality", params={"days": 0})).status_code == 422


@pytest.mark.parametrize(("sold", "cents", "each"), [(0, 500, None), (3, 100, 33), (3, 101, 34), (2, 3, 2)])
def test_the_cost_of_a_lead_is_rounded_to_the_cent(sold: int, cents: int, each: int | None) -> None:
    row = {"city": None, "state": None, "published": 0, "came_back": 0, "revenue_cents": 0}
    assert city_books({**row, "sold": sold, "vendor_cents": cents}).cost_a_lead_cents == each
