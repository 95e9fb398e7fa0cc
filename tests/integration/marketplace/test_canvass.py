"""The way from door to door: own unfinished leads alone, nobody's name on it, each button one report."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, text

from services.marketplace.domain.canvass import MOST_STOPS
from shared.db.engine import SessionMaker
from shared.db.models.leads import LeadTrigger
from shared.schemas.enums import TriggerType
from tests.factories.leads import make_buyer
from tests.factories.outcomes import make_sale, tell
from tests.integration.marketplace.conftest import Browser, Market, rows


def buyer_of(market: Market) -> tuple[UUID, UUID]:
    return market.contractor_id, market.user_id


async def own(market: Market, db: SessionMaker, number: int, east: float, **lead: Any) -> UUID:
    """A lead that the buyer bought an hour ago, so many degrees east of the first."""
    async with db.begin() as session:
        return await make_sale(
            session,
            market.resources.keys,
            buyer_of(market),
            minutes=60,
            address=f"{number} OAK ST",
            geom=f"SRID=4326;POINT({-98.9 + east} 32.4)",
            **lead,
        )


async def way(market: Market, **start: Any) -> dict[str, Any]:
    async with market.client() as client:
        answer = await client.get("/api/canvass", params=start)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def doors(found: dict[str, Any]) -> list[str]:
    return [stop["address"].split()[0] for stop in found["stops"]]


async def test_own_unfinished_leads_stand_in_an_order_to_go_them(
    market: Market, committed_db: SessionMaker
) -> None:
    await own(market, committed_db, 10, 0.0, quality_score=99)
    await own(market, committed_db, 30, 0.03)
    near = await own(market, committed_db, 20, 0.01)
    done, lost = await own(market, committed_db, 40, 0.02), await own(market, committed_db, 50, 0.02)
    async with committed_db.begin() as session:
        keys, buyer, stranger = market.resources.keys, buyer_of(market), await make_buyer(session)
        bare = await make_sale(session, keys, buyer, minutes=60, address="60 OAK ST", geom=None)
        await make_sale(session, keys, stranger, minutes=60, address="70 OAK ST")
        await make_sale(session, keys, buyer, minutes=60, address="80 OAK ST", status="refunded")
        for sale, outcome, after in (
            (done, "contacted", 1),
            (done, "won", 2),
            (lost, "lost", 1),
            (near, "attempted", 5),
        ):
            await tell(session, sale, outcome, after=after)
    found = await way(market)
    assert doors(found) == ["10", "20", "30", "60"]
    assert (found["withheld"], found["further"]) == (0, 0)
    assert [stop["last"] for stop in found["stops"]] == [None, "attempted", None, None]
    last = found["stops"][-1]
    assert (last["sale_id"], last["lat"], last["miles"]) == (str(bare), None, None)
    assert "LOVELACE" not in str(found)
    assert doors(await way(market, lat=32.4, lng=-98.86)) == ["30", "20", "10", "60"]
    audited = await rows(committed_db, "SELECT 1 FROM audit_log WHERE action = 'lead.reveal'")
    assert len(audited) == 8


async def test_a_stop_names_the_last_storm_of_its_house(market: Market, committed_db: SessionMaker) -> None:
    sale = await own(market, committed_db, 10, 0.0)
    (house,) = await rows(committed_db, "SELECT base_lead_id AS id FROM sales WHERE id = :id", id=sale)
    async with committed_db.begin() as session:
        for day in (14, 3):
            storm = {"trigger_type": TriggerType.WEATHER_EVENT, "origin_key": str(day)}
            at = datetime(2026, 4, day, tzinfo=UTC)
            await session.execute(insert(LeadTrigger).values(base_lead_id=house.id, trigger_date=at, **storm))
    (stop,) = (await way(market))["stops"]
    assert stop["storm_at"].startswith("2026-04-14")


async def test_what_may_not_be_shown_any_more_is_left_out_and_counted(
    market: Market, committed_db: SessionMaker
) -> None:
    await own(market, committed_db, 10, 0.0)
    gone = await own(market, committed_db, 20, 0.01)
    async with committed_db.begin() as session:
        await session.execute(
            text(
                """UPDATE compliance.subject_key SET wrapped_key = NULL, shredded_at = now() WHERE subject_id IN
                   (SELECT l.subject_id FROM base_leads l JOIN sales s ON s.base_lead_id = l.id WHERE s.id = :sale)"""
            ),
            {"sale": gone},
        )
    found = await way(market)
    assert (doors(found), found["withheld"]) == (["10"], 1)
    async with market.client() as client:
        page = (await client.get("/my/canvass")).text
    assert "1 of your leads may not be shown any more and is left out" in page


async def test_the_nearest_leads_are_on_it_and_the_others_counted(
    market: Market, committed_db: SessionMaker
) -> None:
    for number in range(MOST_STOPS + 2):
        await own(market, committed_db, number + 1, number / 1000, quality_score=99 if number == 0 else 50)
    found = await way(market)
    assert doors(found) == [str(number + 1) for number in range(MOST_STOPS)]
    assert found["further"] == 2


@pytest.mark.parametrize(
    "start",
    [
        {"lat": 32.4},
        {"lng": 1},
        {"lat": 91, "lng": 0},
        {"lat": 0, "lng": 181},
        {"lat": "nan", "lng": 0},
        {"x": 1},
    ],
)
async def test_a_place_that_is_none_is_refused(market: Market, start: dict[str, Any]) -> None:
    async with market.client() as client:
        assert (await client.get("/api/canvass", params=start)).status_code == 422


async def test_each_button_of_the_page_is_one_report_however_often_it_is_sent(
    market: Market, browser: Browser, committed_db: SessionMaker
) -> None:
    assert "No doors to knock at" in (await browser.http.get("/my/canvass")).text
    sale = await own(market, committed_db, 10, 0.0)
    page = (await browser.http.get("/my/canvass")).text
    assert "LOVELACE" not in page
    assert 'href="#unsaid-TX"' in page
    assert 'id="unsaid-TX"' in page
    form = {
        name: re.search(rf'name="{name}" value="([^"]+)"', page).group(1)  # type: ignore[union-attr]
        for name in ("key", "asked_at")
    }
    form |= {"said": "nobody", "note": "Dog.\r\nBack at five."}
    answers = [await browser.send(f"/my/canvass/{sale}", **form) for _ in range(2)]
    assert [(each.status_code, each.headers["location"]) for each in answers] == [(303, "/my/canvass")] * 2
    (kept,) = await rows(committed_db, "SELECT outcome, method, note FROM sale_outcomes")
    assert tuple(kept) == ("attempted", "in_person", "Dog.\nBack at five.")
    assert "Last reported: Tried, nobody answered" in (await browser.http.get("/my/canvass")).text
    wrong = await browser.send(f"/my/canvass/{sale}", **{**form, "key": "another-key", "said": "asleep"})
    assert wrong.status_code == 422
    assert len(await rows(committed_db, "SELECT 1 FROM sale_outcomes")) == 1


async def test_the_worker_answers_for_this_page_alone(market: Market) -> None:
    async with market.door.client() as client:
        worker = await client.get("/static/canvass-worker.js")
        other = await client.get("/static/canvass.js")
    assert worker.headers["service-worker-allowed"] == "/my/canvass"
    assert "service-worker-allowed" not in other.headers
