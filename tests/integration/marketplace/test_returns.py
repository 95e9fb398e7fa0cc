"""Leads that come back: one open return a sale, one decision, one credit, books that balance."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from shared.db.engine import SessionMaker
from shared.schemas.enums import UserRole
from shared.security.policy import Role
from tests.factories.leads import make_buyer, make_lead, make_user
from tests.integration.marketplace.conftest import Market, rows, violations

NOT_OWNER = {"reason": "not_owner", "explanation": "A tenant opened.", "evidence": {"told_by": "occupant"}}


async def sold(market: Market, lead_id: UUID | None = None) -> str:
    """A lead bought by the market's buyer: the sale's id."""
    answer = await market.buy(lead_id)
    assert answer.json()["status"] == "sold", answer.text
    return str(answer.json()["sale_id"])


async def today(db: SessionMaker) -> str:
    return str((await rows(db, "SELECT (now() AT TIME ZONE 'UTC')::date AS day"))[0].day)


async def claim(
    market: Market, db: SessionMaker, sale_id: str, key: str = "", **change: Any
) -> httpx.Response:
    """The answer to a return."""
    body = {**NOT_OWNER, **change}
    if body["reason"] == "not_owner":
        body["evidence"] = {"told_by": "occupant", "tried_on": await today(db)}
    async with market.client() as client:
        return await client.post(
            f"/api/sales/{sale_id}/returns", json=body, headers={"Idempotency-Key": key or uuid4().hex}
        )


async def operator(market: Market, db: SessionMaker) -> httpx.AsyncClient:
    """The client of a new operator."""
    async with db.begin() as session:
        user_id = await make_user(session, role=UserRole.OPS)
    return market.door.client(token=market.door.user_token(Role.OPS, user_id=user_id), timeout=30)


async def decide(market: Market, db: SessionMaker, return_id: str, decision: str) -> httpx.Response:
    async with await operator(market, db) as client:
        return await client.post(
            f"/api/ops/returns/{return_id}/decision", json={"decision": decision, "note": "Seen by us."}
        )


async def change(db: SessionMaker, statement: str, **values: Any) -> None:
    async with db.begin() as session:
        await session.execute(text(statement), values)


async def balances(db: SessionMaker) -> dict[str, int]:
    found = await rows(db, "SELECT code, balance_cents FROM ledger_accounts")
    return {row.code.partition(":")[0]: row.balance_cents for row in found}


async def test_an_accepted_return_is_credited_and_its_lead_is_never_sold_again(
    market: Market, committed_db: SessionMaker
) -> None:
    sale_id = await sold(market)
    opened = await claim(market, committed_db, sale_id)
    assert (opened.status_code, opened.json()["status"]) == (201, "open"), opened.text

    decided = await decide(market, committed_db, opened.json()["id"], "accept")

    assert (decided.status_code, decided.json()["status"]) == (200, "accepted"), decided.text
    assert decided.json()["credit_cents"] == 17500
    assert await balances(committed_db) == {"stripe": 17500, "revenue": 0, "credit": -17500}
    state = await rows(
        committed_db,
        "SELECT s.status, l.status AS lead FROM sales s JOIN base_leads l ON l.id = s.base_lead_id",
    )
    assert [tuple(row) for row in state] == [("refunded", "refunded")]
    async with market.client() as client:
        assert (await client.get("/api/contractors/me/credit")).json() == {"credit_cents": 17500}
        assert (await client.get(f"/api/leads/{market.lead_id}")).status_code == 404
        own = (await client.get("/api/returns", params={"status": "accepted"})).json()["items"]
    assert [item["decision_note"] for item in own] == ["Seen by us."]
    assert (await market.buy()).status_code in (404, 409)
    assert await violations(committed_db) == {}
    owner = await rows(committed_db, "SELECT contractor_id FROM ledger_accounts WHERE code LIKE 'credit:%'")
    assert [row.contractor_id for row in owner] == [market.contractor_id]
    told = await rows(
        committed_db, "SELECT action FROM audit_log WHERE object_type = 'sale_return' ORDER BY action"
    )
    assert [row.action for row in told] == ["return.accept", "return.open"]


async def test_a_refused_return_books_nothing_and_may_come_again_for_another_reason_only(
    market: Market, committed_db: SessionMaker
) -> None:
    sale_id = await sold(market)
    opened = await claim(market, committed_db, sale_id)
    assert (await decide(market, committed_db, opened.json()["id"], "refuse")).json()["status"] == "refused"
    assert await balances(committed_db) == {"stripe": 17500, "revenue": -17500}

    again = await claim(market, committed_db, sale_id)
    assert (again.status_code, again.json()["code"]) == (409, "return-exists")
    other = {"found": "vacant_lot", "seen_on": await today(committed_db)}
    assert (
        await claim(market, committed_db, sale_id, reason="no_such_house", evidence=other)
    ).status_code == 201


DISPUTE = """
    INSERT INTO buyer_cases (contractor_id, sale_id, dispute_ref, charge_ref, amount_cents, reason, processor_status)
    SELECT contractor_id, id, 'dp_1', 'pi_1', 17500, 'fraudulent', :status FROM sales
"""


@pytest.mark.parametrize(
    ("status", "answer"), [("needs_response", 409), ("lost", 409), ("won", 201), ("warning_closed", 201)]
)
async def test_a_lead_whose_payment_the_bank_takes_back_earns_no_credit(
    market: Market, committed_db: SessionMaker, status: str, answer: int
) -> None:
    sale_id = await sold(market)
    await change(committed_db, DISPUTE, status=status)

    opened = await claim(market, committed_db, sale_id)

    assert opened.status_code == answer
    assert answer == 201 or opened.json()["code"] == "return-not-possible"


async def test_an_open_return_is_not_accepted_once_the_bank_takes_the_payment_back(
    market: Market, committed_db: SessionMaker
) -> None:
    opened = (await claim(market, committed_db, await sold(market))).json()["id"]
    await change(committed_db, DISPUTE, status="needs_response")

    accepted = await decide(market, committed_db, opened, "accept")
    refused = await decide(market, committed_db, opened, "refuse")

    assert (accepted.status_code, accepted.json()["code"]) == (409, "return-not-possible")
    assert (refused.status_code, refused.json()["status"]) == (200, "refused")
    assert await balances(committed_db) == {"stripe": 17500, "revenue": -17500}


async def test_ten_returns_of_one_sale_at_once_are_one(market: Market, committed_db: SessionMaker) -> None:
    sale_id = await sold(market)
    answers = await asyncio.gather(*(claim(market, committed_db, sale_id) for _ in range(10)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 9}
    assert len(await rows(committed_db, "SELECT 1 FROM sale_returns")) == 1


async def test_the_same_key_is_the_same_return(market: Market, committed_db: SessionMaker) -> None:
    sale_id = await sold(market)
    first, second = [await claim(market, committed_db, sale_id, key="return-once") for _ in range(2)]
    assert first.json() == second.json()
    other = await claim(market, committed_db, sale_id, key="return-once", explanation="Something else.")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")


async def test_ten_operators_at_once_give_one_decision_and_one_credit(
    market: Market, committed_db: SessionMaker
) -> None:
    return_id = (await claim(market, committed_db, await sold(market))).json()["id"]
    words = ["accept", "refuse"] * 5
    answers = await asyncio.gather(*(decide(market, committed_db, return_id, word) for word in words))

    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 9}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"return-decided"}
    accepted = next(answer for answer in answers if answer.status_code == 200).json()["status"] == "accepted"
    assert (await balances(committed_db)).get("credit", 0) == (-17500 if accepted else 0)
    assert await violations(committed_db) == {}


async def test_a_return_after_its_window_a_foreign_one_and_one_without_facts_are_refused(
    market: Market, committed_db: SessionMaker
) -> None:
    sale_id = await sold(market)
    bare = await claim(market, committed_db, sale_id, reason="no_such_house", evidence={})
    assert (bare.status_code, bare.json()["field"]) == (422, "evidence.found"), bare.text
    assert (await claim(market, committed_db, sale_id, reason="unreachable")).status_code == 409
    async with committed_db.begin() as session:
        contractor_id, user_id = await make_buyer(session)
    stranger = Market(market.door, market.town, market.lead_id, contractor_id, user_id)
    assert (await claim(stranger, committed_db, sale_id)).status_code == 404
    await change(committed_db, "UPDATE sales SET sold_at = now() - interval '15 days'")
    late = await claim(market, committed_db, sale_id)
    assert (late.status_code, late.json()["code"]) == (409, "return-not-possible")
    assert await rows(committed_db, "SELECT 1 FROM sale_returns") == []


async def test_a_buyer_gives_back_two_of_few_leads_and_no_third(
    market: Market, committed_db: SessionMaker
) -> None:
    sales = [await sold(market)]
    for _ in range(2):
        async with committed_db.begin() as session:
            lead_id = await make_lead(session, market.resources.keys)
        sales.append(await sold(market, lead_id))
    answers = await asyncio.gather(*(claim(market, committed_db, sale) for sale in sales))
    assert Counter(answer.status_code for answer in answers) == {201: 2, 429: 1}

    refused = next(sale for sale, answer in zip(sales, answers, strict=True) if answer.status_code == 429)
    wanted = await claim(market, committed_db, refused, reason="not_interested", evidence={})
    assert wanted.status_code == 429
    ours = await claim(
        market, committed_db, refused, reason="opted_out", evidence={"learned_on": await today(committed_db)}
    )
    assert ours.json()["status"] == "open"


async def test_no_interest_is_refused_at_once(market: Market, committed_db: SessionMaker) -> None:
    answer = await claim(market, committed_db, await sold(market), reason="not_interested", evidence={})
    assert (answer.json()["status"], answer.json()["decided_by"]) == ("refused", "rule")
    assert "promise" in answer.json()["decision_note"]


@pytest.mark.parametrize("opened", [False, True])
async def test_a_state_switched_off_takes_back_what_was_not_opened(
    market: Market, committed_db: SessionMaker, opened: bool
) -> None:
    sale_id = await sold(market)
    if opened:
        async with market.client() as client:
            assert (await client.get(f"/api/leads/{market.lead_id}")).status_code == 200
    await change(
        committed_db,
        """INSERT INTO compliance.state_policy (state, version, effective_from, sale_enabled)
           VALUES ('TX', 99, current_date, false)""",
    )
    answer = await claim(market, committed_db, sale_id, reason="state_off", evidence={})
    assert answer.json()["status"] == ("refused" if opened else "accepted"), answer.text
    assert await violations(committed_db) == {}


@pytest.mark.parametrize(("days_before", "status"), [(1, "accepted"), (0, "open")])
async def test_an_owner_who_had_opted_out_is_credited_and_a_later_one_is_asked_about(
    market: Market, committed_db: SessionMaker, days_before: int, status: str
) -> None:
    await change(committed_db, "UPDATE base_leads SET owner_phone = 'sealed', owner_phone_hash = 'h1'")
    sale_id = await sold(market)
    await change(committed_db, "UPDATE sales SET revealed_at = now()")
    await change(
        committed_db,
        """INSERT INTO compliance.suppression (kind, value_hash, scope, reason, source, created_at)
           VALUES ('phone', 'h1', 'sale', 'asked', 'test', now() - make_interval(days => :days))""",
        days=days_before,
    )
    answer = await claim(
        market, committed_db, sale_id, reason="opted_out", evidence={"learned_on": await today(committed_db)}
    )
    assert answer.json()["status"] == status, answer.text


async def test_a_number_found_wrong_once_is_known_ever_after(
    market: Market, committed_db: SessionMaker
) -> None:
    phone = {"owner_phone": "sealed", "owner_phone_hash": "h2"}
    async with committed_db.begin() as session:
        second = await make_lead(session, market.resources.keys, **phone)
    await change(committed_db, "UPDATE base_leads SET owner_phone = 'sealed', owner_phone_hash = 'h2'")
    sales = [await sold(market), await sold(market, second)]
    await change(committed_db, "UPDATE sales SET masked_fields = '{}'")
    facts = {"phone_result": "other_person", "tried_on": await today(committed_db)}

    first = await claim(market, committed_db, sales[0], reason="wrong_number", evidence=facts)
    assert first.json()["status"] == "open", first.text
    await decide(market, committed_db, first.json()["id"], "accept")
    again = await claim(market, committed_db, sales[1], reason="wrong_number", evidence=facts)

    assert (again.json()["status"], again.json()["decided_by"]) == ("accepted", "rule"), again.text
    known = await rows(committed_db, "SELECT kind, scope, reason FROM compliance.suppression")
    assert [tuple(row) for row in known] == [("phone", "voice", "wrong_number")]


@pytest.mark.parametrize(
    ("house", "status"),
    [
        ("apn = '12-3'", "accepted"),
        ("address = '1 OAK ST'", "accepted"),
        ("address = '1 Oak St', unit = 'a'", "refused"),
        ("apn = '12-4', address = '2 OAK ST'", "refused"),
    ],
)
async def test_a_house_bought_twice_comes_back_and_another_does_not(
    market: Market, committed_db: SessionMaker, house: str, status: str
) -> None:
    async with committed_db.begin() as session:
        second = await make_lead(session, market.resources.keys)
    first = await sold(market)
    sale_id = await sold(market, second)
    await change(
        committed_db,
        "UPDATE base_leads SET address = '1 OAK ST', apn = '12-3' WHERE id = :id",
        id=market.lead_id,
    )
    await change(committed_db, f"UPDATE base_leads SET {house} WHERE id = :id", id=second)

    answer = await claim(
        market, committed_db, sale_id, reason="duplicate", evidence={"earlier_sale_id": first}
    )

    assert answer.json()["status"] == status, answer.text


async def test_only_operators_decide_and_only_buyers_give_back(
    market: Market, committed_db: SessionMaker
) -> None:
    sale_id = await sold(market)
    return_id = (await claim(market, committed_db, sale_id)).json()["id"]
    async with market.client() as client:
        body = {"decision": "accept", "note": "Mine."}
        assert (await client.post(f"/api/ops/returns/{return_id}/decision", json=body)).status_code == 403
        assert (await client.get("/api/ops/returns")).status_code == 403
        reasons = (await client.get("/api/return-reasons")).json()
    assert {"code", "words", "days", "evidence"} == set(reasons[0])
    async with await operator(market, committed_db) as client:
        found = (await client.get("/api/ops/returns", params={"status": "open"})).json()["items"]
        assert [(item["id"], item["charged_cents"]) for item in found] == [(return_id, 17500)]
        key = {"Idempotency-Key": uuid4().hex}
        refused = await client.post(f"/api/sales/{sale_id}/returns", json=NOT_OWNER, headers=key)
        assert refused.status_code == 403
        missing = await client.post(f"/api/ops/returns/{uuid4()}/decision", json=body)
        assert missing.status_code == 404


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_the_books_balance_after_any_sequence(
    market: Market, committed_db: SessionMaker, seed: int
) -> None:
    chance, accepted = random.Random(seed), 0
    waiting: list[str] = []
    for _ in range(12):
        async with committed_db.begin() as session:
            lead_id = await make_lead(
                session, market.resources.keys, price=chance.choice(("99.99", "175.00"))
            )
        sale_id = await sold(market, lead_id)
        opened = await claim(market, committed_db, sale_id)
        if opened.status_code == 201:
            waiting.append(opened.json()["id"])
        if waiting and chance.random() < 0.6:
            word = chance.choice(("accept", "refuse"))
            done = await decide(market, committed_db, waiting.pop(chance.randrange(len(waiting))), word)
            accepted += done.json()["credit_cents"] or 0
        assert await violations(committed_db) == {}
    [spent] = await rows(committed_db, "SELECT sum(credit_cents) AS cents FROM sales")
    assert (await balances(committed_db)).get("credit", 0) == spent.cents - accepted
    assert spent.cents > 0
    total = await rows(committed_db, "SELECT sum(debit_cents) - sum(credit_cents) AS off FROM ledger_entries")
    assert total[0].off == 0
    assert sum((await balances(committed_db)).values()) == 0
