"""Routes know their caller: Bearer tokens, cookie sessions with CSRF, and no route without a guard."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from shared.http.auth import (
    ACCESS_COOKIE,
    hash_csrf,
    install_authentication,
    public_route,
    require,
    route_access,
    unguarded_routes,
)
from shared.http.problems import install_problem_handlers
from shared.security.policy import Action, Actor, Role
from shared.security.tokens import TokenIssuer, TokenVerifier


def build_app(verifier: TokenVerifier, *, accepts_cookies: bool) -> FastAPI:
    router = APIRouter(prefix="/things")

    @router.get("/{thing_id}")
    async def read(thing_id: UUID, actor: Annotated[Actor, require(Action.CONTRACTOR_READ)]) -> str:
        return actor.name

    @router.post("")
    async def create(actor: Annotated[Actor, require(Action.CONTRACTOR_UPDATE)]) -> str:
        return actor.name

    app = FastAPI()
    install_problem_handlers(app)
    install_authentication(app, verifier, accepts_cookies=accepts_cookies)
    app.include_router(router)

    @app.get("/health")
    @public_route("liveness probe")
    async def health() -> str:
        return "ok"

    return app


@pytest.fixture
async def client(verifier: TokenVerifier) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(build_app(verifier, accepts_cookies=True))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


def owner_token(issuer: TokenIssuer, role: Role = Role.CONTRACTOR_OWNER, csrf: str | None = None) -> str:
    return issuer.issue_user(
        uuid4(), role, contractor_id=uuid4(), session_id=uuid4(), csrf_hash=hash_csrf(csrf) if csrf else None
    ).token


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_a_bearer_token_opens_a_route(client: httpx.AsyncClient, issuer: TokenIssuer) -> None:
    answer = await client.get(f"/things/{uuid4()}", headers=bearer(owner_token(issuer)))

    assert answer.status_code == 200


async def test_a_service_token_opens_a_route(client: httpx.AsyncClient, issuer: TokenIssuer) -> None:
    answer = await client.get(f"/things/{uuid4()}", headers=bearer(issuer.token_for("scraper")))

    assert answer.json() == "service:marketplace"


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "Bearer a.b.c", "Bearer " + "a" * 9000]
)
async def test_without_a_token_that_holds_the_answer_is_401(client: httpx.AsyncClient, header: str) -> None:
    answer = await client.get(f"/things/{uuid4()}", headers={"Authorization": header})

    assert (answer.status_code, answer.json()["code"]) == (401, "not-authenticated")


async def test_a_caller_without_a_token_learns_nothing_about_the_request(client: httpx.AsyncClient) -> None:
    assert (await client.get("/things/no-uuid")).status_code == 401


async def test_a_role_without_the_action_is_403(client: httpx.AsyncClient, issuer: TokenIssuer) -> None:
    answer = await client.post("/things", headers=bearer(owner_token(issuer, Role.CONTRACTOR_MEMBER)))

    assert (answer.status_code, answer.json()["code"]) == (403, "not-allowed")


async def test_a_cookie_reads_freely_and_changes_with_its_csrf_token(
    client: httpx.AsyncClient, issuer: TokenIssuer
) -> None:
    client.cookies.set(ACCESS_COOKIE, owner_token(issuer, csrf="the-csrf-token"))

    assert (await client.get(f"/things/{uuid4()}")).status_code == 200
    assert (await client.post("/things", headers={"X-CSRF-Token": "the-csrf-token"})).status_code == 200


@pytest.mark.parametrize("header", [{}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": "another"}])
@pytest.mark.parametrize("csrf", [None, "the-csrf-token"])
async def test_a_cookie_alone_changes_nothing(
    client: httpx.AsyncClient, issuer: TokenIssuer, header: dict[str, str], csrf: str | None
) -> None:
    client.cookies.set(ACCESS_COOKIE, owner_token(issuer, csrf=csrf))

    answer = await client.post("/things", headers=header)

    assert (answer.status_code, answer.json()["code"]) == (403, "csrf-refused")


async def test_an_inner_service_does_not_look_at_cookies(
    verifier: TokenVerifier, issuer: TokenIssuer
) -> None:
    transport = httpx.ASGITransport(build_app(verifier, accepts_cookies=False))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        client.cookies.set(ACCESS_COOKIE, owner_token(issuer))
        assert (await client.get(f"/things/{uuid4()}")).status_code == 401


def test_the_walk_knows_what_every_route_asks(verifier: TokenVerifier) -> None:
    access = {(a.method, a.path): a for a in route_access(build_app(verifier, accepts_cookies=False))}

    assert access["GET", "/things/{thing_id}"].action is Action.CONTRACTOR_READ
    assert access["POST", "/things"].action is Action.CONTRACTOR_UPDATE
    assert access["GET", "/health"].public_reason == "liveness probe"


def test_the_walk_finds_a_route_that_asks_for_nothing(verifier: TokenVerifier) -> None:
    app = build_app(verifier, accepts_cookies=False)
    assert unguarded_routes(app) == []
    inner = APIRouter()

    @inner.delete("/open")
    async def forgotten() -> None:
        return None

    outer = APIRouter(prefix="/deep")
    outer.include_router(inner)
    app.include_router(outer)
    app.mount("/files", FastAPI())

    assert unguarded_routes(app) == ["DELETE /deep/open", "* /files"]
