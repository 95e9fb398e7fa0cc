"""Pages of accounts: a forgotten password, an address to prove, an invitation, the people, the API keys."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis
from sqlalchemy import text

from services.marketplace.api.cookies import CSRF_COOKIE
from services.marketplace.app import service
from services.marketplace.domain.accounts import make_token
from services.marketplace.domain.second_factor import STEP_SECONDS, code_of
from services.marketplace.settings import MarketplaceSettings
from shared.db.engine import SessionMaker
from tests.factories.accounts import PASSWORD, Account, make_account
from tests.factories.services import RunningService, running, settings_with_keys
from tests.integration.marketplace.conftest import rows

PAGE = {"accept": "text/html,application/xhtml+xml"}
NEW_PASSWORD = "a crow sat on the ridge"


@pytest.fixture
async def site(
    database_url: str, redis_url: str, redis: Redis, committed_db: SessionMaker
) -> AsyncIterator[RunningService]:
    """The whole marketplace, without neighbours."""
    settings = settings_with_keys(
        MarketplaceSettings, database_url=database_url, redis_url=redis_url, cookie_secure=False
    )
    async with running(service, settings) as started:
        yield started


@pytest.fixture
async def owner(site: RunningService, committed_db: SessionMaker) -> Account:
    """An owner whose address is proven."""
    account = await make_account(site)
    async with committed_db.begin() as session:
        await session.execute(text("UPDATE users SET email_verified_at = now()"))
    return account


async def enter(client: httpx.AsyncClient, email: str, password: str = PASSWORD) -> int:
    answer = await client.post("/login", data={"email": email, "password": password})
    return answer.status_code


async def send(client: httpx.AsyncClient, path: str, **form: Any) -> httpx.Response:
    """The answer to a form of a page that this browser got."""
    return await client.post(path, data={"csrf_token": client.cookies[CSRF_COOKIE], **form})


async def newest_token(site: RunningService, db: SessionMaker, kind: str) -> str:
    found = await rows(
        db, "SELECT id FROM account_links WHERE kind = :kind ORDER BY created_at DESC LIMIT 1", kind=kind
    )
    return make_token(found[0].id, site.resources.keys.tag)


async def test_a_forgotten_password_is_set_anew_by_pages(
    site: RunningService, owner: Account, committed_db: SessionMaker
) -> None:
    async with site.client(headers=PAGE) as client:
        door = await client.get("/login")
        asked = [await client.post("/forgot", data={"email": e}) for e in (owner.email, "no@roofs.example")]
        wrong = await client.post("/forgot", data={"email": "nonsense"})
        link = "SELECT id FROM account_links WHERE email = :email"
        own = (await rows(committed_db, link, email=owner.email))[0].id
        page = f"/reset/{make_token(own, site.resources.keys.tag)}"
        form = await client.get(page)
        weak = await client.post(page, data={"password": "password123"})
        done = await client.post(page, data={"password": NEW_PASSWORD})
        spent = await client.get(page)
        codes = [await enter(client, owner.email), await enter(client, owner.email, NEW_PASSWORD)]

    assert 'href="/forgot"' in door.text
    assert asked[0].text.replace(owner.email, "") == asked[1].text.replace("no@roofs.example", "")
    assert (wrong.status_code, "Type an e-mail address" in wrong.text) == (422, True)
    assert [form.status_code, weak.status_code, done.status_code, spent.status_code] == [200, 422, 200, 404]
    assert "too common" in weak.text
    assert "opens nothing any more" in spent.text
    assert codes == [401, 303]


async def test_opening_the_link_of_a_mail_proves_nothing_before_the_button(
    site: RunningService, committed_db: SessionMaker
) -> None:
    account = await make_account(site)
    async with site.client(headers=PAGE) as client:
        await enter(client, account.email)
        before = await client.get("/my/people")
        refused = await send(client, "/my/people/invite", email="x@roofs.example", role="contractor_member")
        sent = await send(client, "/my/people/verification")
        page = f"/verify/{await newest_token(site, committed_db, 'verify')}"
        opened = await client.get(page)
        proven = await rows(committed_db, "SELECT email_verified_at FROM users")
        pressed = await client.post(page)
        after = await client.get("/my/people")

    assert proven[0].email_verified_at is None
    assert "Address not confirmed" in before.text
    assert (refused.status_code, "Confirm your own" in refused.text) == (409, True)
    assert [sent.status_code, opened.status_code, pressed.status_code] == [303, 200, 200]
    assert "Address not confirmed" not in after.text


async def test_an_owner_invites_a_colleague_who_joins_by_pages(
    site: RunningService, owner: Account, committed_db: SessionMaker
) -> None:
    async with site.client(headers=PAGE) as client:
        await enter(client, owner.email)
        wrong = await send(client, "/my/people/invite", email="nonsense", role="contractor_member")
        asked = await send(client, "/my/people/invite", email="kim@roofs.example", role="contractor_member")
        listed = await client.get("/my/people")
    async with site.client(headers=PAGE) as colleague:
        page = f"/join/{await newest_token(site, committed_db, 'invite')}"
        form = await colleague.get(page)
        joined = await colleague.post(page, data={"password": NEW_PASSWORD, "full_name": "<b>Kim</b>"})
        entered = await enter(colleague, "kim@roofs.example", NEW_PASSWORD)
        seen = await colleague.get("/my/people")
        reaching = await send(
            colleague, "/my/people/invite", email="x@roofs.example", role="contractor_owner"
        )

    assert (wrong.status_code, "Type an e-mail address" in wrong.text) == (422, True)
    assert (asked.status_code, "kim@roofs.example" in listed.text) == (303, True)
    assert [form.status_code, joined.status_code, entered, seen.status_code] == [200, 200, 303, 200]
    assert ("<b>Kim</b>" in seen.text, "&lt;b&gt;Kim&lt;/b&gt;" in seen.text) == (False, True)
    assert ("Invite a colleague" in seen.text, reaching.status_code) == (False, 403)


@pytest.mark.parametrize("name", ["Kim\r\n\r\nYour account is closed: call us", "\u202eexe.gnp", "Kim\x00"])
async def test_a_colleagues_name_is_one_line_that_can_be_seen(
    site: RunningService, owner: Account, committed_db: SessionMaker, name: str
) -> None:
    async with site.client(headers=PAGE) as client:
        await enter(client, owner.email)
        await send(client, "/my/people/invite", email="kim@roofs.example", role="contractor_member")
    async with site.client(headers=PAGE) as colleague:
        page = f"/join/{await newest_token(site, committed_db, 'invite')}"
        refused = await colleague.post(page, data={"password": NEW_PASSWORD, "full_name": name})
        joined = await colleague.post(page, data={"password": NEW_PASSWORD, "full_name": "Kim"})

    assert (refused.status_code, "Type your name" in refused.text) == (422, True)
    assert joined.status_code == 200


async def test_the_last_owner_is_kept_and_a_colleague_changes_role_and_leaves(
    site: RunningService, owner: Account, committed_db: SessionMaker
) -> None:
    async with site.client(headers=PAGE) as client:
        await enter(client, owner.email)
        await send(client, "/my/people/invite", email="kim@roofs.example", role="contractor_member")
        page = f"/join/{await newest_token(site, committed_db, 'invite')}"
        await client.post(page, data={"password": NEW_PASSWORD, "full_name": "Kim"})
        query = "SELECT id FROM users WHERE email = 'kim@roofs.example'"
        kim = (await rows(committed_db, query))[0].id
        answers = [
            await send(client, f"/my/people/{owner.user_id}/remove"),
            await send(client, f"/my/people/{kim}/role", role="contractor_owner"),
            await send(client, f"/my/people/{kim}/remove"),
        ]
        left = await client.get("/my/people")

    assert [answer.status_code for answer in answers] == [409, 303, 303]
    assert "Your company needs an owner" in answers[0].text
    assert "kim@roofs.example" not in left.text


async def test_a_form_without_its_own_proof_changes_nobody(site: RunningService, owner: Account) -> None:
    async with site.client(headers=PAGE) as client:
        await enter(client, owner.email)
        paths = (f"/my/people/{owner.user_id}/remove", "/my/people/invite", "/my/keys")
        answers = [await client.post(path, data={"email": "x@roofs.example"}) for path in paths]

    assert [answer.status_code for answer in answers] == [403] * 3


async def test_a_form_of_another_site_spends_no_link(
    site: RunningService, owner: Account, committed_db: SessionMaker
) -> None:
    async with site.client(headers=PAGE) as client:
        await client.post("/forgot", data={"email": owner.email})
        page = f"/reset/{await newest_token(site, committed_db, 'reset')}"
        foreign = {"sec-fetch-site": "cross-site"}
        refused = await client.post(page, data={"password": NEW_PASSWORD}, headers=foreign)
        form = await client.get(page)

    assert [refused.status_code, form.status_code] == [403, 200]


async def test_a_key_is_made_shown_once_and_revoked_by_pages(
    site: RunningService, owner: Account, committed_db: SessionMaker
) -> None:
    async with site.client(headers=PAGE) as client:
        await enter(client, owner.email)
        empty = await client.get("/my/keys")
        wrong = await send(client, "/my/keys", name="CRM", days="0", scopes="leads:read")
        made = await send(client, "/my/keys", name="CRM", days="30", scopes=["leads:read", "leads:purchase"])
        listed = await client.get("/my/keys")
        key = re.findall(r"rlb_[\w-]{43}", made.text)[0]
        key_id = (await rows(committed_db, "SELECT id FROM api_keys"))[0].id
        revoked = await send(client, f"/my/keys/{key_id}/revoke")
        after = await client.get("/my/keys")

    assert "No API keys" in empty.text
    assert (wrong.status_code, "from 1 to 365" in wrong.text) == (422, True)
    assert (made.status_code, made.headers["cache-control"]) == (200, "no-store")
    assert (key in listed.text, key[:12] in listed.text) == (False, True)
    assert (revoked.status_code, "No API keys" in after.text) == (303, True)


async def let_time_pass(db: SessionMaker) -> None:
    """As if the code that was taken last had been of long ago."""
    async with db.begin() as session:
        await session.execute(text("UPDATE second_factors SET last_step = 0"))


async def test_pages_set_it_up_ask_for_it_and_turn_it_off(
    site: RunningService, owner: Account, committed_db: SessionMaker
) -> None:
    async with site.client(headers=PAGE) as client:
        await enter(client, owner.email)
        off = await client.get("/my/security")
        bad = await send(client, "/my/security/begin", password="no")
        setup = await send(client, "/my/security/begin", password=PASSWORD)
        secret = setup.text.split("<code>")[1].split("</code>")[0].replace(" ", "")
        step = int(time.time()) // STEP_SECONDS
        slip = await send(client, "/my/security/confirm", code="000000")
        on = await send(client, "/my/security/confirm", code=code_of(secret, step))
    await let_time_pass(committed_db)
    async with site.client(headers=PAGE) as client:
        asked = await client.post(
            "/login", data={"email": owner.email, "password": PASSWORD, "next": "/my/security"}
        )
        ticket = asked.text.split('name="half" value="')[1].split('"')[0]
        wrong = await client.post("/login/code", data={"half": ticket, "code": "123 456"})
        entered = await client.post(
            "/login/code", data={"half": ticket, "code": code_of(secret, step), "next": "/my/security"}
        )
        seen = await client.get("/my/security")
        await let_time_pass(committed_db)
        gone = await send(client, "/my/security/off", password=PASSWORD, code=code_of(secret, step))

    assert "Off" in off.text
    assert (bad.status_code, "The password is wrong." in bad.text) == (422, True)
    assert (slip.status_code, "Code it shows" in slip.text) == (422, True)
    assert on.text.count("<li><code>") == 10
    assert (asked.status_code, "Type your code" in asked.text) == (200, True)
    assert (wrong.status_code, "This code is wrong" in wrong.text) == (401, True)
    assert (entered.status_code, entered.headers["location"]) == (303, "/my/security")
    assert "10 recovery codes left" in seen.text
    assert (gone.status_code, "Set up" in gone.text) == (200, True)
