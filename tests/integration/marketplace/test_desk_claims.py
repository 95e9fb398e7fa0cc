"""The operators' pages about buyers and claims: each list is what the start counts, each form is the same verb."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from shared.db.engine import SessionMaker
from shared.schemas.enums import UserRole
from shared.security.policy import Role
from tests.factories.leads import make_lead, make_user
from tests.integration.marketplace.conftest import Market, rows

PAGE = {"accept": "text/html,application/xhtml+xml"}
HOSTILE = '"><script>alert(1)</script>'


async def staff(market: Market, db: SessionMaker, role: Role = Role.OPS) -> httpx.AsyncClient:
    """The browser of somebody of ours."""
    async with db.begin() as session:
        user_id = await make_user(session, role=UserRole(role))
    return market.door.client(token=market.door.user_token(role, user_id=user_id), timeout=30, headers=PAGE)


async def waiting(client: httpx.AsyncClient, work: str) -> Any:
    """What the start says of a kind of work."""
    told = (await client.get("/api/ops/waiting")).json()
    return next(line for line in told if line["work"] == work)


async def returned(market: Market, db: SessionMaker) -> UUID:
    """A return of the market's buyer that nobody has decided."""
    sale_id = (await market.buy()).json()["sale_id"]
    values = {"sale": sale_id, "contractor": market.contractor_id, "user": market.user_id, "said": HOSTILE}
    async with db.begin() as session:
        made: UUID = (
            await session.execute(
                text(
                    "INSERT INTO sale_returns (sale_id, contractor_id, user_id, reason, explanation, evidence)"
                    " VALUES (:sale, :contractor, :user, 'not_owner', :said, '{}') RETURNING id"
                ),
                values,
            )
        ).scalar_one()
    return made


async def filed(db: SessionMaker, contractor_id: UUID, item: str) -> UUID:
    """A paper of a company."""
    evidence_id = uuid4()
    async with db.begin() as session:
        await session.execute(
            text(
                "INSERT INTO buyer_evidence (id, contractor_id, item, media_type, size_bytes, sha256, object_key)"
                " VALUES (:id, :contractor, :item, 'application/pdf', 1200, :hash, :key)"
            ),
            {
                "id": evidence_id,
                "contractor": contractor_id,
                "item": item,
                "hash": "0" * 64,
                "key": f"evidence/{evidence_id}.pdf",
            },
        )
    return evidence_id


async def charged_back(db: SessionMaker, contractor_id: UUID) -> UUID:
    """A case that nobody has settled."""
    async with db.begin() as session:
        made: UUID = (
            await session.execute(
                text(
                    "INSERT INTO buyer_cases (contractor_id, dispute_ref, charge_ref, amount_cents, reason,"
                    " processor_status) VALUES (:id, :ref, 'pi_1', 17500, 'fraudulent', 'needs_response')"
                    " RETURNING id"
                ),
                {"id": contractor_id, "ref": f"dp_{uuid4().hex}"},
            )
        ).scalar_one()
    return made


async def asked(market: Market, kind: str) -> UUID:
    """A privacy request about a house."""
    form = {"name": "Ada Lovelace", "street": "12 Oak St", "city": "Harrow", "state": "TX", "zip": "76998"}
    async with market.door.client(timeout=30) as client:
        answer = await client.post("/api/privacy/requests", json={**form, "kind": kind})
    async with market.resources.unit_of_work() as uow:
        found: UUID = (
            await uow.session.execute(
                text("SELECT id FROM privacy_requests WHERE reference = :reference"),
                {"reference": answer.json()["reference"]},
            )
        ).scalar_one()
    return found


async def test_a_return_is_decided_on_its_page_once(market: Market, committed_db: SessionMaker) -> None:
    return_id = await returned(market, committed_db)
    client = await staff(market, committed_db)
    assert (await waiting(client, "returns"))["count"] == 1
    page = await client.get("/ops/returns")
    accepted = {"decision": "accept", "note": "The tenant told us too."}

    silent = await client.post(f"/ops/returns/{return_id}", data={"decision": "accept", "note": " "})
    answers = [await client.post(f"/ops/returns/{return_id}", data=accepted) for _ in range(2)]
    left, every = (
        await client.get("/ops/returns"),
        await client.get("/ops/returns?all_of_them=true"),
    )

    assert HOSTILE not in page.text
    assert "$175" in page.text
    assert silent.status_code == 422
    assert [answer.status_code for answer in answers] == [303, 409]
    assert "<h1>" in answers[1].text
    assert "No return waits" in left.text
    assert "The tenant told us too." in every.text
    assert (await waiting(client, "returns"))["count"] == 0


async def test_a_company_waits_until_its_papers_are_decided_on(
    market: Market, committed_db: SessionMaker
) -> None:
    paper = await filed(committed_db, market.contractor_id, "insurance")
    client = await staff(market, committed_db)
    path = f"/ops/buyers/{market.contractor_id}"
    before = await waiting(client, "papers"), (await client.get("/ops/buyers")).text
    company = await client.get(path)
    word = {"value": "verified", "evidence_id": str(paper), "note": "Seen."}

    endless = await client.post(f"{path}/checks/insurance", data={**word, "expires_on": ""})
    decided = await client.post(f"{path}/checks/insurance", data={**word, "expires_on": "2040-01-31"})
    after = await waiting(client, "papers"), (await client.get("/ops/buyers")).text
    every = await client.get("/ops/buyers?all_of_them=true")

    assert before[0]["count"] == before[1].count('<th scope="row">') == 1
    assert f'href="/api/ops/buyer-evidence/{paper}"' in company.text
    assert endless.status_code == 422
    assert "needs its last day" in endless.text
    assert decided.headers["location"] == path
    assert after[0]["count"] == after[1].count('<th scope="row">') == 0
    assert path in every.text


async def test_credentials_are_ended_and_given_on_the_page(
    market: Market, committed_db: SessionMaker
) -> None:
    client = await staff(market, committed_db)
    path = f"/ops/buyers/{market.contractor_id}"

    ended = await client.post(f"{path}/credentials", data={"decision": "withdraw", "note": "They asked."})
    page = await client.get(path)
    given = await client.post(f"{path}/credentials", data={"decision": "credential", "note": "Back."})
    again = await client.get(path)

    assert [ended.status_code, given.status_code] == [303, 303]
    assert "May not buy" in page.text
    assert "May buy" in again.text


async def test_a_charge_back_is_settled_on_its_page_once(market: Market, committed_db: SessionMaker) -> None:
    case_id = await charged_back(committed_db, market.contractor_id)
    client = await staff(market, committed_db)
    before = await waiting(client, "cases"), (await client.get("/ops/cases")).text
    buyers = await client.get("/ops/buyers?all_of_them=true")
    word = {"outcome": "released", "note": "The bank was wrong."}

    answers = [await client.post(f"/ops/cases/{case_id}", data=word) for _ in range(2)]

    assert before[0]["count"] == before[1].count('<th scope="row">') == 1
    assert "Frozen by a charge-back" in buyers.text
    assert [answer.status_code for answer in answers] == [303, 409]
    assert "No charge-back waits" in (await client.get("/ops/cases")).text
    assert "The bank was wrong." in (await client.get("/ops/cases?all_of_them=true")).text


async def test_requests_stand_by_deadline_and_a_look_at_the_person_is_written_down(
    market: Market, committed_db: SessionMaker
) -> None:
    late, early = await asked(market, "know"), await asked(market, "delete")
    async with committed_db.begin() as session:
        statement = (
            "UPDATE privacy_requests SET received_at = now() - interval '50 days', due_at = now() - interval '1 day'"
            " WHERE id = :id"
        )
        await session.execute(text(statement), {"id": late})
    client = await staff(market, committed_db)
    line, page = await waiting(client, "privacy"), (await client.get("/ops/privacy")).text

    person = await client.post(f"/ops/privacy/{early}/person")
    wrong = await client.post(f"/ops/privacy/{early}", data={"decision": "complete", "note": "Done."})
    erased = await client.post(f"/ops/privacy/{early}", data={"decision": "erase", "note": "A letter."})

    assert (line["count"], line["late"]) == (2, 1)
    assert page.index(f"/ops/privacy/{late}/person") < page.index(f"/ops/privacy/{early}/person")
    assert page.count("Late") == 1
    assert "Ada Lovelace" not in page
    assert "Ada Lovelace" in person.text
    assert [wrong.status_code, erased.status_code] == [409, 303]
    looks = await rows(committed_db, "SELECT object_id FROM audit_log WHERE action = 'privacy.open'")
    assert [str(row.object_id) for row in looks] == [str(early)]


PATHS = (
    "/ops/returns",
    "/ops/buyers",
    "/ops/cases",
    "/ops/privacy",
    "/ops/conflicts",
    "/ops/money",
    "/api/ops/money",
    "/api/ops/buyers",
)


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.CONTRACTOR_OWNER])
async def test_reviewers_and_buyers_see_neither_money_nor_people(
    market: Market, committed_db: SessionMaker, role: Role
) -> None:
    if role is Role.REVIEWER:
        client = await staff(market, committed_db, role)
    else:
        client = market.client()
    request_id, case_id = (
        await asked(market, "delete"),
        await charged_back(committed_db, market.contractor_id),
    )

    answers = [await client.get(path) for path in (*PATHS, f"/ops/buyers/{market.contractor_id}")]
    answers += [
        await client.post(f"/ops/privacy/{request_id}/person"),
        await client.post(f"/ops/cases/{case_id}", data={"outcome": "released", "note": "Mine."}),
    ]

    assert {answer.status_code for answer in answers} == {403}


UNKNOWN = (
    "INSERT INTO sales (base_lead_id, contractor_id, user_id, price, status, reserved_at, reserved_until)"
    " VALUES (:lead, :contractor, :user, 90, 'payment_unknown', now(), now() + interval '15 minutes')"
)


async def test_the_money_page_tells_what_the_tables_hold(market: Market, committed_db: SessionMaker) -> None:
    return_id = await returned(market, committed_db)
    client = await staff(market, committed_db)
    await client.post(f"/ops/returns/{return_id}", data={"decision": "accept", "note": "Seen."})
    async with committed_db.begin() as session:
        other = await make_lead(session, market.resources.keys)
        values = {"lead": other, "contractor": market.contractor_id, "user": market.user_id}
        await session.execute(text(UNKNOWN), values)

    told = (await client.get("/api/ops/money")).json()
    page = await client.get("/ops/money")

    shown = {line["title"]: line["shown_cents"] for line in told["accounts"]}
    assert told["difference_cents"] == 0
    assert shown["With the payment processor"] == shown["Owed to buyers in leads"] == 17_500
    assert shown["Earned by leads"] == 0
    assert {line["status"]: line["count"] for line in told["sales"]} == {"refunded": 1, "payment_unknown": 1}
    assert [sale["lead_id"] for sale in told["unknown"]] == [str(other)]
    assert told["strays"] == {"count": 0, "cents": 0}
    assert "The books balance" in page.text
    assert f'href="/ops/leads/{other}"' in page.text
