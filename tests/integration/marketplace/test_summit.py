"""HVAC leads reach Summit.AI once, on real storage and the sandbox's HighLevel over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from services.marketplace.jobs import STEPS
from shared.db.engine import SessionMaker
from shared.http.tls import known_authorities
from shared.schemas.enums import UserRole
from shared.security.policy import Role
from shared.security.subject_keys import SubjectKeys
from shared.workflow.runner import StepRunner
from tests.factories.leads import make_user
from tests.integration.marketplace.conftest import Market, let_due, rows

KEY = {"authorization": "Bearer k", "version": "2021-07-28"}
PERMIT = """
    INSERT INTO roofing_permits (permit_number, address, address_key, state, issue_date, vertical, jurisdiction,
                                 content_hash)
    VALUES (CAST(:number AS text), '1 Palm St', CAST(:number AS text), 'FL', '2004-05-01', 'hvac', 'test', 'h') RETURNING id
"""
DETAIL = """
    INSERT INTO permit_details (permit_id, record_id, subject_id, raw_data, owner_name, owner_phone, owner_phone_hash,
                                owner_email, owner_email_hash, content_hash)
    VALUES (:permit, 'r', :subject, 'x', :owner_name, :owner_phone, :owner_phone_hash, :owner_email, :owner_email_hash, 'h')
"""
LEAD = """
    WITH house AS (
        INSERT INTO hvac_properties (state, address_key, address, normalized_address, newest_permit_id, newest_permit_on,
                                     permit_count, system_age_years, lead_score, lead_tier)
        VALUES ('FL', :number, '1 Palm St', '1 palm st', :permit, '2004-05-01', 1, 22, 100, 'HOT') RETURNING id
    )
    INSERT INTO hvac_leads (property_id, status) SELECT id, :status FROM house RETURNING id
"""


@dataclass
class Desk:
    """The marketplace, an operator, and the town's HighLevel."""

    market: Market
    db: SessionMaker
    operator: UUID

    async def operate(self, method: str, path: str, **options: Any) -> httpx.Response:
        token = self.market.door.user_token(Role.OPS, user_id=self.operator)
        async with self.market.door.client(token=token, timeout=30) as client:
            return await client.request(method, path, **options)

    async def lead(self, phone: str | None, email: str | None = None, status: str = "qualified") -> UUID:
        ring, number = self.market.resources.keys, uuid4().hex
        async with self.db.begin() as session:
            cipher = await SubjectKeys(session, ring).create()
            permit = (await session.execute(text(PERMIT), {"number": number})).scalar_one()
            values = {
                "permit": permit,
                "subject": cipher.subject_id,
                "owner_name": cipher.encrypt("owner_name", "ADA LOVELACE"),
                "owner_phone": cipher.encrypt_optional("owner_phone", phone),
                "owner_phone_hash": ring.blind_index_optional(phone, "phone"),
                "owner_email": cipher.encrypt_optional("owner_email", email),
                "owner_email_hash": ring.blind_index_optional(email, "email"),
            }
            await session.execute(text(DETAIL), values)
            lead = {"number": number, "permit": permit, "status": status}
            made: UUID = (await session.execute(text(LEAD), lead)).scalar_one()
        return made

    async def sync(self, *lead_ids: UUID) -> int:
        """Ask for the sync and do the work; how many were started."""
        form = {"lead_ids": [str(lead_id) for lead_id in lead_ids]}
        answer = (
            (await self.operate("POST", "/api/leads/sync-to-summit", json=form)).raise_for_status().json()
        )
        await self.work()
        return int(answer["data"]["started"])

    async def work(self) -> None:
        await let_due(self.db)
        runner = StepRunner(self.market.resources, STEPS, worker="test-worker", lease_seconds=30)
        ready = "SELECT workflow_id FROM core.step WHERE name = 'sync_hvac_lead' AND status = 'ready'"
        for row in await rows(self.db, ready):
            await runner.run(row.workflow_id, "sync_hvac_lead")

    async def row(self, lead_id: UUID) -> Any:
        return (await rows(self.db, "SELECT * FROM hvac_leads WHERE id = :id", id=lead_id))[0]

    async def vendor(self, method: str, path: str, **options: Any) -> Any:
        async with httpx.AsyncClient(verify=known_authorities(), base_url=self.market.town) as client:
            return (await client.request(method, path, headers=KEY, **options)).raise_for_status().json()

    async def contacts(self) -> list[dict[str, Any]]:
        wish = {"locationId": "sandbox", "pageLimit": 100}
        return list((await self.vendor("POST", "/highlevel/contacts/search", json=wish))["contacts"])


@pytest.fixture
async def desk(market: Market, committed_db: SessionMaker) -> Desk:
    async with committed_db.begin() as session:
        operator = await make_user(session, role=UserRole.OPS)
    return Desk(market, committed_db, operator)


async def test_all_pending_leads_are_created_tagged_and_stamped(desk: Desk) -> None:
    first, second = await desk.lead("(305) 555-0123"), await desk.lead(None, "ADA@homes.example")
    gone = await desk.lead("3055550199", status="withdrawn")

    assert await desk.sync() == 2
    assert await desk.sync() == 0
    contacts = {contact["id"]: contact for contact in await desk.contacts()}
    for lead_id in (first, second):
        row = await desk.row(lead_id)
        assert row.sync_status == "synced"
        assert row.summit_synced_at is not None
        assert contacts[row.summit_contact_id]["tags"] == ["hvac-lead"]
    assert (await desk.row(gone)).sync_status == "pending"
    assert {contact.get("phone") or contact["email"] for contact in contacts.values()} == {
        "+13055550123",
        "ada@homes.example",
    }


async def test_a_known_owner_is_updated_and_two_are_a_conflict(desk: Desk) -> None:
    body = {"locationId": "sandbox", "phone": "+13055550123", "tags": ["old"]}
    known = (await desk.vendor("POST", "/highlevel/contacts/", json=body))["contact"]["id"]
    lead_id = await desk.lead("3055550123")
    await desk.vendor(
        "POST", "/highlevel/contacts/", json={"locationId": "sandbox", "email": "x@homes.example"}
    )
    torn = await desk.lead("3055550123", "x@homes.example")
    await desk.sync()

    (contact,) = [contact for contact in await desk.contacts() if contact["id"] == known]
    assert ((await desk.row(lead_id)).summit_contact_id, contact["tags"]) == (known, ["old", "hvac-lead"])
    assert (await desk.row(torn)).sync_status == "conflict"
    assert await desk.sync(lead_id) == 0
    assert await desk.sync(torn) == 1


async def test_who_opted_out_or_cannot_be_reached_is_not_sent(desk: Desk) -> None:
    opted_out, silent = await desk.lead("3055550123"), await desk.lead("none", "n/a")
    suppression = (
        "INSERT INTO compliance.suppression (kind, value_hash, scope, reason, source)"
        " VALUES ('phone', :hash, 'global', 'stop', 'test')"
    )
    async with desk.db.begin() as session:
        value = desk.market.resources.keys.blind_index("3055550123", "phone")
        await session.execute(text(suppression), {"hash": value})
    await desk.sync()

    assert [(await desk.row(lead)).sync_status for lead in (opted_out, silent)] == ["failed"] * 2
    assert "asked not to be contacted" in (await desk.row(opted_out)).sync_error
    assert "no phone" in (await desk.row(silent)).sync_error
    assert await desk.contacts() == []


async def test_a_vendor_that_fails_once_is_asked_again(desk: Desk) -> None:
    lead_id = await desk.lead("3055550123")
    await desk.vendor("POST", "/_sandbox/highlevel/next", json={"fault": "drop", "match": "/contacts/"})
    await desk.sync()
    assert (await desk.row(lead_id)).sync_status == "pending"
    await desk.work()

    (contact,) = await desk.contacts()
    assert (await desk.row(lead_id)).summit_contact_id == contact["id"]


async def test_status_notes_and_connection_are_enveloped(desk: Desk) -> None:
    lead_id = await desk.lead("3055550123")
    await desk.sync()

    status = (await desk.operate("GET", "/api/summit/sync-status")).json()
    assert status["success"] is True
    assert status["data"]["by_status"] == {"pending": 0, "synced": 1, "failed": 0, "conflict": 0}
    assert status["data"]["last_synced_at"]
    assert (await desk.operate("POST", "/api/summit/test")).json()["data"] == {
        "connected": True,
        "reason": None,
    }
    config = (await desk.operate("GET", "/api/summit/config")).json()["data"]
    assert (config["location_id"], config["api_key"]) == ("sandbox", None)
    notes = await desk.operate("PUT", f"/api/leads/{lead_id}/notes", json={"notes": "call in May"})
    assert notes.status_code == 200
    assert (await desk.row(lead_id)).notes == "call in May"
    assert (await desk.operate("PUT", f"/api/leads/{uuid4()}/notes", json={"notes": None})).status_code == 404
    unknown = await desk.operate("POST", "/api/leads/sync-to-summit", json={"lead_ids": [str(uuid4())]})
    assert (unknown.status_code, unknown.json()["success"]) == (404, False)


async def test_a_connection_that_fails_says_why(desk: Desk) -> None:
    await desk.vendor("POST", "/_sandbox/highlevel/next", json={"fault": "503"})
    told = (await desk.operate("POST", "/api/summit/test")).json()["data"]
    assert told["connected"] is False
    assert told["reason"]
