"""A buyer's numbers: each equals a hand calculation, and each company sees its own."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import text

from shared.db.engine import SessionMaker
from tests.factories.leads import make_buyer
from tests.factories.outcomes import DAY, make_sale, tell
from tests.integration.marketplace.conftest import Market, rows

SETTLED = """
    INSERT INTO guarantee_settlements (contractor_id, period, leads, tried, ended, won, spent_cents, credit_cents,
                                       settled_at)
    VALUES (:contractor, :period, 20, 20, 20, 3, 100000, :cents, now() - make_interval(days => :days))
"""


async def a_history(market: Market, db: SessionMaker) -> dict[str, UUID]:
    """Five leads of two cities: a big job, a small one, a quote, one untouched and one that came back; one too old."""
    buyer, keys = (market.contractor_id, market.user_id), market.resources.keys
    async with db.begin() as session:
        sales = {
            "big": await make_sale(session, keys, buyer, minutes=70 * DAY, grade="A", cents=20_000),
            "small": await make_sale(session, keys, buyer, minutes=69 * DAY, grade="B", cents=17_500),
            "quote": await make_sale(session, keys, buyer, minutes=3 * DAY, grade="A", cents=20_000),
            "still": await make_sale(session, keys, buyer, minutes=60, grade="B", cents=15_000, city="Anvil"),
            "back": await make_sale(
                session, keys, buyer, minutes=40 * DAY, grade="B", status="refunded", cents=17_500
            ),
            "old": await make_sale(session, keys, buyer, minutes=800 * DAY, grade="A"),
        }
        await tell(session, sales["big"], "contacted", after=30, stars=2)
        await tell(session, sales["big"], "quoted", after=2 * DAY, cents=2_000_000, stars=5)
        await tell(session, sales["big"], "won", after=10 * DAY, cents=1_800_000)
        await tell(session, sales["small"], "contacted", after=90)
        await tell(session, sales["small"], "won", after=20 * DAY, cents=400_050, stars=4)
        await tell(session, sales["quote"], "contacted", after=240)
        await tell(session, sales["quote"], "quoted", after=DAY)
        await tell(session, sales["back"], "contacted", after=5, stars=1)
        await tell(session, sales["old"], "contacted", after=1)
        await tell(session, sales["old"], "won", after=DAY)
        for period, cents, days in ((1, 7_500, 20), (0, 90_000, 700)):
            values = {"contractor": market.contractor_id, "period": period, "cents": cents, "days": days}
            await session.execute(text(SETTLED), values)
    return sales


async def numbers(market: Market, **query: Any) -> httpx.Response:
    async with market.client() as client:
        return await client.get("/api/analytics", params=query)


async def test_every_figure_equals_a_hand_calculation(market: Market, committed_db: SessionMaker) -> None:
    await a_history(market, committed_db)

    said = (await numbers(market)).json()

    assert said["total"] == {
        "name": "All leads", "bought": 5, "came_back": 1, "contacted": 3, "quoted": 2, "won": 2,
        "spent_cents": 20_000 + 17_500 + 20_000 + 15_000,
        "revenue_cents": 1_800_000 + 400_050,
        "conversion": 0.5,
        "roi": round((2_200_050 - 65_000) / 65_000, 4),
        "first_contact_minutes": 90.0,
        "days_to_close": 15.0,
        "stars": 4.5,
        "rated": 2,
    }  # fmt: skip
    assert (said["guarantee_cents"], said["net_cents"]) == (7_500, 65_000)
    by_grade = {each["name"]: (each["bought"], each["won"], each["spent_cents"]) for each in said["by_grade"]}
    assert by_grade == {"A": (2, 1, 40_000), "B": (3, 1, 32_500)}
    by_city = {each["name"]: (each["bought"], each["revenue_cents"]) for each in said["by_city"]}
    assert by_city == {"Harrow, TX": (4, 2_200_050), "Anvil, TX": (1, 0)}
    bought = await rows(
        committed_db,
        "SELECT to_char(sold_at AT TIME ZONE 'UTC', 'YYYY-MM') AS month, count(*) AS leads FROM sales GROUP BY 1",
    )
    told = {each["name"]: each["bought"] for each in said["by_month"] if each["bought"]}
    assert told == {row.month: row.leads for row in bought if row.month in told}
    assert (len(said["by_month"]), sum(told.values())) == (12, 5)


async def test_the_time_to_the_owner_runs_from_the_first_look(
    market: Market, committed_db: SessionMaker
) -> None:
    async with committed_db.begin() as session:
        sale = await make_sale(
            session, market.resources.keys, (market.contractor_id, market.user_id), minutes=500
        )
        await session.execute(text("UPDATE sales SET revealed_at = sold_at + interval '100 minutes'"))
        await tell(session, sale, "contacted", after=130)
    assert (await numbers(market)).json()["total"]["first_contact_minutes"] == 30.0
    async with committed_db.begin() as session:
        await session.execute(text("UPDATE sales SET revealed_at = sold_at + interval '200 minutes'"))
    assert (await numbers(market)).json()["total"]["first_contact_minutes"] == 130.0


async def test_a_company_sees_its_own_numbers_and_a_span_that_cannot_be_is_named(
    market: Market, committed_db: SessionMaker
) -> None:
    await a_history(market, committed_db)
    async with committed_db.begin() as session:
        contractor_id, user_id = await make_buyer(session)
    stranger = Market(market.door, market.town, market.lead_id, contractor_id, user_id)
    assert (await numbers(stranger)).json()["total"]["bought"] == 0
    async with stranger.client() as client:
        page = await client.get("/my/analytics")
    assert "No leads bought since" in page.text
    for months in (0, 37, "x"):
        refused = await numbers(market, months=months)
        assert (refused.status_code, "months" in refused.text) == (422, True)


async def test_the_page_shows_the_numbers_beside_its_charts(
    market: Market, committed_db: SessionMaker
) -> None:
    await a_history(market, committed_db)
    async with market.client() as client:
        page = await client.get("/my/analytics?months=3")
    assert page.status_code == 200
    for words in ("Paid after credits", "$650", "$22,000.50", "1 h 30 min", "50.0%", "<svg", "Anvil, TX"):
        assert words in page.text
    assert "style=" not in page.text.split("<main")[1]
