"""Reports of buyers: in order, once, kept for ever, summed up at the assignment."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from decimal import Decimal
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.compliance.erasure import erase
from shared.db.engine import SessionMaker
from tests.factories.leads import make_buyer
from tests.integration.marketplace.conftest import Market, rows

PATH = ("attempted", "contacted", "appointment", "quoted", "won")
DETAILS: dict[str, dict[str, Any]] = {
    "attempted": {"method": "phone"},
    "contacted": {"method": "phone", "stars": 4},
    "appointment": {},
    "quoted": {"amount_cents": 1_234_567},
    "won": {"amount_cents": 1_200_050},
    "lost": {"lost_reason": "price"},
}
ERASURE = """
    WITH request AS (
        INSERT INTO privacy_requests (reference, kind, subject_id, state, acknowledged_at, due_at)
        SELECT 'R-1', 'delete', subject_id, 'TX', now(), now() + interval '1 day' FROM base_leads WHERE id = :lead
        RETURNING id, subject_id)
    INSERT INTO privacy_subjects (privacy_request_id, subject_id) SELECT id, subject_id FROM request
"""


async def sold(market: Market) -> str:
    """A lead bought just now: the sale's id."""
    answer = await market.buy()
    assert answer.json()["status"] == "sold", answer.text
    return str(answer.json()["sale_id"])


async def report(
    market: Market, db: SessionMaker, sale_id: str, outcome: str, *, key: str = "", **change: Any
) -> httpx.Response:
    now = (await rows(db, "SELECT now() AS at"))[0].at.isoformat()
    body = {"outcome": outcome, "happened_at": now, **DETAILS[outcome], **change}
    async with market.client() as client:
        return await client.post(
            f"/api/sales/{sale_id}/outcomes", json=body, headers={"Idempotency-Key": key or uuid4().hex}
        )


async def test_a_lead_goes_from_the_first_call_to_the_job(market: Market, committed_db: SessionMaker) -> None:
    sale_id = await sold(market)
    for outcome in PATH:
        answer = await report(market, committed_db, sale_id, outcome)
        assert (answer.status_code, answer.json()["outcome"]) == (201, outcome), answer.text
    async with market.client() as client:
        told = (await client.get(f"/api/sales/{sale_id}/outcomes")).json()
    assert [row["outcome"] for row in told] == list(PATH)
    (sums,) = await rows(
        committed_db,
        """SELECT contacted, contact_method, appointment_scheduled, quote_amount, converted, job_value,
                  lead_quality_rating FROM lead_assignments""",
    )
    assert tuple(sums) == (True, "phone", True, Decimal("12345.67"), True, Decimal("12000.50"), 4)
    after = await report(market, committed_db, sale_id, "lost")
    assert (after.status_code, after.json()["code"]) == (409, "outcome-not-possible")


async def test_of_many_at_once_one_wins_and_history_cannot_be_changed(
    market: Market, committed_db: SessionMaker
) -> None:
    sale_id = await sold(market)
    await report(market, committed_db, sale_id, "contacted")
    answers = await asyncio.gather(*(report(market, committed_db, sale_id, "won") for _ in range(6)))
    # A report that waited for another one may lie before it in time, which is refused as well.
    assert Counter(answer.status_code == 201 for answer in answers) == {True: 1, False: 5}
    assert len(await rows(committed_db, "SELECT 1 FROM sale_outcomes WHERE outcome = 'won'")) == 1
    with pytest.raises(DBAPIError):
        async with committed_db.begin() as session:
            await session.execute(text("UPDATE sale_outcomes SET outcome = 'lost'"))


async def test_the_same_key_is_the_same_report(market: Market, committed_db: SessionMaker) -> None:
    sale_id = await sold(market)
    at = (await rows(committed_db, "SELECT now() AS at"))[0].at.isoformat()
    first, second = [
        await report(market, committed_db, sale_id, "attempted", key="one-call", happened_at=at)
        for _ in range(2)
    ]
    assert first.json() == second.json(), second.text
    assert len(await rows(committed_db, "SELECT 1 FROM sale_outcomes")) == 1


async def test_a_note_is_kept_with_its_report_and_only_an_erasure_empties_it(
    market: Market, committed_db: SessionMaker
) -> None:
    sale_id = await sold(market)
    said = "  Gate code 12.\r\nDog.  "
    first = await report(market, committed_db, sale_id, "attempted", note=said)
    assert (first.status_code, first.json()["note"]) == (201, "Gate code 12.\nDog."), first.text
    assert (await report(market, committed_db, sale_id, "attempted", note=" \n")).json()["note"] is None
    longest = await report(market, committed_db, sale_id, "attempted", note="x" * 500)
    assert longest.status_code == 201
    for bad in ("x" * 501, "a\x00b", 7):
        assert (await report(market, committed_db, sale_id, "attempted", note=bad)).status_code == 422
    async with market.client() as client:
        page = (await client.get(f"/my/leads/{sale_id}")).text
    assert "Gate code 12.\nDog." in page
    subjects = await rows(
        committed_db, "SELECT subject_id IS NOT NULL AS named FROM sale_outcomes ORDER BY number"
    )
    assert [row.named for row in subjects] == [True, False, True]
    for forbidden in ("note = 'other'", "note = NULL, stars = 5"):
        with pytest.raises(DBAPIError):
            async with committed_db.begin() as session:
                await session.execute(text(f"UPDATE sale_outcomes SET {forbidden}"))
    async with committed_db.begin() as session:
        await session.execute(text(ERASURE), {"lead": market.lead_id})
        request = (await session.execute(text("SELECT id FROM privacy_requests"))).scalar_one()
        assert (await erase(session, "marketplace", request))["sale_outcomes"] == 2
    assert await rows(committed_db, "SELECT 1 FROM sale_outcomes WHERE note IS NOT NULL") == []


async def test_what_cannot_be_is_named_and_strangers_report_nothing(
    market: Market, committed_db: SessionMaker
) -> None:
    sale_id = await sold(market)
    early = await report(market, committed_db, sale_id, "attempted", happened_at="2020-01-01T00:00:00Z")
    assert (early.status_code, early.json()["field"]) == (422, "happened_at")
    bare = await report(market, committed_db, sale_id, "contacted", method=None)
    assert (bare.status_code, bare.json()["field"]) == (422, "method")
    async with committed_db.begin() as session:
        contractor_id, user_id = await make_buyer(session)
    stranger = Market(market.door, market.town, market.lead_id, contractor_id, user_id)
    assert (await report(stranger, committed_db, sale_id, "attempted")).status_code == 404
    async with stranger.client() as client:
        assert (await client.get(f"/api/sales/{sale_id}/outcomes")).status_code == 404
    async with committed_db.begin() as session:
        await session.execute(text("UPDATE sales SET status = 'refunded'"))
    assert (await report(market, committed_db, sale_id, "attempted")).status_code == 409
    assert await rows(committed_db, "SELECT 1 FROM sale_outcomes") == []


async def test_the_leads_page_takes_a_report_once_and_offers_what_follows(
    market: Market, committed_db: SessionMaker
) -> None:
    sale_id = await sold(market)
    path = f"/my/leads/{sale_id}"
    async with market.client() as client:
        page = (await client.get(path)).text
        assert "Nothing reported yet" in page
        form = {
            name: re.findall(rf'name="{name}" value="([^"]+)"', page)[1]
            for name in ("key", "asked_at", "outcome")
        }
        assert form["outcome"] == "contacted"
        sent = {**form, "hours_ago": "0", "method": "phone", "stars": "", "dollars": ""}
        answers = [await client.post(f"{path}/outcomes", data=sent) for _ in range(2)]
        assert [(each.status_code, each.headers["location"]) for each in answers] == [(303, path)] * 2
        after = (await client.get(path)).text
        assert "Reached the owner" in after
        assert "Tried, nobody answered" not in after
        wrong = {**sent, "key": uuid4().hex, "outcome": "won", "method": "", "dollars": "a lot"}
        assert (await client.post(f"{path}/outcomes", data=wrong)).status_code == 422
        early = {**sent, "key": uuid4().hex, "outcome": "appointment", "method": "", "hours_ago": "3"}
        assert (await client.post(f"{path}/outcomes", data=early)).status_code == 422
    assert len(await rows(committed_db, "SELECT 1 FROM sale_outcomes")) == 1
