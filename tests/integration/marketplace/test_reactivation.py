"""Uploaded leads reach their company's CRM once, on real storage and the sandbox's HighLevel over HTTP."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from redis.exceptions import ConnectionError as RedisAway
from sqlalchemy import text

from services.marketplace.jobs import STEPS
from shared.db.engine import SessionMaker
from shared.http.tls import known_authorities
from shared.runtime import Resources
from shared.schemas.enums import UserRole
from shared.security.policy import Role
from shared.workflow.runner import StepRunner
from tests.factories.leads import make_user
from tests.integration.marketplace.conftest import Market, let_due, rows

KEY = {"authorization": "Bearer k", "version": "2021-07-28"}
WAITING = """
    SELECT extract(epoch FROM run_after - now()) AS s FROM core.step
     WHERE status = 'ready' AND name = 'reactivate_lead'
"""
PAT = {"name": "Pat Doe", "phone": "(512) 555-0123", "email": "pat@homes.example"}


@dataclass
class Office:
    """The marketplace, an operator, a company, and the town's HighLevel."""

    market: Market
    db: SessionMaker
    operator: UUID
    company: dict[str, Any] = field(default_factory=dict)

    @property
    def resources(self) -> Resources:
        return self.market.resources

    @property
    def location(self) -> str:
        return str(self.company["ghl_location_id"])

    async def operate(self, method: str, path: str, **options: Any) -> httpx.Response:
        token = self.market.door.user_token(Role.OPS, user_id=self.operator)
        async with self.market.door.client(token=token, timeout=30) as client:
            return await client.request(method, path, **options)

    async def ask(self, method: str, path: str, key: str | None = None, **options: Any) -> httpx.Response:
        headers = {"x-api-key": key if key is not None else self.company["api_key"]}
        async with self.market.door.client(timeout=60, headers=headers) as client:
            return await client.request(method, path, **options)

    async def register(self, **changes: Any) -> dict[str, Any]:
        form = {
            "company_name": "Harrow Roofing",
            "owner_name": "Kim Lee",
            "owner_phone": "5125550111",
            "owner_email": f"{uuid4().hex[:8]}@roofs.example",
            "ghl_location_id": f"loc-{uuid4().hex[:8]}",
            **changes,
        }
        return dict((await self.operate("POST", "/company/register", json=form)).raise_for_status().json())

    async def upload(self, **changes: Any) -> UUID:
        answer = (await self.ask("POST", "/leads/single", json=PAT | changes)).raise_for_status()
        return UUID(answer.json()["lead_id"])

    async def work(self) -> None:
        """One try of every lead that waits."""
        await let_due(self.db)
        runner = StepRunner(self.resources, STEPS, worker="test-worker", lease_seconds=30)
        ready = "SELECT workflow_id FROM core.step WHERE name = 'reactivate_lead' AND status = 'ready'"
        for row in await rows(self.db, ready):
            await runner.run(row.workflow_id, "reactivate_lead")

    async def log(self, lead_id: UUID) -> Any:
        statement = "SELECT * FROM lead_processing_logs WHERE lead_id = :id"
        return (await rows(self.db, statement, id=lead_id))[0]

    async def vendor(self, method: str, path: str, **options: Any) -> Any:
        async with httpx.AsyncClient(verify=known_authorities(), base_url=self.market.town) as client:
            answer = await client.request(method, path, headers=KEY, **options)
            return answer.raise_for_status().json()

    async def contacts(self, location: str = "") -> list[dict[str, Any]]:
        wish = {"locationId": location or self.location, "pageLimit": 100}
        return list((await self.vendor("POST", "/highlevel/contacts/search", json=wish))["contacts"])

    async def contact(self, **fields: Any) -> str:
        body = {"locationId": self.location, **fields}
        return str((await self.vendor("POST", "/highlevel/contacts/", json=body))["contact"]["id"])

    async def fault(self, kind: str, **details: Any) -> None:
        await self.vendor("POST", "/_sandbox/highlevel/next", json={"fault": kind, **details})


@pytest.fixture
async def office(market: Market, committed_db: SessionMaker) -> Office:
    async with committed_db.begin() as session:
        operator = await make_user(session, role=UserRole.OPS)
    made = Office(market, committed_db, operator)
    made.company = await made.register()
    return made


async def test_a_new_person_is_created_tagged_and_logged(office: Office) -> None:
    lead_id = await office.upload()
    assert (await office.log(lead_id)).status == "pending"
    await office.work()

    log, (contact,) = await office.log(lead_id), await office.contacts()
    assert (log.status, log.ghl_contact_id, log.worker_id) == ("success", contact["id"], "test-worker")
    assert (log.attempt_count, log.error_message) == (0, None)
    assert (contact["phone"], contact["tags"]) == ("+15125550123", ["roofing-reactivation"])


async def test_a_known_person_is_updated_and_keeps_its_tags(office: Office) -> None:
    known = await office.contact(phone="+15125550123", tags=["old customer"])
    lead_id = await office.upload()
    await office.work()

    (contact,) = await office.contacts()
    assert (await office.log(lead_id)).ghl_contact_id == contact["id"] == known
    assert contact["tags"] == ["old customer", "roofing-reactivation"]
    assert (contact["name"], contact["email"]) == ("Pat Doe", "pat@homes.example")


async def test_two_contacts_wait_for_an_operator_who_chooses_one(office: Office) -> None:
    mobile = await office.contact(phone="+15125550123", name="Number")
    await office.contact(email="pat@homes.example", name="Address")
    lead_id = await office.upload()
    await office.work()

    assert (await office.log(lead_id)).status == "failed"
    assert {contact["name"] for contact in await office.contacts()} == {"Number", "Address"}
    (conflict,) = (await office.operate("GET", "/api/ops/crm-conflicts")).json()
    path = f"/api/ops/crm-conflicts/{conflict['id']}/resolve"
    assert (await office.operate("POST", path, json={"contact_id": "other"})).status_code == 422
    assert (await office.operate("POST", f"/api/ops/uploaded-leads/{lead_id}/retry")).status_code == 409

    answers = await asyncio.gather(
        *(office.operate("POST", path, json={"contact_id": mobile}) for _ in range(2))
    )
    await office.work()

    assert sorted(answer.status_code for answer in answers) == [202, 409]
    log = await office.log(lead_id)
    assert (log.status, log.ghl_contact_id) == ("success", mobile)
    named = {contact["id"]: contact for contact in await office.contacts()}
    assert (named[mobile]["name"], named[mobile].get("email")) == ("Pat Doe", None)
    assert (await office.operate("GET", "/api/ops/crm-conflicts")).json() == []


async def test_a_conflict_is_settled_on_its_page(office: Office) -> None:
    mobile = await office.contact(phone="+15125550123", name="Number")
    await office.contact(email="pat@homes.example", name="Address")
    lead_id = await office.upload()
    await office.work()
    page = await office.operate("GET", "/ops/conflicts")
    (path,) = set(re.findall(r'action="(/ops/conflicts/[^"]+)"', page.text))

    wrong = await office.operate("POST", path, data={"contact_id": "other"})
    chosen = await office.operate("POST", path, data={"contact_id": mobile})
    await office.work()

    assert [wrong.status_code, chosen.status_code] == [422, 303]
    assert f"<option>{mobile}</option>" in page.text
    assert (await office.log(lead_id)).ghl_contact_id == mobile
    assert "No conflict waits" in (await office.operate("GET", "/ops/conflicts")).text


async def test_an_opted_out_person_is_never_sent(office: Office) -> None:
    phone = office.resources.keys.blind_index("+15125550123", "phone")
    async with office.db.begin() as session:
        await session.execute(
            text(
                "INSERT INTO compliance.suppression (kind, value_hash, scope, reason, source)"
                " VALUES ('phone', :hash, 'voice', 'stop', 'test')"
            ),
            {"hash": phone},
        )
    lead_id = await office.upload()
    await office.work()

    log = await office.log(lead_id)
    assert (log.status, log.ghl_contact_id) == ("failed", None)
    assert "asked not to be contacted" in log.error_message
    assert await office.contacts() == []


@pytest.mark.parametrize("kind", ["500", "503", "html"])
async def test_a_failing_vendor_is_asked_four_times_at_most(office: Office, kind: str) -> None:
    lead_id = await office.upload()
    await office.fault(kind, count=100)
    waits = []
    for _ in range(5):
        await office.work()
        waits += [float(row.s) for row in await rows(office.db, WAITING)]

    log = await office.log(lead_id)
    assert log.status == "failed"
    assert log.error_message
    if kind == "html":
        assert (waits, log.attempt_count) == ([], 0)
    else:
        assert log.attempt_count == 3
        assert [0 < wait <= most for wait, most in zip(waits, (1, 2, 4), strict=True)] == [True] * 3


async def test_a_limited_vendor_costs_no_try(office: Office) -> None:
    lead_id = await office.upload()
    await office.fault("429", count=1, retry_after=0.1)
    await office.work()
    assert (await office.log(lead_id)).status == "processing"
    await asyncio.sleep(0.3)
    for _ in range(4):
        await office.work()
        await asyncio.sleep(0.3)

    log = await office.log(lead_id)
    assert (log.status, log.attempt_count) == ("success", 0)


@pytest.mark.parametrize("path", ["/contacts/", "/contacts/search"])
async def test_a_lost_answer_makes_no_second_contact(office: Office, path: str) -> None:
    lead_id = await office.upload()
    await office.fault("drop", count=1, match=path)
    await office.work()
    await office.work()

    log, (contact,) = await office.log(lead_id), await office.contacts()
    assert (log.status, log.ghl_contact_id, log.attempt_count) == ("success", contact["id"], 1)


async def test_refused_fields_fail_at_once_and_a_retry_is_a_new_try(office: Office) -> None:
    lead_id = await office.upload(phone="5125550000")
    await office.work()
    log = await office.log(lead_id)
    assert (log.status, log.attempt_count) == ("failed", 0)
    assert "422" in log.error_message
    assert "555" not in log.error_message

    again = await office.operate("POST", f"/api/ops/uploaded-leads/{lead_id}/retry")
    assert again.status_code == 202
    assert (await office.operate("POST", f"/api/ops/uploaded-leads/{lead_id}/retry")).status_code == 409


async def test_a_location_that_our_key_does_not_open_is_told(office: Office) -> None:
    office.company = await office.register(ghl_location_id="foreign-1")
    lead_id = await office.upload()
    await office.work()

    log = await office.log(lead_id)
    assert (log.status, "our API key" in log.error_message) == ("failed", True)


async def test_a_csv_file_keeps_its_good_rows(office: Office) -> None:
    content = "name,phone\nPat,5125550123\n=cmd(),5125550124\nSam,1\nAnn,5125550125\nPat again,512 555 0123\n"
    file = {"file": ("leads.csv", content.encode("utf-8-sig"), "text/csv")}
    answer = await office.ask("POST", "/leads/csv", files=file)

    assert answer.status_code == 202
    told = answer.json()
    assert (told["accepted"], told["known"], told["rejected"]) == (2, 1, 2)
    assert [fault["line"] for fault in told["errors"]] == [3, 4]
    again = (await office.ask("POST", "/leads/csv", files=file)).json()
    assert (again["accepted"], again["known"]) == (0, 3)


@pytest.mark.fault(17)
async def test_a_csv_file_over_ten_megabytes_stores_nothing(office: Office) -> None:
    content = b"name,phone\n" + b"Pat,5125550123\n" * 700_000
    answer = await office.ask("POST", "/leads/csv", files={"file": ("leads.csv", content, "text/csv")})

    assert answer.status_code == 413
    assert await rows(office.db, "SELECT 1 FROM reactivation_leads") == []


async def test_bulk_reports_what_is_no_lead_by_its_place(office: Office) -> None:
    leads = [PAT, {"name": "Sam"}, 5, {"name": "Ann", "phone": "5125550125"}]
    told = (await office.ask("POST", "/api/leads/bulk", json={"leads": leads})).json()

    assert (told["accepted"], [fault["line"] for fault in told["errors"]]) == (2, [2, 3])


async def test_the_same_person_uploaded_at_once_is_one_lead(office: Office) -> None:
    answers = await asyncio.gather(*(office.ask("POST", "/leads/single", json=PAT) for _ in range(6)))
    await office.work()

    assert {answer.status_code for answer in answers} == {202}
    assert sum(answer.json()["lead_id"] is not None for answer in answers) == 1
    assert len(await office.contacts()) == 1


async def test_without_redis_bulk_is_refused_and_a_single_lead_waits(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any, **__: Any) -> None:
        raise RedisAway("down")

    monkeypatch.setattr(office.resources.redis, "execute_command", away)
    bulk = await office.ask("POST", "/api/leads/bulk", json={"leads": [PAT]})
    file = {"file": ("leads.csv", b"name,phone\nPat,5125550123\n", "text/csv")}
    csv = await office.ask("POST", "/leads/csv", files=file)
    health = await office.ask("GET", "/health/redis")
    assert await rows(office.db, "SELECT 1 FROM reactivation_leads") == []
    single = await office.ask("POST", "/leads/single", json=PAT)
    monkeypatch.undo()

    assert [bulk.status_code, csv.status_code, health.status_code] == [503] * 3
    assert (single.status_code, single.json()["queued"]) == (202, False)
    assert (await office.log(UUID(single.json()["lead_id"]))).status == "pending"
    assert await office.contacts() == []
    await office.work()
    assert len(await office.contacts()) == 1


async def test_a_company_sees_and_sends_its_own_leads_alone(office: Office) -> None:
    mine = await office.upload()
    first, office.company = office.company, await office.register()
    theirs = await office.upload()
    await office.work()

    assert mine != theirs
    assert (await office.ask("GET", f"/leads/uploaded/{mine}")).status_code == 404
    assert (await office.ask("GET", f"/leads/uploaded/{theirs}")).json()["status"] == "success"
    assert (await office.ask("GET", "/dashboard")).json()["leads"] == 1
    assert len(await office.contacts(first["ghl_location_id"])) == len(await office.contacts()) == 1


async def test_the_dashboard_counts_what_the_table_holds(office: Office) -> None:
    await office.upload()
    await office.upload(name="Sam", phone="5125550000", email=None)
    await office.work()
    await office.upload(name="Ann", phone="5125550125", email=None)

    shown = (await office.ask("GET", "/dashboard")).json()
    counted = await rows(office.db, "SELECT status, count(*) AS n FROM lead_processing_logs GROUP BY status")
    assert {name: n for name, n in shown["by_status"].items() if n} == {row.status: row.n for row in counted}
    assert (shown["leads"], shown["success_percent"], len(shown["latest_failures"])) == (3, 50.0, 1)


@pytest.mark.parametrize("key", ["", "rlk_unknown", "x" * 5_000])
async def test_a_key_that_is_none_opens_nothing(office: Office, key: str) -> None:
    for method, path in (("POST", "/leads/single"), ("POST", "/api/leads/bulk"), ("GET", "/dashboard")):
        assert (await office.ask(method, path, key=key, json={})).status_code in (401, 422)
    assert (await office.ask("GET", "/dashboard", key=key)).status_code == 401


async def test_the_key_and_the_person_are_not_readable_in_the_tables(office: Office) -> None:
    await office.upload(notes="roof of 1998")
    dump = str(await rows(office.db, "SELECT * FROM reactivation_leads"))
    dump += str(await rows(office.db, "SELECT * FROM company_profiles"))

    for secret in (
        "Pat",
        "Kim",
        "555-0",
        "5555501",
        "roofs.example",
        "homes.example",
        "1998",
        office.company["api_key"],
    ):
        assert secret not in dump


async def test_an_address_or_a_location_has_one_company(office: Office) -> None:
    form = {
        "company_name": "Other",
        "owner_name": "Kim",
        "owner_phone": "5125550112",
        "owner_email": "new@roofs.example",
        "ghl_location_id": office.location,
    }
    taken = await office.operate("POST", "/company/register", json=form)
    email = {**form, "ghl_location_id": "free", "owner_email": office.company["owner_email"].upper()}

    assert taken.status_code == 409
    assert (await office.operate("POST", "/company/register", json=email)).status_code == 409


async def test_a_company_that_uploads_too_often_has_to_wait(office: Office) -> None:
    office.resources.settings.__dict__["uploads_per_minute"] = 2
    answers = [(await office.ask("GET", "/dashboard")).status_code for _ in range(3)]
    assert answers == [200, 200, 429]
