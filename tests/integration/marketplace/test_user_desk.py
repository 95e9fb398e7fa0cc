"""The operators' list of users: found, suspended and restored, never without an administrator."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from services.marketplace.api.cookies import CSRF_COOKIE
from services.marketplace.repository.accounts import PeopleRepository
from services.marketplace.repository.users import UserRepository
from shared.http.auth import CSRF_HEADER
from shared.schemas.enums import UserRole
from tests.factories.accounts import PASSWORD, Account, log_in, make_staff
from tests.factories.leads import make_buyer
from tests.integration.marketplace.conftest import rows
from tests.integration.marketplace.test_desk_work import Desk, desk, send
from tests.integration.marketplace.test_second_factor import set_up

__all__ = ["desk"]
WHY = {"reason": "left the company"}


async def staff(desk: Desk, role: UserRole) -> tuple[UUID, str]:
    """Somebody of ours who is not logged in: (id, address)."""
    async with desk.db.begin() as session:
        email = await make_staff(session, role)
    return (await rows(desk.db, "SELECT id FROM users WHERE email = :email", email=email))[0].id, email


async def may_log_in(desk: Desk, email: str) -> bool:
    async with desk.door.client() as client:
        return (await log_in(client, email, PASSWORD)).status_code == 200


async def found(client: httpx.AsyncClient, **wanted: Any) -> list[str]:
    page = (await client.get("/api/ops/users", params=wanted)).json()
    return [each["email"] for each in page["items"]]


async def trail(desk: Desk) -> list[tuple[str, str]]:
    lines = await rows(
        desk.db,
        "SELECT action, reason FROM audit_log WHERE object_type = 'user' AND reason IS NOT NULL"
        " ORDER BY chain_day, chain_seq",
    )
    return [tuple(line) for line in lines]


async def test_accounts_are_found_and_paged(desk: Desk) -> None:
    client = await desk.enter(UserRole.OPS)
    async with desk.db.begin() as session:
        company, owner = await make_buyer(session, company_name="Harrow 100% Roofing")
    _, reviewer = await staff(desk, UserRole.REVIEWER)

    seen, cursor = [], None
    for _ in range(3):
        asked = {"limit": 1, **({"cursor": cursor} if cursor else {})}
        page = (await client.get("/api/ops/users", params=asked)).json()
        seen += page["items"]
        cursor = page["next_cursor"]

    assert cursor is None
    assert [each["role"] for each in seen] == ["reviewer", "contractor_owner", "ops"]
    assert [each["sessions_open"] for each in seen] == [0, 1, 1]
    assert (seen[1]["id"], seen[1]["contractor_id"]) == (str(owner), str(company))
    assert "password" not in str(seen)
    assert await found(client, address=reviewer[:12].upper()) == [reviewer]
    assert await found(client, company="100% roof") == [seen[1]["email"]]
    assert await found(client, company="%") == [seen[1]["email"]]
    assert await found(client, role="reviewer") == [reviewer]
    assert await found(client, suspended="true") == []
    shown = await client.get("/ops/users", params={"address": "", "role": "contractor_owner", "company": ""})
    assert "Harrow 100% Roofing" in shown.text
    assert reviewer not in shown.text
    assert "Suspend</summary>" not in shown.text


@pytest.mark.parametrize(
    "wanted", [{"cursor": "x"}, {"role": "king"}, {"limit": "0"}, {"suspended": "maybe"}]
)
async def test_a_wish_that_is_none_is_refused(desk: Desk, wanted: dict[str, str]) -> None:
    client = await desk.enter(UserRole.OPS)
    assert (await client.get("/api/ops/users", params=wanted)).status_code == 422


async def test_a_suspended_person_is_out_until_restored(desk: Desk) -> None:
    client = await desk.enter(UserRole.ADMIN)
    person, email = await staff(desk, UserRole.REVIEWER)
    assert await may_log_in(desk, email)

    bad = await send(client, f"/ops/users/{person}/suspend", reason="x")
    early = await send(client, f"/ops/users/{person}/restore", **WHY)
    done = await send(client, f"/ops/users/{person}/suspend", **WHY)
    again = await send(client, f"/ops/users/{person}/suspend", **WHY)
    open_sessions = await rows(
        desk.db, "SELECT 1 FROM refresh_tokens WHERE user_id = :id AND revoked_at IS NULL", id=person
    )
    out = await may_log_in(desk, email)
    shown = await client.get("/ops/users", params={"suspended": "true"})
    back = await send(client, f"/ops/users/{person}/restore", reason="came back")

    assert [each.status_code for each in (bad, early, done, again, back)] == [422, 409, 303, 409, 303]
    assert (open_sessions, out) == ([], False)
    assert email in shown.text
    assert "Suspended</span>" in shown.text
    assert await may_log_in(desk, email)
    assert await trail(desk) == [("user.suspend", "left the company"), ("user.restore", "came back")]


async def test_ended_sessions_and_a_new_role_are_audited(desk: Desk) -> None:
    client = await desk.enter(UserRole.ADMIN)
    person, email = await staff(desk, UserRole.REVIEWER)
    async with desk.door.client() as other:
        token = (await log_in(other, email, PASSWORD)).json()["access_token"]
        bearer = {"Authorization": f"Bearer {token}"}
        before = await other.get("/api/auth/me", headers=bearer)
        ended = await send(client, f"/ops/users/{person}/end-sessions", reason="lost a phone")
        after = await other.get("/api/auth/me", headers=bearer)
        moved = await send(client, f"/ops/users/{person}/role", role="ops", reason="moved on")
        same = await send(client, f"/ops/users/{person}/role", role="ops", reason="moved on")
        wrong = await send(client, f"/ops/users/{person}/role", role="contractor_owner", reason="moved on")
        now = (await log_in(other, email, PASSWORD)).json()

    assert (before.status_code, after.status_code) == (200, 401)
    assert [each.status_code for each in (ended, moved, same, wrong)] == [303, 303, 303, 422]
    assert now["user"]["role"] == "ops"
    assert await trail(desk) == [("user.end_sessions", "lost a phone"), ("user.role", "moved on")]


async def test_a_buyer_is_given_no_role_and_no_invitation_undoes_a_suspension(desk: Desk) -> None:
    client = await desk.enter(UserRole.ADMIN)
    async with desk.db.begin() as session:
        company, owner = await make_buyer(session)
    (email,) = (await rows(desk.db, "SELECT email FROM users WHERE id = :id", id=owner))[0]

    role = await send(client, f"/ops/users/{owner}/role", role="admin", **WHY)
    done = await send(client, f"/ops/users/{owner}/suspend", **WHY)
    values = {"email": email, "password_hash": "x", "full_name": None, "contractor_id": company}
    async with desk.db.begin() as session:
        joined = await PeopleRepository(session).join({**values, "role": UserRole.CONTRACTOR_OWNER})
        await UserRepository(session).lock_out_company(company)
    restored = await send(client, f"/ops/users/{owner}/restore", **WHY)

    assert (role.status_code, done.status_code, joined) == (409, 303, None)
    assert restored.status_code == 409  # its company left us meanwhile


async def test_nobody_changes_the_own_account_and_operators_change_none(desk: Desk) -> None:
    admin, ops = await desk.enter(UserRole.ADMIN), await desk.enter(UserRole.OPS)
    (own,) = await rows(desk.db, "SELECT id FROM users WHERE role = 'admin'")
    await staff(desk, UserRole.ADMIN)
    deeds = ("end-sessions", "suspend", "restore", "role", "second-factor")

    mine = [await send(admin, f"/ops/users/{own.id}/{deed}", role="ops", **WHY) for deed in deeds]
    theirs = [await send(ops, f"/ops/users/{own.id}/{deed}", role="ops", **WHY) for deed in deeds]
    nobody = [await send(admin, f"/ops/users/{uuid4()}/{deed}", role="ops", **WHY) for deed in deeds]

    assert {each.status_code for each in mine} == {409}
    assert {each.status_code for each in theirs} == {403}
    assert {each.status_code for each in nobody} == {404}
    assert await trail(desk) == []


@pytest.mark.parametrize("deed", ["suspend", "role"])
async def test_administrators_who_change_each_other_at_once_leave_one(desk: Desk, deed: str) -> None:
    clients = [await desk.enter(UserRole.ADMIN) for _ in range(3)]
    admins = [(await client.get("/api/auth/me")).json()["id"] for client in clients]
    calls = [
        send(client, f"/ops/users/{other}/{deed}", role="ops", **WHY)
        for client, own in zip(clients, admins, strict=True)
        for other in admins
        if other != own
    ]

    await asyncio.gather(*calls)

    left = await rows(desk.db, "SELECT 1 FROM users WHERE role = 'admin' AND disabled_at IS NULL")
    assert len(left) == 1
    assert len(await trail(desk)) == 2


async def test_a_program_changes_an_account_with_a_reason(desk: Desk) -> None:
    client = await desk.enter(UserRole.ADMIN)
    person, email = await staff(desk, UserRole.OPS)
    proof = {CSRF_HEADER: client.cookies[CSRF_COOKIE]}

    bare = await client.post(f"/api/ops/users/{person}/suspend", json={}, headers=proof)
    done = await client.post(f"/api/ops/users/{person}/suspend", json=WHY, headers=proof)

    assert (bare.status_code, done.status_code) == (422, 204)
    async with desk.db() as session:
        assert (await session.execute(text("SELECT 1 FROM users WHERE suspended_at IS NOT NULL"))).all()
    assert not await may_log_in(desk, email)


async def with_codes(desk: Desk) -> tuple[UUID, str]:
    """Somebody of ours of whom a code is asked: (id, address)."""
    person, email = await staff(desk, UserRole.OPS)
    async with desk.door.client() as client:
        token = (await log_in(client, email, PASSWORD)).json()["access_token"]
    await set_up(desk.door, Account(email, str(person), "", {"access_token": token}))
    return person, email


async def test_the_list_tells_of_codes_and_an_administrator_resets_them(desk: Desk) -> None:
    admin, ops = await desk.enter(UserRole.ADMIN), await desk.enter(UserRole.OPS)
    person, email = await with_codes(desk)
    async with desk.door.client() as client:
        asked = (await log_in(client, email, PASSWORD)).json()

    listed = (await ops.get("/api/ops/users")).json()["items"]
    seen, shown = (await ops.get("/ops/users")).text, (await admin.get("/ops/users")).text
    theirs = await send(ops, f"/ops/users/{person}/second-factor", **WHY)
    bare = await send(admin, f"/ops/users/{person}/second-factor")
    done = await send(admin, f"/ops/users/{person}/second-factor", reason="lost the phone")
    again = await send(admin, f"/ops/users/{person}/second-factor", reason="lost the phone")

    assert "half_session" in asked
    assert [each["email"] for each in listed if each["second_factor_since"]] == [email]
    assert (seen.count("Reset codes"), shown.count("Reset codes</summary>")) == (0, 1)
    assert shown.count("since ") == 1
    assert [each.status_code for each in (theirs, bare, done, again)] == [403, 422, 303, 404]
    assert await may_log_in(desk, email)
    async with desk.door.client() as client:
        assert "access_token" in (await log_in(client, email, PASSWORD)).json()
    assert await trail(desk) == [("second_factor.reset", "lost the phone")]
