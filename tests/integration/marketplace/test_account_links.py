"""Links that were mailed: an address proven, a password set anew, a colleague let in; each once, none telling."""

from __future__ import annotations

import asyncio
import re
import statistics
import time
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from services.marketplace.service import people
from shared.db.engine import SessionMaker
from shared.http.tls import known_authorities
from shared.schemas.enums import UserRole
from shared.security.policy import Role
from tests.factories.accounts import PASSWORD, known_hash, log_in, sign_up_and_log_in
from tests.factories.leads import make_buyer, make_user
from tests.factories.services import RunningService
from tests.integration.marketplace.conftest import Market, rows

NEW_PASSWORD = "a crow sat on the ridge"


async def work_off(market: Market, db: SessionMaker) -> list[Any]:
    """Run every mail that waits; how each of them ended, oldest first."""
    waiting = "SELECT id FROM core.workflow WHERE kind = 'account_mail' AND status = 'running'"
    for row in await rows(db, waiting):
        await market.runner().run(row.id, "account_mail")
    ended = "SELECT status, reason FROM core.step WHERE name = 'account_mail' ORDER BY updated_at"
    return await rows(db, ended)


async def inbox(market: Market) -> list[dict[str, Any]]:
    """Every message that the town's mail vendor took."""
    async with httpx.AsyncClient(verify=known_authorities()) as client:
        answer = (await client.get(f"{market.town}/_sandbox/sendgrid/messages")).json()
    found: list[dict[str, Any]] = answer if isinstance(answer, list) else answer["messages"]
    return found


async def token_of(market: Market, db: SessionMaker, page: str) -> str:
    """The token of the newest mailed link to this page."""
    ended = await work_off(market, db)
    assert ended[-1].status == "done", ended[-1].reason
    tokens = re.findall(rf"{page}/([0-9a-f]{{96}})", str(await inbox(market)))
    return str(tokens[-1])


async def email_of(db: SessionMaker, user_id: UUID) -> str:
    return str((await rows(db, "SELECT email FROM users WHERE id = :id", id=user_id))[0].email)


async def prove(db: SessionMaker, user_id: UUID) -> None:
    async with db.begin() as session:
        await session.execute(
            text("UPDATE users SET email_verified_at = now(), password_hash = :hash WHERE id = :id"),
            {"id": user_id, "hash": await known_hash()},
        )


async def invite(market: Market, email: str, role: str = "contractor_member") -> httpx.Response:
    async with market.client() as client:
        return await client.post("/api/people/invitations", json={"email": email, "role": role})


async def post(market: Market, path: str, **body: Any) -> httpx.Response:
    async with market.door.client(timeout=30) as client:
        return await client.post(path, json=body)


async def test_sign_up_asks_for_the_proof_of_the_address(
    door: RunningService, committed_db: SessionMaker
) -> None:
    account = await sign_up_and_log_in(door)

    link = (await rows(committed_db, "SELECT * FROM account_links"))[0]
    assert (link.kind, link.email, link.used_at) == ("verify", account.email, None)
    mails = "SELECT count(*) AS n FROM core.workflow WHERE kind = 'account_mail' AND subject_id = :id"
    assert (await rows(committed_db, mails, id=link.id))[0].n == 1


async def test_an_address_is_proven_once_by_its_link(market: Market, committed_db: SessionMaker) -> None:
    async with market.client() as client:
        assert (await client.post("/api/auth/verification")).status_code == 202
    token = await token_of(market, committed_db, "/verify")

    answers = [(await post(market, "/api/auth/verify", token=token)).status_code for _ in range(2)]
    async with market.client() as client:
        again = await client.post("/api/auth/verification")

    assert (answers, again.status_code) == ([204, 404], 202)
    assert (await rows(committed_db, "SELECT email_verified_at FROM users"))[0].email_verified_at
    assert len(await rows(committed_db, "SELECT 1 FROM account_links")) == 1
    assert token not in str(await rows(committed_db, "SELECT * FROM account_links"))
    sent = "SELECT kind, status, decision_id FROM notifications"
    assert [row[:2] for row in await rows(committed_db, sent)] == [("account_verify", "sent")]


async def test_a_reset_changes_the_password_and_ends_every_session(
    market: Market, committed_db: SessionMaker
) -> None:
    email = await email_of(committed_db, market.user_id)
    assert (await post(market, "/api/auth/forgot", email=email)).status_code == 202
    token = await token_of(market, committed_db, "/reset")

    weak = await post(market, "/api/auth/reset", token=token, password="password123")
    changed = await post(market, "/api/auth/reset", token=token, password=NEW_PASSWORD)
    again = await post(market, "/api/auth/reset", token=token, password=PASSWORD)
    async with market.client() as client:
        old_session = await client.get("/api/auth/me")
    async with market.door.client(timeout=30) as client:
        entered = await log_in(client, email, NEW_PASSWORD)

    assert (weak.status_code, weak.json()["code"]) == (422, "weak-password")
    assert [answer.status_code for answer in (changed, again, old_session, entered)] == [204, 404, 401, 200]


async def test_a_reset_takes_back_what_whoever_had_the_password_may_have_sent(
    market: Market, committed_db: SessionMaker
) -> None:
    async with committed_db.begin() as session:
        await session.execute(text("UPDATE users SET email_verified_at = now()"))
    assert (await invite(market, "thief@roofs.example")).status_code == 201
    email = await email_of(committed_db, market.user_id)
    await post(market, "/api/auth/forgot", email=email)
    token = await token_of(market, committed_db, "/reset")

    assert (await post(market, "/api/auth/reset", token=token, password=NEW_PASSWORD)).status_code == 204
    [link] = await rows(committed_db, "SELECT withdrawn_at FROM account_links WHERE kind = 'invite'")
    assert link.withdrawn_at is not None


async def test_parallel_resets_with_one_link_change_the_password_once(
    market: Market, committed_db: SessionMaker
) -> None:
    email = await email_of(committed_db, market.user_id)
    await post(market, "/api/auth/forgot", email=email)
    token = await token_of(market, committed_db, "/reset")

    answers = await asyncio.gather(
        *(post(market, "/api/auth/reset", token=token, password=f"{NEW_PASSWORD} {n}") for n in range(5))
    )

    assert sorted(answer.status_code for answer in answers) == [204, 404, 404, 404, 404]
    audited = "SELECT 1 FROM audit_log WHERE action = 'user.reset_password'"
    assert len(await rows(committed_db, audited)) == 1


async def test_an_unknown_address_gets_the_same_answer_and_no_mail(
    market: Market, committed_db: SessionMaker
) -> None:
    known = await post(market, "/api/auth/forgot", email=await email_of(committed_db, market.user_id))
    stranger = await post(market, "/api/auth/forgot", email="nobody@roofs.example")
    ended = await work_off(market, committed_db)

    assert (known.status_code, known.content) == (stranger.status_code, stranger.content) == (202, b"null")
    assert sorted(step.status for step in ended) == ["done", "skipped"]
    assert len(await inbox(market)) == 1
    assert len(await rows(committed_db, "SELECT 1 FROM account_links")) == 1


async def test_an_unknown_address_costs_the_time_of_a_known_one(
    market: Market, committed_db: SessionMaker
) -> None:
    spent: dict[str, list[float]] = {
        await email_of(committed_db, market.user_id): [],
        "nobody@roofs.example": [],
    }
    for _ in range(12):
        for email, times in spent.items():
            await market.resources.redis.flushdb()
            market.resources.own.auth.limiter._local._used.clear()
            began = time.perf_counter()
            await post(market, "/api/auth/forgot", email=email)
            times.append((time.perf_counter() - began) * 1000)

    known, unknown = (statistics.median(times) for times in spent.values())
    assert abs(known - unknown) < 10, (known, unknown)


async def test_asking_again_and_again_is_refused_for_known_and_unknown_alike(
    market: Market, committed_db: SessionMaker
) -> None:
    known = await email_of(committed_db, market.user_id)

    answers = {
        email: [(await post(market, "/api/auth/forgot", email=email)).status_code for _ in range(6)]
        for email in (known, "nobody@roofs.example")
    }

    assert answers == {email: [202] * 5 + [429] for email in answers}


@pytest.mark.parametrize(
    "ended",
    [
        "UPDATE account_links SET expires_at = now()",
        "UPDATE account_links SET withdrawn_at = now()",
        "UPDATE users SET disabled_at = now()",
    ],
)
async def test_a_link_that_does_not_hold_changes_nothing(
    market: Market, committed_db: SessionMaker, ended: str
) -> None:
    email = await email_of(committed_db, market.user_id)
    await post(market, "/api/auth/forgot", email=email)
    token = await token_of(market, committed_db, "/reset")
    async with committed_db.begin() as session:
        await session.execute(text(ended))

    refused = await post(market, "/api/auth/reset", token=token, password=NEW_PASSWORD)
    forged = await post(market, "/api/auth/reset", token=token[:-1] + "x", password=NEW_PASSWORD)
    of_another_kind = await post(market, "/api/auth/join", token=token, password=NEW_PASSWORD)

    answers = [refused, forged, of_another_kind]
    assert [answer.json()["code"] for answer in answers] == ["link-not-valid"] * 3
    assert len({answer.json()["detail"] for answer in answers}) == 1
    hashes = await rows(committed_db, "SELECT password_hash FROM users WHERE id = :id", id=market.user_id)
    assert hashes[0].password_hash == "no log-in"


async def test_an_invited_colleague_joins_once_and_only_as_what_was_invited(
    market: Market, committed_db: SessionMaker
) -> None:
    await prove(committed_db, market.user_id)
    asked = await invite(market, "new@roofs.example")
    token = await token_of(market, committed_db, "/join")

    body = {"token": token, "password": NEW_PASSWORD, "full_name": "Kim Lee"}
    grabbing = await post(market, "/api/auth/join", **body, role="admin")
    joined = await post(market, "/api/auth/join", **body)
    again = await post(market, "/api/auth/join", **body)
    async with market.door.client(timeout=30) as client:
        entered = await log_in(client, "new@roofs.example", NEW_PASSWORD)
    async with market.client() as client:
        company = (await client.get("/api/people")).json()

    assert (asked.status_code, asked.json()["role"]) == (201, "contractor_member")
    assert [answer.status_code for answer in (grabbing, joined, again, entered)] == [422, 201, 404, 200]
    assert joined.json()["contractor_id"] == str(market.contractor_id)
    assert {person["role"] for person in company["people"]} == {"contractor_owner", "contractor_member"}
    assert company["invitations"] == []


async def test_an_invitation_does_not_tell_whether_the_address_has_an_account(
    market: Market, committed_db: SessionMaker
) -> None:
    await prove(committed_db, market.user_id)
    async with committed_db.begin() as session:
        _, stranger = await make_buyer(session)
    taken = await email_of(committed_db, stranger)

    answers = [await invite(market, email) for email in (taken, "free@roofs.example")]
    ended = await work_off(market, committed_db)

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json().keys() == answers[1].json().keys()
    assert [step.status for step in ended] == ["done", "done"]
    tokens = re.findall(r"/join/([0-9a-f]{96})", str([m for m in await inbox(market) if taken in str(m)]))
    refused = await post(market, "/api/auth/join", token=tokens[0], password=NEW_PASSWORD)
    assert (refused.status_code, refused.json()["code"]) == (409, "email-taken")


async def test_only_who_has_proven_the_own_address_invites(
    market: Market, committed_db: SessionMaker
) -> None:
    refused = await invite(market, "new@roofs.example")

    assert (refused.status_code, refused.json()["code"]) == (409, "address-unproven")
    assert await rows(committed_db, "SELECT 1 FROM account_links") == []


async def test_a_withdrawn_or_replaced_invitation_opens_nothing(
    market: Market, committed_db: SessionMaker
) -> None:
    await prove(committed_db, market.user_id)
    await invite(market, "new@roofs.example")
    first = await token_of(market, committed_db, "/join")
    second_id = (await invite(market, "NEW@roofs.example", "contractor_owner")).json()["id"]
    second = await token_of(market, committed_db, "/join")
    async with market.client() as client:
        gone = [(await client.delete(f"/api/people/invitations/{second_id}")).status_code for _ in range(2)]

    assert first != second
    assert gone == [204, 404]
    for token in (first, second):
        assert (await post(market, "/api/auth/join", token=token, password=NEW_PASSWORD)).status_code == 404


async def test_nobody_joins_a_company_that_has_left(market: Market, committed_db: SessionMaker) -> None:
    await prove(committed_db, market.user_id)
    await invite(market, "new@roofs.example")
    token = await token_of(market, committed_db, "/join")
    async with committed_db.begin() as session:
        await session.execute(text("UPDATE users SET disabled_at = now()"))

    assert (await post(market, "/api/auth/join", token=token, password=NEW_PASSWORD)).status_code == 404


async def test_a_removed_colleague_is_out_at_once_and_may_be_invited_again(
    market: Market, committed_db: SessionMaker
) -> None:
    await prove(committed_db, market.user_id)
    async with committed_db.begin() as session:
        member = await make_user(session, role=UserRole.CONTRACTOR_MEMBER, contractor_id=market.contractor_id)
    token = market.door.user_token(Role.CONTRACTOR_MEMBER, contractor_id=market.contractor_id, user_id=member)
    async with market.client() as client, market.door.client(token=token) as colleague:
        seen = await colleague.get("/api/people")
        reaching = await colleague.delete(f"/api/people/{market.user_id}")
        removed = await client.delete(f"/api/people/{member}")
        out = await colleague.get("/api/people")
    assert [answer.status_code for answer in (seen, reaching, removed, out)] == [200, 403, 204, 401]

    email = await email_of(committed_db, member)
    assert (await invite(market, email)).status_code == 201
    back = await post(
        market,
        "/api/auth/join",
        token=await token_of(market, committed_db, "/join"),
        password=NEW_PASSWORD,
    )
    assert (back.status_code, back.json()["id"]) == (201, str(member))


async def second_owner(market: Market, db: SessionMaker) -> UUID:
    """Another owner of the company, whose address is proven."""
    async with db.begin() as session:
        other = await make_user(session, role=UserRole.CONTRACTOR_OWNER, contractor_id=market.contractor_id)
    await prove(db, other)
    return other


@pytest.mark.parametrize("how", ["removed", "made a member"])
async def test_the_invitations_of_who_owns_no_more_open_nothing(
    market: Market, committed_db: SessionMaker, how: str
) -> None:
    other = await second_owner(market, committed_db)
    await prove(committed_db, market.user_id)
    token = market.door.user_token(Role.CONTRACTOR_OWNER, contractor_id=market.contractor_id, user_id=other)
    back_door = {"email": "other@home.example", "role": "contractor_owner"}
    async with market.door.client(token=token) as leaving:
        assert (await leaving.post("/api/people/invitations", json=back_door)).status_code == 201
    opening = await token_of(market, committed_db, "/join")
    await invite(market, "kim@roofs.example")
    async with market.client() as client:
        if how == "removed":
            ended = await client.delete(f"/api/people/{other}")
        else:
            ended = await client.patch(f"/api/people/{other}", json={"role": "contractor_member"})
        left = (await client.get("/api/people")).json()["invitations"]

    joined = await post(market, "/api/auth/join", token=opening, password=NEW_PASSWORD)
    assert (ended.status_code, joined.status_code) == (204, 404)
    assert [invitation["email"] for invitation in left] == ["kim@roofs.example"]


async def test_who_is_removed_while_inviting_invites_nobody(
    market: Market, committed_db: SessionMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    await prove(committed_db, market.user_id)

    async def counted(*_: Any) -> None:
        async with committed_db.begin() as session:
            await session.execute(text("UPDATE refresh_tokens SET revoked_at = now()"))

    monkeypatch.setattr(people, "count_invitation", counted)

    assert (await invite(market, "other@home.example")).status_code == 401
    assert await rows(committed_db, "SELECT 1 FROM account_links") == []


async def test_another_role_ends_the_sessions_that_carry_the_old_one(
    market: Market, committed_db: SessionMaker
) -> None:
    async with committed_db.begin() as session:
        member = await make_user(session, role=UserRole.CONTRACTOR_MEMBER, contractor_id=market.contractor_id)
    token = market.door.user_token(Role.CONTRACTOR_MEMBER, contractor_id=market.contractor_id, user_id=member)
    async with market.client() as client, market.door.client(token=token) as colleague:
        changed = await client.patch(f"/api/people/{member}", json={"role": "contractor_owner"})
        out = await colleague.get("/api/people")
        staff = await client.patch(f"/api/people/{member}", json={"role": "admin"})

    assert [answer.status_code for answer in (changed, out, staff)] == [204, 401, 422]


async def test_the_people_of_another_company_do_not_exist(market: Market, committed_db: SessionMaker) -> None:
    async with committed_db.begin() as session:
        _, stranger = await make_buyer(session)

    async with market.client() as client:
        answers = [
            await client.patch(f"/api/people/{stranger}", json={"role": "contractor_member"}),
            await client.delete(f"/api/people/{stranger}"),
        ]

    assert [answer.status_code for answer in answers] == [404, 404]


async def test_two_owners_who_remove_each_other_leave_one(market: Market, committed_db: SessionMaker) -> None:
    async with committed_db.begin() as session:
        other = await make_user(session, role=UserRole.CONTRACTOR_OWNER, contractor_id=market.contractor_id)
    token = market.door.user_token(Role.CONTRACTOR_OWNER, contractor_id=market.contractor_id, user_id=other)

    async with market.client() as client, market.door.client(token=token) as second:
        answers = await asyncio.gather(
            client.delete(f"/api/people/{other}"), second.delete(f"/api/people/{market.user_id}")
        )

    codes = sorted(answer.status_code for answer in answers)
    assert codes in ([204, 401], [204, 404], [204, 409])
    left = "SELECT 1 FROM users WHERE contractor_id = :id AND disabled_at IS NULL"
    assert len(await rows(committed_db, left, id=market.contractor_id)) == 1
