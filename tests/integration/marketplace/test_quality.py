"""The public page of what leads brought: its numbers are those of the rows."""

from __future__ import annotations

import random
import re
from html import unescape
from typing import Any

from services.marketplace.domain.quality import MIN_REPORTED
from services.marketplace.service.quality import measured_quality
from shared.cli.quality import words_for
from shared.db.engine import SessionMaker
from shared.schemas.shares import wilson_interval
from tests.factories.outcomes import DAY, make_sale, tell
from tests.integration.marketplace.conftest import Market, rows

ROWS = """
    SELECT s.id, l.grade, s.status, extract(epoch FROM now() - s.sold_at) / 86400 AS days
      FROM sales s JOIN base_leads l ON l.id = s.base_lead_id WHERE s.status IN ('sold', 'refunded')
"""
REPORTS = """
    SELECT o.sale_id, o.outcome, extract(epoch FROM o.happened_at - s.sold_at) / 86400 AS after
      FROM sale_outcomes o JOIN sales s ON s.id = o.sale_id
"""


async def page(market: Market) -> tuple[dict[str, Any], str]:
    """What the API and the page say to somebody without a token."""
    async with market.door.client() as anybody:
        said, shown = await anybody.get("/api/quality"), await anybody.get("/quality")
    assert (said.status_code, shown.status_code) == (200, 200), said.text
    words = re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", shown.text)))
    return said.json(), words


async def expected(db: SessionMaker, grade: str | None) -> dict[str, int]:
    """The counts of a grade, lead by lead."""
    reports: dict[Any, list[Any]] = {}
    for report in await rows(db, REPORTS):
        reports.setdefault(report.sale_id, []).append(report)
    counts = dict.fromkeys(("sold", "came_back", "reported", "contacted", "ripe", "won"), 0)
    for sale in await rows(db, ROWS):
        if not 14 < sale.days <= 455 or grade not in {None, sale.grade}:
            continue
        told, back = reports.get(sale.id, []), sale.status == "refunded"
        reached = any(each.outcome == "contacted" and each.after <= 14 for each in told)
        won = any(each.outcome == "won" and each.after <= 90 for each in told)
        ripe = sale.days > 90 and bool(told or back)
        counts["sold"] += 1
        counts["came_back"] += back
        counts["reported"] += bool(told or back)
        counts["contacted"] += reached and not back
        counts["ripe"] += ripe
        counts["won"] += won and ripe and not back
    return counts


async def a_year(market: Market, db: SessionMaker) -> None:
    """Leads of every age and fate, more than enough of grade B and too few of grade A."""
    rng, buyer = random.Random(7), (market.contractor_id, market.user_id)
    async with db.begin() as session:
        for number in range(90):
            days = rng.choice((3, 13, 20, 60, 95, 120, 300, 440, 470))
            sale = await make_sale(
                session,
                market.resources.keys,
                buyer,
                minutes=days * DAY + 5,
                status="refunded" if rng.random() < 0.1 else "sold",
                grade="A" if number % 9 == 0 else "B",
            )
            if rng.random() < 0.2:
                continue
            reached = rng.choice((1, 13, 15))
            await tell(session, sale, "contacted", after=reached * DAY)
            if rng.random() < 0.5:
                await tell(session, sale, "won", after=rng.choice((20, 89, 91)) * DAY)


async def test_page_api_and_command_say_what_the_rows_say(market: Market, committed_db: SessionMaker) -> None:
    await a_year(market, committed_db)

    said, words = await page(market)

    for band in (*said["bands"], said["total"]):
        counts = await expected(committed_db, band["grade"])
        assert {name: band[name] for name in ("sold", "came_back", "reported")} == {
            name: counts[name] for name in ("sold", "came_back", "reported")
        }
        for rate, hits, of in (
            (band["contact"], "contacted", "reported"),
            (band["win"], "won", "ripe"),
        ):
            assert rate["of"] == counts[of]
            if counts[of] < MIN_REPORTED:
                assert rate["share"] is None
                assert f"Not enough yet: {counts[of]} of {MIN_REPORTED}" in words
            else:
                low, high = wilson_interval(counts[hits], counts[of])
                assert (rate["hits"], rate["low"], rate["high"]) == (
                    counts[hits],
                    round(low, 4),
                    round(high, 4),
                )
                shown = f"{rate['share']:.1%} {low:.1%} to {high:.1%} · {counts[hits]} of {counts[of]}"
                assert shown in words
    assert said["bands"][1]["contact"]["enough"]
    assert not said["bands"][0]["contact"]["enough"]
    async with market.resources.unit_of_work() as uow:
        now = await uow.database_now()
    command = await measured_quality(market.resources.unit_of_work, now)
    assert command.model_dump(mode="json")["bands"] == said["bands"]
    assert words_for(command.bands[0].win).startswith("not enough yet")


async def test_before_the_first_lead_has_had_its_time_the_page_says_so(
    market: Market, committed_db: SessionMaker
) -> None:
    assert (await market.buy()).json()["status"] == "sold"
    said, words = await page(market)
    assert said["total"]["sold"] == 0
    assert "Not enough yet No lead has been sold and had its 14 days" in words


async def test_a_network_that_asks_too_often_waits(market: Market) -> None:
    async with market.door.client() as anybody:
        codes = {(await anybody.get("/api/quality")).status_code for _ in range(61)}
    assert codes == {200, 429}
