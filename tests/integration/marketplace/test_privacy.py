"""Privacy requests on real storage: stopped at once, told to buyers, decided once, the same words for everybody."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from shared.compliance.loader import address_value
from shared.db.engine import SessionMaker
from shared.schemas.enums import UserRole
from shared.security.policy import Role
from tests.factories.leads import make_buyer, make_user
from tests.integration.marketplace.conftest import Market, rows, violations

PAGE = {"accept": "text/html,application/xhtml+xml"}


async def house(market: Market, db: SessionMaker) -> dict[str, Any]:
    """Where the market's lead stands, moved to a house a person could type."""
    async with db.begin() as session:
        await session.execute(
            text(
                "UPDATE base_leads SET address = '12 OAK ST', address_key = '12||OAK|ST|||76998' WHERE id = :id"
            ),
            {"id": market.lead_id},
        )
    return {"name": "Ada Lovelace", "street": "12 Oak St", "city": "Harrow", "state": "TX", "zip": "76998"}


async def ask(market: Market, form: dict[str, Any], **headers: str) -> httpx.Response:
    async with market.door.client(timeout=30) as client:
        return await client.post("/api/privacy/requests", json=form, headers=headers)


async def status_of(market: Market, db: SessionMaker) -> str:
    found = await rows(db, "SELECT status FROM base_leads WHERE id = :id", id=market.lead_id)
    return str(found[0].status)


async def operator(market: Market, db: SessionMaker) -> httpx.AsyncClient:
    async with db.begin() as session:
        user_id = await make_user(session, role=UserRole.OPS)
    return market.door.client(token=market.door.user_token(Role.OPS, user_id=user_id), timeout=30)


async def request_id(db: SessionMaker) -> UUID:
    found: UUID = (await rows(db, "SELECT id FROM privacy_requests ORDER BY received_at DESC"))[0].id
    return found


async def test_an_opt_out_takes_the_lead_off_sale_in_the_same_moment(
    market: Market, committed_db: SessionMaker
) -> None:
    form = await house(market, committed_db)

    answer = await ask(market, {**form, "kind": "opt_out"})

    assert (answer.status_code, answer.json()["sale_stopped"]) == (202, True)
    assert await status_of(market, committed_db) == "suppressed"
    assert (await market.buy()).status_code == 404
    keys = market.resources.keys
    stored = await rows(committed_db, "SELECT value_hash, scope, reason FROM compliance.suppression")
    index = keys.blind_index(address_value("TX", "12||OAK|ST|||76998"), "address")
    assert [tuple(row) for row in stored] == [(index, "sale", "privacy_request")]
    assert await violations(committed_db) == {}


async def test_the_answer_does_not_tell_whether_a_house_is_known(
    market: Market, committed_db: SessionMaker
) -> None:
    form = await house(market, committed_db)

    known = (await ask(market, {**form, "kind": "know"})).json()
    unknown = (await ask(market, {**form, "street": "99999 Nowhere Rd", "kind": "know"})).json()

    assert known.keys() == unknown.keys()
    assert (known["kind"], known["sale_stopped"]) == (unknown["kind"], unknown["sale_stopped"])
    assert await status_of(market, committed_db) == "available"


async def test_the_browsers_signal_makes_an_opt_out_of_any_request(
    market: Market, committed_db: SessionMaker
) -> None:
    form = await house(market, committed_db)

    answer = await ask(market, {**form, "kind": "know"}, **{"Sec-GPC": "1"})

    assert answer.json()["sale_stopped"]
    assert await status_of(market, committed_db) == "suppressed"


async def test_a_request_keeps_no_person_in_clear(market: Market, committed_db: SessionMaker) -> None:
    form = await house(market, committed_db)
    await ask(market, {**form, "kind": "complaint", "email": "ada@example.com", "message": "He shouted."})

    stored = (await rows(committed_db, "SELECT to_jsonb(r)::text AS row FROM privacy_requests r"))[0].row

    assert not [word for word in ("Ada", "OAK", "Oak", "example.com", "shouted") if word in stored]
    async with await operator(market, committed_db) as client:
        person = (await client.get(f"/api/ops/privacy/{await request_id(committed_db)}/person")).json()
    assert (person["name"], person["message"]) == ("Ada Lovelace", "He shouted.")
    looks = await rows(committed_db, "SELECT fields FROM audit_log WHERE action = 'privacy.open'")
    assert "name" in looks[0].fields


async def test_a_buyer_of_the_lead_is_told_once_and_acknowledges(
    market: Market, committed_db: SessionMaker
) -> None:
    form = await house(market, committed_db)
    bought = await market.buy()
    assert bought.json()["status"] == "sold", bought.text

    await ask(market, {**form, "kind": "opt_out"})

    async with market.client() as client:
        (notice,) = (await client.get("/api/privacy-notices")).json()
        first = await client.post(f"/api/privacy-notices/{notice['id']}/acknowledgement")
        again = await client.post(f"/api/privacy-notices/{notice['id']}/acknowledgement")
    assert notice["sale_id"] == bought.json()["sale_id"]
    assert notice["acknowledged_at"] is None
    assert first.json()["acknowledged_at"] == again.json()["acknowledged_at"] is not None
    events = await rows(committed_db, "SELECT type FROM core.outbox WHERE type LIKE 'privacy.%'")
    assert [row.type for row in events] == ["privacy.sold_person_withdrew"]
    assert await status_of(market, committed_db) == "sold"


async def test_a_foreign_buyer_sees_and_acknowledges_nothing(
    market: Market, committed_db: SessionMaker
) -> None:
    form = await house(market, committed_db)
    await market.buy()
    await ask(market, {**form, "kind": "opt_out"})
    notice = (await rows(committed_db, "SELECT id FROM privacy_notices"))[0].id
    async with committed_db.begin() as session:
        contractor_id, user_id = await make_buyer(session)
    token = market.door.user_token(Role.CONTRACTOR_OWNER, contractor_id=contractor_id, user_id=user_id)
    async with market.door.client(token=token) as client:
        assert (await client.get("/api/privacy-notices")).json() == []
        refused = await client.post(f"/api/privacy-notices/{notice}/acknowledgement")
    assert refused.status_code == 404


async def test_an_operator_extends_once_and_completes_once(
    market: Market, committed_db: SessionMaker
) -> None:
    form = await house(market, committed_db)
    await ask(market, {**form, "kind": "know"})
    path = f"/api/ops/privacy/{await request_id(committed_db)}/decision"
    async with await operator(market, committed_db) as client:
        before = (await client.get("/api/ops/privacy?only_open=true")).json()["items"][0]
        extended = await client.post(path, json={"decision": "extend", "note": "Two records differ."})
        twice = await client.post(path, json={"decision": "extend", "note": "Again."})
        done = await client.post(path, json={"decision": "complete", "note": "Copy handed over."})
        late = await client.post(path, json={"decision": "refuse", "note": "No."})
        left = (await client.get("/api/ops/privacy?only_open=true")).json()["items"]
    assert before["due_at"] < extended.json()["due_at"]
    assert (twice.status_code, late.status_code) == (409, 409)
    assert (done.json()["status"], left) == ("carried_out", [])


@pytest.mark.parametrize(
    ("change", "status"),
    [({"street": "Nowhere"}, 422), ({"zip": "1"}, 422), ({"state": "XX"}, 422), ({"kind": "forget"}, 422)],
)
async def test_a_wrong_answer_stores_nothing(
    market: Market, committed_db: SessionMaker, change: dict[str, str], status: int
) -> None:
    form = await house(market, committed_db)

    answer = await ask(market, {**form, "kind": "opt_out", **change})

    assert answer.status_code == status
    assert await rows(committed_db, "SELECT 1 FROM privacy_requests") == []
    assert await rows(committed_db, "SELECT 1 FROM compliance.suppression") == []


async def test_too_many_requests_of_one_connection_wait(market: Market, committed_db: SessionMaker) -> None:
    form = {**await house(market, committed_db), "kind": "know"}
    answers = [(await ask(market, form)).status_code for _ in range(21)]
    assert answers == [202] * 20 + [429]


async def test_the_pages_ask_without_log_in_and_confirm_with_a_reference(
    market: Market, committed_db: SessionMaker
) -> None:
    form = await house(market, committed_db)
    async with market.door.client(headers=PAGE) as client:
        policy = await client.get("/privacy")
        empty = await client.get("/privacy/request?kind=delete")
        wrong = await client.post("/privacy/request", data={**form, "kind": "delete", "zip": "x"})
        foreign = await client.post(
            "/privacy/request", data={**form, "kind": "delete"}, headers={"sec-fetch-site": "cross-site"}
        )
        sent = await client.post("/privacy/request", data={**form, "kind": "delete"})
    assert "Do not sell or share" in policy.text
    assert '<option value="delete" selected>' in empty.text
    assert (wrong.status_code, foreign.status_code, sent.status_code) == (422, 403, 200)
    assert "five digits" in wrong.text
    reference = (await rows(committed_db, "SELECT reference FROM privacy_requests"))[0].reference
    assert reference in sent.text
    assert await status_of(market, committed_db) == "suppressed"
