"""The checklist of buyers on real storage: filed, decided, looked at again, and frozen by a charge-back."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson
import pytest
from sqlalchemy import text

from shared.db.engine import SessionMaker
from shared.db.seed import AGREEMENT_VERSION
from shared.schemas.enums import UserRole
from shared.security.policy import Role
from shared.workflow import start
from tests.factories.leads import make_buyer, make_lead, make_user
from tests.integration.marketplace.conftest import Market, rows, violations
from tests.integration.marketplace.conftest import market as the_market

PDF = b"%PDF-1.7\n1 0 obj\n%%EOF\n"
PAPERS = ("insurance", "identity", "us_entity")
market_without_objects = the_market


@pytest.fixture
def objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the papers lie."""
    monkeypatch.setenv("OBJECT_STORE_URL", tmp_path.as_uri())
    return tmp_path


@pytest.fixture
async def market(objects: Path, market_without_objects: Market) -> Market:
    """The market with a folder of its own for papers."""
    del objects
    return market_without_objects


def files(folder: Path) -> set[str]:
    """Every file below."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


async def staff(market: Market, db: SessionMaker) -> httpx.AsyncClient:
    """The client of a new operator."""
    async with db.begin() as session:
        user_id = await make_user(session, role=UserRole.OPS)
    return market.door.client(token=market.door.user_token(Role.OPS, user_id=user_id), timeout=30)


async def change(db: SessionMaker, statement: str, **values: Any) -> None:
    async with db.begin() as session:
        await session.execute(text(statement), values)


async def forget(market: Market, db: SessionMaker) -> None:
    """The buyer as it signed up: nothing is checked."""
    await change(db, "DELETE FROM buyer_checks WHERE contractor_id = :id", id=market.contractor_id)
    await change(
        db,
        "UPDATE contractors SET credential_status = 'none', credential_checked_at = NULL WHERE id = :id",
        id=market.contractor_id,
    )


async def file(
    client: httpx.AsyncClient, item: str, body: bytes = PDF, name: str = "../../a.exe"
) -> httpx.Response:
    return await client.post(
        "/api/contractors/me/evidence", data={"item": item}, files={"file": (name, body, "text/html")}
    )


async def decide(desk: httpx.AsyncClient, market: Market, item: str, **body: Any) -> httpx.Response:
    return await desk.put(
        f"/api/ops/contractors/{market.contractor_id}/checks/{item}", json={"note": "Seen by us.", **body}
    )


async def credential(desk: httpx.AsyncClient, market: Market, decision: str = "credential") -> httpx.Response:
    return await desk.post(
        f"/api/ops/contractors/{market.contractor_id}/credentials",
        json={"decision": decision, "note": "All of it is there."},
    )


async def recheck(market: Market, db: SessionMaker) -> dict[str, int]:
    """What the nightly job did."""
    async with db.begin() as session:
        run = await start(session, "recheck_buyers", subject_id=uuid4())
    assert await market.runner().run(run.workflow_id, "recheck_buyers")
    found = await rows(db, "SELECT output FROM core.step WHERE workflow_id = :id", id=run.workflow_id)
    output: dict[str, int] = found[0].output
    return output


async def status_of(db: SessionMaker, contractor_id: UUID) -> str:
    found = await rows(db, "SELECT credential_status FROM contractors WHERE id = :id", id=contractor_id)
    return str(found[0].credential_status)


def dispute(
    charge: str, event: str = "evt_d1", *, ref: str = "dp_1", status: str = "needs_response"
) -> bytes:
    """A dispute of Stripe, of which only the fields that we read."""
    kind = "created" if status == "needs_response" else "closed"
    subject = {
        "object": "dispute", "id": ref, "charge": "ch_1", "payment_intent": charge, "amount": 17500,
        "currency": "usd", "reason": "fraudulent", "status": status,
    }  # fmt: skip
    return orjson.dumps(
        {"id": event, "type": f"charge.dispute.{kind}", "created": 1_790_000_000, "data": {"object": subject}}
    )


async def charge_of(db: SessionMaker) -> str:
    found = await rows(db, "SELECT provider_ref FROM payments WHERE kind = 'charge'")
    return str(found[0].provider_ref)


async def test_a_company_signs_files_is_checked_and_buys(
    market: Market, committed_db: SessionMaker, objects: Path
) -> None:
    await forget(market, committed_db)
    refused = await market.buy()
    assert (refused.status_code, refused.json()["reasons"]) == (403, ["BUYER_NOT_CREDENTIALED"])
    desk = await staff(market, committed_db)
    async with market.client() as buyer, desk:
        before = (await buyer.get("/api/contractors/me/checks")).json()
        assert (before["allowed"], len(before["missing"]), len(before["items"])) == (False, 7, 5)
        assert (await buyer.get("/my/checks")).status_code == 200
        signed = await buyer.post("/api/contractors/me/agreement", json={"version": AGREEMENT_VERSION})
        assert signed.status_code == 200, signed.text
        early = await credential(desk, market)
        assert (early.status_code, early.json()["missing"]) == (
            409,
            ["identity", "insurance", "licence", "us_entity"],
        )
        for item in PAPERS:
            filed = await file(buyer, item)
            assert (filed.status_code, filed.json()["media_type"]) == (201, "application/pdf"), filed.text
            expiry = {"expires_on": "2099-01-01"} if item == "insurance" else {}
            said = await decide(
                desk, market, item, value="verified", evidence_id=filed.json()["id"], **expiry
            )
            assert said.status_code == 200, said.text
            paper = await desk.get(f"/api/ops/buyer-evidence/{filed.json()['id']}")
            assert (paper.content, paper.headers["x-content-type-options"]) == (PDF, "nosniff")
            assert paper.headers["content-disposition"].startswith("attachment")
        assert (await decide(desk, market, "licence", value="not_required")).status_code == 200
        assert (await market.buy()).status_code == 403
        after = await credential(desk, market)
        assert (after.status_code, after.json()["allowed"], after.json()["missing"]) == (200, True, [])

    assert (await market.buy()).json()["status"] == "sold"
    stored = files(objects)
    keys = await rows(committed_db, "SELECT object_key FROM buyer_evidence")
    assert stored == {row.object_key for row in keys}
    assert all(key.startswith(f"evidence/{market.contractor_id}/") for key in stored)
    trail = await rows(
        committed_db, "SELECT action, count(*) AS n FROM audit_log WHERE action LIKE 'buyer.%' GROUP BY 1"
    )
    assert {row.action: row.n for row in trail} == {
        "buyer.check": 5,
        "buyer.credential": 1,
        "buyer.file_evidence": 3,
        "buyer.read_evidence": 3,
    }


@pytest.mark.parametrize(
    ("item", "body", "status", "code"),
    [
        ("identity", b"<html></html>", 422, "evidence-refused"),
        ("identity", b"", 422, "evidence-refused"),
        ("identity", PDF[:10], 422, "evidence-refused"),
        ("passport", PDF, 422, "invalid-input"),
        ("identity", b"%PDF-" + bytes(8_000_000), 413, "too-large"),
    ],
)
async def test_a_refused_file_leaves_nothing(  # noqa: PLR0917 - fixtures are asked for by name
    market: Market, committed_db: SessionMaker, objects: Path, item: str, body: bytes, status: int, code: str
) -> None:
    async with market.client() as buyer:
        answer = await file(buyer, item, body)

    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.json()["detail"]
    assert await rows(committed_db, "SELECT 1 FROM buyer_evidence") == []
    assert files(objects) == set()


async def test_a_decision_names_what_is_wrong_with_it(market: Market, committed_db: SessionMaker) -> None:
    async with committed_db.begin() as session:
        other, person = await make_buyer(session)
    token = market.door.user_token(Role.CONTRACTOR_OWNER, contractor_id=other, user_id=person)
    async with market.door.client(token=token) as stranger:
        foreign = (await file(stranger, "identity")).json()["id"]
    desk = await staff(market, committed_db)
    async with desk, market.client() as buyer:
        own = (await file(buyer, "insurance")).json()["id"]
        for item, body in {
            "identity": {"value": "verified", "evidence_id": foreign},
            "us_entity": {"value": "verified", "evidence_id": own},
            "agreement": {"value": "verified"},
            "licence": {"value": "verified"},
        }.items():
            answer = await decide(desk, market, item, **body)
            assert answer.status_code == 422, item
        assert (await buyer.post("/api/contractors/me/agreement", json={"version": "old"})).status_code == 409
        assert (await decide(buyer, market, "licence", value="not_required")).status_code == 403
        assert (await credential(buyer, market)).status_code == 403
        assert (await buyer.get(f"/api/ops/buyer-evidence/{own}")).status_code == 403
        assert (await desk.get("/api/contractors/me/checks")).status_code == 403
        assert (await desk.get(f"/api/ops/contractors/{uuid4()}/checks")).status_code == 404


async def test_who_changes_its_name_is_checked_again(market: Market, committed_db: SessionMaker) -> None:
    await change(
        committed_db, "UPDATE contractors SET company_name = 'Other' WHERE id = :id", id=market.contractor_id
    )
    desk = await staff(market, committed_db)
    async with desk:
        assert (await credential(desk, market)).json()["missing"] == ["identity"]
    assert (await market.buy()).status_code == 403


@pytest.mark.parametrize(
    ("statement", "lapses"),
    [
        ("UPDATE contractors SET credential_checked_at = now() - interval '90 days 1 second'", True),
        ("UPDATE contractors SET credential_checked_at = now() - interval '89 days 23 hours'", False),
        ("UPDATE buyer_checks SET expires_on = current_date - 1 WHERE item = 'insurance'", True),
        ("UPDATE buyer_checks SET expires_on = current_date WHERE item = 'insurance'", False),
        ("UPDATE buyer_checks SET expires_on = current_date - 1 WHERE item = 'licence'", True),
        ("UPDATE buyer_checks SET about = '2020-01' WHERE item = 'agreement'", True),
    ],
)
async def test_the_night_ends_what_has_run_out(
    market: Market, committed_db: SessionMaker, statement: str, lapses: bool
) -> None:
    await change(committed_db, statement)

    seen = await recheck(market, committed_db)

    assert seen["lapsed"] >= 1 if lapses else seen["lapsed"] == 0
    assert await status_of(committed_db, market.contractor_id) == ("lapsed" if lapses else "credentialed")
    notices = await rows(
        committed_db,
        "SELECT channel, kind, reason FROM notifications WHERE contractor_id = :id",
        id=market.contractor_id,
    )
    assert [(row.channel, row.kind) for row in notices] == [("in_app", "credentials_lapsed")] * lapses
    assert (await market.buy()).status_code == (403 if lapses else 202)
    assert (await recheck(market, committed_db))["lapsed"] == 0


async def test_a_charge_back_freezes_its_buyer_until_an_operator_releases_it(
    market: Market, committed_db: SessionMaker
) -> None:
    bought = await market.buy()
    assert bought.json()["status"] == "sold"
    async with committed_db.begin() as session:
        second = await make_lead(session, market.resources.keys)
    body = dispute(await charge_of(committed_db))

    assert (await market.webhook(body)).json() == {"status": "taken"}
    assert (await market.webhook(body)).json() == {"status": "duplicate"}
    again = await market.webhook(dispute(await charge_of(committed_db), "evt_d2"))
    assert again.json() == {"status": "taken"}

    assert (await market.buy(second)).json()["reasons"] == ["BUYER_NOT_CREDENTIALED"]
    desk = await staff(market, committed_db)
    async with market.client() as buyer, desk:
        missing = (await buyer.get("/api/contractors/me/checks")).json()["missing"]
        assert [sentence[:24] for sentence in missing] == ["Your bank took a payment"]
        (case,) = (await desk.get("/api/ops/buyer-cases", params={"settled": False})).json()["items"]
        assert (case["contractor_id"], case["sale_id"], case["amount_cents"]) == (
            str(market.contractor_id),
            bought.json()["sale_id"],
            17500,
        )
        assert (await recheck(market, committed_db))["lapsed"] == 0
        path = f"/api/ops/buyer-cases/{case['id']}/settlement"
        word = {"outcome": "released", "note": "The bank erred."}
        answers = await asyncio.gather(*(desk.post(path, json=word) for _ in range(4)))
        assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
        assert (await buyer.post(path, json=word)).status_code == 403
    assert (await market.buy(second)).json()["status"] == "sold"
    assert await violations(committed_db) == {}


@pytest.mark.fault(15)
async def test_events_in_any_order_leave_the_same_case(market: Market, committed_db: SessionMaker) -> None:
    await market.buy()
    charge = await charge_of(committed_db)

    assert (await market.webhook(dispute(charge, "evt_2", status="lost"))).json() == {"status": "taken"}
    assert (await market.webhook(dispute(charge, "evt_1"))).json() == {"status": "taken"}

    cases = await rows(committed_db, "SELECT processor_status, outcome FROM buyer_cases")
    assert [tuple(row) for row in cases] == [("lost", None)]
    desk = await staff(market, committed_db)
    async with desk:
        (case,) = (await desk.get("/api/ops/buyer-cases")).json()["items"]
        ended = await desk.post(
            f"/api/ops/buyer-cases/{case['id']}/settlement", json={"outcome": "ended", "note": "Fraud."}
        )
        assert ended.json()["outcome"] == "ended"
    assert await status_of(committed_db, market.contractor_id) == "lapsed"


async def test_a_dispute_of_nobody_is_kept_and_a_broken_one_refused(
    market: Market, committed_db: SessionMaker
) -> None:
    assert (await market.webhook(dispute("pi_unknown"))).json() == {"status": "kept"}
    broken = orjson.loads(dispute("pi_1", "evt_x"))
    del broken["data"]["object"]["amount"]
    answer = await market.webhook(orjson.dumps(broken))
    assert (answer.status_code, "amount" in answer.json()["detail"]) == (422, True)
    assert await rows(committed_db, "SELECT 1 FROM buyer_cases") == []
