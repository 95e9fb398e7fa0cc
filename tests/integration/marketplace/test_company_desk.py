"""Contractors at the public door: everybody's own and nobody else's (FAULTS rows 25 and 26)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from shared.db.engine import SessionMaker
from shared.http.auth import route_access
from shared.schemas.enums import UserRole
from shared.security.policy import Role
from tests.factories.accounts import Account, log_in, make_account
from tests.factories.leads import make_user
from tests.factories.services import RunningService

STAFF_ONLY = {"fit_score", "conversion_likelihood", "ltv_estimate", "priority_score", "source", "sandbox"}


@pytest.fixture
async def account(door: RunningService) -> Account:
    return await make_account(door)


@pytest.fixture
async def owner(door: RunningService, account: Account) -> AsyncIterator[httpx.AsyncClient]:
    async with door.client(token=account.token) as client:
        yield client


@pytest.fixture
async def staff(door: RunningService) -> AsyncIterator[httpx.AsyncClient]:
    async with await logged_in(door, Role.OPS) as client:
        yield client


async def logged_in(door: RunningService, role: Role, contractor_id: UUID | None = None) -> httpx.AsyncClient:
    """A client of a person in this role, with an open session."""
    async with door.resources.unit_of_work() as uow:
        user = await make_user(uow.session, role=UserRole(role.value), contractor_id=contractor_id)
    return door.client(token=door.user_token(role, contractor_id=contractor_id, user_id=user))


async def company_row(sessions: SessionMaker, contractor_id: str) -> Any:
    async with sessions() as session:
        query = text("SELECT * FROM contractors WHERE id = :id")
        return (await session.execute(query, {"id": contractor_id})).one()


async def test_an_owner_reads_and_changes_its_company(owner: httpx.AsyncClient, account: Account) -> None:
    path = f"/api/contractors/{account.contractor_id}"

    changed = await owner.patch(path, json={"city": "Ellery", "owner_name": "Kim Roe"})

    assert changed.status_code == 200
    assert (await owner.get(path)).json() == changed.json()
    assert (changed.json()["city"], changed.json()["owner_name"]) == ("Ellery", "Kim Roe")
    assert STAFF_ONLY.isdisjoint(changed.json())


async def test_staff_see_what_we_think_of_a_company_and_leave_a_trace(
    staff: httpx.AsyncClient, account: Account, committed_db: SessionMaker
) -> None:
    answer = await staff.get(f"/api/contractors/{account.contractor_id}")

    assert answer.json().keys() >= STAFF_ONLY
    async with committed_db() as session:
        row = (await session.execute(text("SELECT * FROM audit_log WHERE action = 'contractor.read'"))).one()
    assert row.object_id == account.contractor_id
    assert row.fields == ["email", "owner_name", "phone"]
    assert row.correlation_id == answer.headers["x-correlation-id"]


async def test_the_callee_records_for_whom_it_acted(
    owner: httpx.AsyncClient, account: Account, committed_db: SessionMaker
) -> None:
    await owner.patch(f"/api/contractors/{account.contractor_id}", json={"city": "Ellery"})

    async with committed_db() as session:
        query = text("SELECT actor FROM audit_log WHERE action = 'contractor.update'")
        actor = (await session.execute(query)).scalar_one()
    assert actor == f"service:marketplace for user:{account.user_id}"


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
@pytest.mark.fault(25)
async def test_a_foreign_company_answers_exactly_like_a_missing_one(
    door: RunningService, owner: httpx.AsyncClient, committed_db: SessionMaker, method: str
) -> None:
    foreign = await make_account(door)
    before = await company_row(committed_db, foreign.contractor_id)
    body = {"city": "Stolen"} if method == "PATCH" else None

    answers = [
        await owner.request(method, f"/api/contractors/{contractor_id}", json=body)
        for contractor_id in (foreign.contractor_id, uuid4())
    ]

    bodies = [answer.json() | {"instance": "", "correlation_id": ""} for answer in answers]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert bodies[0] == bodies[1]
    assert await company_row(committed_db, foreign.contractor_id) == before


async def test_a_list_shows_contractors_people_their_own_company_alone(
    door: RunningService, owner: httpx.AsyncClient, staff: httpx.AsyncClient, account: Account
) -> None:
    await make_account(door)

    own = (await owner.get("/api/contractors")).json()
    everything = (await staff.get("/api/contractors", params={"limit": 100})).json()

    assert [item["id"] for item in own["items"]] == [account.contractor_id]
    assert (await owner.get("/api/contractors", params={"city": "Elsewhere"})).json()["items"] == []
    assert len(everything["items"]) > 1


async def test_a_member_reads_and_does_not_change(door: RunningService, account: Account) -> None:
    path = f"/api/contractors/{account.contractor_id}"
    async with await logged_in(door, Role.CONTRACTOR_MEMBER, UUID(account.contractor_id)) as client:
        assert (await client.get(path)).status_code == 200
        assert (await client.patch(path, json={"city": "X"})).status_code == 403
        assert (await client.delete(path)).status_code == 403


async def test_a_reviewer_has_no_business_here(door: RunningService, account: Account) -> None:
    async with door.client(token=door.user_token(Role.REVIEWER)) as client:
        assert (await client.get("/api/contractors")).status_code == 403
        assert (await client.get(f"/api/contractors/{account.contractor_id}")).status_code == 403


DECIDED_BY_US = [
    {"price": 1}, {"status": "active"}, {"is_admin": True}, {"contractor_id": str(uuid4())}, {"id": str(uuid4())},
    {"fit_score": 100}, {"acquisition_status": "active"}, {"subscription_tier": "enterprise"}, {"monthly_fee": 0},
    {"credential_status": "credentialed"}, {"license_status": "active"}, {"source": "signup"}, {"sandbox": True},
]  # fmt: skip


@pytest.mark.parametrize("extra", DECIDED_BY_US)
async def test_what_we_decide_cannot_be_assigned(
    owner: httpx.AsyncClient,
    staff: httpx.AsyncClient,
    account: Account,
    committed_db: SessionMaker,
    extra: dict[str, Any],
) -> None:
    before = await company_row(committed_db, account.contractor_id)

    updated = await owner.patch(f"/api/contractors/{account.contractor_id}", json={"city": "X"} | extra)
    created = await staff.post("/api/contractors", json={"company_name": "X"} | extra)

    assert (updated.status_code, created.status_code) == (422, 422)
    assert await company_row(committed_db, account.contractor_id) == before


async def test_staff_enter_a_contractor_once_per_key(
    staff: httpx.AsyncClient, owner: httpx.AsyncClient
) -> None:
    key = {"Idempotency-Key": "staff-key-1"}
    answers = [
        await staff.post("/api/contractors", json={"company_name": "New Co"}, headers=key) for _ in range(2)
    ]
    refused = await staff.post("/api/contractors", json={"company_name": "Other"}, headers=key)

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert answers[0].headers["location"] == f"/api/contractors/{answers[0].json()['id']}"
    assert (refused.status_code, refused.json()["code"]) == (422, "idempotency-key-reused")
    assert (await owner.post("/api/contractors", json={"company_name": "X"})).status_code == 403


async def test_another_persons_key_is_another_key(door: RunningService, staff: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "key-of-two-people"}
    async with await logged_in(door, Role.ADMIN) as admin:
        one = await staff.post("/api/contractors", json={"company_name": "A"}, headers=key)
        other = await admin.post("/api/contractors", json={"company_name": "B"}, headers=key)

    assert (one.status_code, other.status_code) == (201, 201)
    assert one.json()["id"] != other.json()["id"]


async def test_withdrawing_keeps_the_row_and_locks_its_people_out(
    door: RunningService,
    owner: httpx.AsyncClient,
    staff: httpx.AsyncClient,
    account: Account,
    committed_db: SessionMaker,
) -> None:
    path = f"/api/contractors/{account.contractor_id}"

    assert [(await client.delete(path)).status_code for client in (owner, staff, owner)] == [204, 204, 401]

    row = await company_row(committed_db, account.contractor_id)
    assert (row.acquisition_status, row.auto_renew) == ("churned", False)
    async with door.client() as anybody:
        refresh = {"refresh_token": account.session["refresh_token"]}
        assert (await anybody.post("/api/auth/refresh", json=refresh)).status_code == 401
        assert (await log_in(anybody, account.email)).status_code == 401
    assert (await owner.get("/api/auth/me")).status_code == 401
    assert (await staff.patch(path, json={"city": "X"})).json()["code"] == "contractor-withdrawn"


async def test_when_contractors_cannot_be_reached_the_answer_says_try_again(
    door: RunningService, owner: httpx.AsyncClient, account: Account
) -> None:
    class Refusing(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            raise httpx.ConnectError("refused")

    door.resources.http._mounts.clear()
    door.resources.http._transport = Refusing()

    answer = await owner.get(f"/api/contractors/{account.contractor_id}")

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


async def test_every_route_but_the_public_ones_wants_a_token(
    door: RunningService, owners: RunningService
) -> None:
    public = {(a.method, a.path) for a in route_access(door.app) if a.public_reason is not None}
    assert public == {
        ("POST", "/api/auth/register"), ("POST", "/api/auth/login"), ("POST", "/api/auth/login/code"),
        ("POST", "/api/auth/refresh"),
        ("POST", "/api/auth/forgot"), ("POST", "/api/auth/reset"), ("POST", "/api/auth/verify"),
        ("POST", "/api/auth/join"), ("GET", "/health"), ("GET", "/ready"),
    }  # fmt: skip
    for token in (None, "a.b.c", owners.service_token("marketplace")):
        async with door.client(token=token) as anybody:
            for access in route_access(door.app):
                if access.action is not None:
                    path = access.path.replace("{contractor_id}", str(uuid4()))
                    answer = await anybody.request(access.method, path)
                    assert answer.status_code == 401, access
