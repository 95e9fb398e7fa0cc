"""Log-in and log-out by page: cookies, the form's own proof, and no way to another site."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from redis.asyncio import Redis
from sqlalchemy import text

from services.marketplace.api.cookies import CSRF_COOKIE, REFRESH_COOKIE
from services.marketplace.app import service
from services.marketplace.pages.rendering import STATIC
from services.marketplace.settings import MarketplaceSettings
from shared.db.engine import SessionMaker
from shared.http.auth import ACCESS_COOKIE
from shared.schemas.enums import UserRole
from tests.factories.accounts import PASSWORD, make_account, make_staff
from tests.factories.services import RunningService, running, settings_with_keys

PAGE = {"accept": "text/html,application/xhtml+xml"}
VENDORED = {
    # npm htmx.org 2.0.11, dist/htmx.min.js
    "vendor/htmx.min.js": "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717",
    # npm maplibre-gl 5.24.1, dist/maplibre-gl-csp.js and dist/maplibre-gl-csp-worker.js
    "vendor/maplibre-gl.js": "2835432eb59578c24e9bc7fbcef6f6f03f2af3f60951b940db875125ff617ddb",
    "vendor/maplibre-gl-worker.js": "58534d0ebbe8535cd22d19eb3739788898667390ab9b22b87edfe55b9c85d0a5",
}


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
async def ops(site: RunningService, committed_db: SessionMaker) -> str:
    """An operator's e-mail address."""
    async with committed_db.begin() as session:
        return await make_staff(session, UserRole.OPS)


async def enter(client: httpx.AsyncClient, email: str, **form: str) -> httpx.Response:
    return await client.post("/login", data={"email": email, "password": PASSWORD, **form}, headers=PAGE)


async def test_a_person_logs_in_by_the_form_and_comes_to_the_wanted_page(
    site: RunningService, ops: str
) -> None:
    async with site.client(headers=PAGE) as client:
        closed = await client.get("/ops/leads?state=TX")
        door = await client.get(closed.headers["location"])
        form = await client.get(door.headers["location"])
        entered = await enter(client, ops, next="/ops/leads?state=TX")

    assert closed.status_code == door.status_code == entered.status_code == 303
    assert 'value="/ops/leads?state=TX"' in form.text
    assert entered.headers["location"] == "/ops/leads?state=TX"
    cookies = {line.split("=", 1)[0]: line for line in entered.headers.get_list("set-cookie")}
    assert set(cookies) == {ACCESS_COOKIE, REFRESH_COOKIE, CSRF_COOKIE}
    assert all("SameSite=lax" in line for line in cookies.values())
    assert "HttpOnly" in cookies[ACCESS_COOKIE]


async def test_a_wrong_pair_gets_the_form_again_in_the_same_words(site: RunningService, ops: str) -> None:
    async with site.client(headers=PAGE) as client:
        known = await client.post("/login", data={"email": ops, "password": "wrong"})
        stranger = await client.post("/login", data={"email": "<b>x</b>", "password": "wrong"})

    assert known.status_code == stranger.status_code == 401
    assert "E-mail or password is wrong." in known.text
    assert known.text.replace(ops, "") == stranger.text.replace("&lt;b&gt;x&lt;/b&gt;", "")


@pytest.mark.parametrize(
    "wanted", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/api/x"]
)
async def test_no_wanted_page_leads_elsewhere(site: RunningService, ops: str, wanted: str) -> None:
    async with site.client(headers=PAGE) as client:
        answers = [
            await enter(client, ops, next=wanted),
            await client.get("/login", params={"next": wanted}),
            await client.get("/api/auth/resume", params={"next": wanted}),
        ]

    assert [answer.headers["location"] for answer in answers] == ["/"] * 3


async def test_a_form_of_another_site_logs_nobody_in(site: RunningService, ops: str) -> None:
    async with site.client(headers={**PAGE, "sec-fetch-site": "cross-site"}) as client:
        answer = await enter(client, ops)

    assert (answer.status_code, list(client.cookies)) == (403, [])


async def test_log_out_needs_the_forms_own_proof(site: RunningService, ops: str) -> None:
    async with site.client(headers=PAGE) as client:
        await enter(client, ops)
        csrf = client.cookies[CSRF_COOKIE]
        refused = [
            await client.post("/logout", data=data) for data in ({}, {"csrf_token": ""}, {"csrf_token": "x"})
        ]
        still_in = await client.get("/api/auth/me")
        out = await client.post("/logout", data={"csrf_token": csrf})
        again = await client.get("/api/auth/me")

    assert [answer.status_code for answer in refused] == [403] * 3
    assert (still_in.status_code, out.status_code, out.headers["location"]) == (200, 303, "/login")
    assert again.status_code == 303


async def test_a_session_goes_on_when_its_access_has_run_out(site: RunningService, ops: str) -> None:
    async with site.client(headers=PAGE) as client:
        await enter(client, ops)
        first = client.cookies.pop(ACCESS_COOKIE)
        resumed = await client.get("/api/auth/resume", params={"next": "/ops/leads"})

    assert resumed.headers["location"] == "/ops/leads"
    assert client.cookies[ACCESS_COOKIE] != first


async def test_a_session_that_ended_elsewhere_leads_to_the_form_and_not_round_in_circles(
    site: RunningService, ops: str, committed_db: SessionMaker
) -> None:
    async with site.client(headers=PAGE, follow_redirects=True) as client:
        await enter(client, ops)
        async with committed_db.begin() as session:
            await session.execute(text("UPDATE refresh_tokens SET revoked_at = now()"))
        answer = await client.get("/ops/leads")

    assert (answer.status_code, answer.url.path) == (200, "/login")


async def test_pages_load_nothing_inline_and_nothing_from_elsewhere(site: RunningService, ops: str) -> None:
    async with site.client(headers=PAGE) as client:
        page = await client.get("/login")
        missing = await client.get("/no/such/page")
        loaded = [
            await client.get(address) for address in re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text)
        ]

    policy = page.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'; script-src 'self'" in policy
    for shown in (page.text, missing.text):
        assert not re.search(r"<script>|<style|\son\w+=|\sstyle=|javascript:|https?://", shown)
    assert missing.status_code == 404
    assert len(loaded) >= 4
    assert {(answer.status_code, answer.headers["x-content-type-options"]) for answer in loaded} == {
        (200, "nosniff")
    }


async def test_programs_get_problem_documents_and_people_pages(site: RunningService) -> None:
    async with site.client() as client:
        program = await client.get("/ops/leads")
        person = await client.get("/no/such/page", headers=PAGE)

    assert (program.status_code, program.headers["content-type"]) == (401, "application/problem+json")
    assert person.headers["content-type"].startswith("text/html")
    assert person.headers["x-correlation-id"] in person.text


async def test_whoever_buys_sees_no_operators_page(site: RunningService) -> None:
    account = await make_account(site)
    async with site.client(token=account.token, headers=PAGE) as client:
        answers = [await client.get(path) for path in ("/ops/leads", "/review")]
        start = await client.get("/")

    assert [answer.status_code for answer in answers] == [403] * 2
    assert (start.status_code, start.headers["location"]) == (303, "/leads")


@pytest.mark.parametrize("path", sorted(VENDORED))
def test_a_vendored_script_is_the_one_that_was_published(path: str) -> None:
    assert hashlib.sha256((STATIC / path).read_bytes()).hexdigest() == VENDORED[path]
    assert (STATIC / path.replace(".min.js", ".LICENSE.txt")).read_text().strip()


def test_the_vendored_accessibility_check_is_the_one_that_was_published() -> None:
    # npm axe-core 4.14.1, axe.min.js
    folder = Path(__file__).parents[2] / "browser"
    assert (
        hashlib.sha256((folder / "axe.min.js").read_bytes()).hexdigest()
        == "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
    )
    assert (folder / "axe.LICENSE.txt").read_text().strip()


def test_every_vendored_file_is_pinned() -> None:
    kept = {file.relative_to(STATIC).as_posix() for file in (STATIC / "vendor").iterdir()}
    assert {name for name in kept if not name.endswith(".LICENSE.txt")} == set(VENDORED)
