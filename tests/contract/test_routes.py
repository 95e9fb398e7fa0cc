"""What every service answers, held against the list of specified endpoints, and to whom."""

from __future__ import annotations

import csv
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import httpx
import pytest
from redis.asyncio import Redis

from shared.db.engine import SessionMaker
from shared.http.auth import RouteAccess, route_access
from shared.runtime.service import load_service
from shared.security.policy import Role
from shared.settings import SERVICE_PORTS, Settings
from shared.telemetry import metrics
from tests.factories.services import RunningService, running, settings_with_keys

PUBLIC = {
    ("*", "GET", "/health"),
    ("*", "GET", "/ready"),
    ("marketplace", "POST", "/api/auth/register"),
    ("marketplace", "POST", "/api/auth/login"),
    ("marketplace", "POST", "/api/auth/login/code"),
    ("marketplace", "POST", "/api/auth/refresh"),
    ("marketplace", "POST", "/api/auth/forgot"),
    ("marketplace", "POST", "/api/auth/reset"),
    ("marketplace", "POST", "/api/auth/verify"),
    ("marketplace", "POST", "/api/auth/join"),
    ("marketplace", "GET", "/forgot"),
    ("marketplace", "POST", "/forgot"),
    ("marketplace", "GET", "/reset/{token}"),
    ("marketplace", "POST", "/reset/{token}"),
    ("marketplace", "GET", "/verify/{token}"),
    ("marketplace", "POST", "/verify/{token}"),
    ("marketplace", "GET", "/join/{token}"),
    ("marketplace", "POST", "/join/{token}"),
    ("marketplace", "POST", "/webhooks/stripe"),
    ("marketplace", "GET", "/health/redis"),
    ("marketplace", "GET", "/"),
    ("marketplace", "GET", "/signup"),
    ("marketplace", "POST", "/signup"),
    ("marketplace", "GET", "/login"),
    ("marketplace", "POST", "/login"),
    ("marketplace", "POST", "/login/code"),
    ("marketplace", "GET", "/api/auth/resume"),
    ("marketplace", "GET", "/unsubscribe/{decision_id}"),
    ("marketplace", "POST", "/unsubscribe/{decision_id}"),
    ("marketplace", "POST", "/webhooks/twilio"),
    ("marketplace", "GET", "/static/{path:path}"),
    ("marketplace", "POST", "/api/privacy/requests"),
    ("marketplace", "POST", "/api/privacy/codes"),
    ("marketplace", "POST", "/api/privacy/codes/{code_id}/session"),
    ("marketplace", "GET", "/api/privacy/own-data"),
    ("marketplace", "POST", "/api/privacy/own-data/requests"),
    ("marketplace", "DELETE", "/api/privacy/own-data/session"),
    ("marketplace", "GET", "/privacy/own-data"),
    ("marketplace", "POST", "/privacy/own-data"),
    ("marketplace", "POST", "/privacy/own-data/code"),
    ("marketplace", "GET", "/privacy/own-data/copy"),
    ("marketplace", "GET", "/privacy/own-data/request"),
    ("marketplace", "POST", "/privacy/own-data/request"),
    ("marketplace", "POST", "/privacy/own-data/leave"),
    ("marketplace", "GET", "/privacy"),
    ("marketplace", "GET", "/plans"),
    ("marketplace", "GET", "/api/plans"),
    ("marketplace", "GET", "/privacy/request"),
    ("marketplace", "POST", "/privacy/request"),
    ("marketplace", "GET", "/quality"),
    ("marketplace", "GET", "/api/quality"),
    ("image_processor", "GET", "/images/{image_id}/file"),
}
"""The only doors without a token: probes, the way to a token, what the way in looks like, signed webhooks and links."""


class Endpoint(NamedTuple):
    """A specified endpoint, and whether it is built (`yes`) or comes with a later issue (`later`)."""

    code: str
    service: str
    method: str
    path: str
    answers: str


def specified() -> list[Endpoint]:
    """The 110 endpoints of the ten services, the 17 of the county puller and the 6 of aged leads."""
    with (Path(__file__).parent / "endpoints.csv").open(newline="") as lines:
        return [Endpoint(**row) for row in csv.DictReader(lines)]


def nameless(path: str) -> str:
    """A path whose parameters have lost their names."""
    return re.sub(r"\{[^}]*\}", "{}", path)


def called(path: str) -> str:
    """A path with something in place of its parameters."""
    return re.sub(r"\{[^}]*\}", lambda _: str(uuid4()), path)


@pytest.fixture(params=sorted(SERVICE_PORTS))
async def started(
    request: pytest.FixtureRequest,
    database_url: str,
    redis_url: str,
    redis: Redis,
    committed_db: SessionMaker,
) -> AsyncIterator[RunningService]:
    """Each service in turn, on real storage."""
    service = load_service(request.param)
    kind: type[Settings] = service.settings
    settings = settings_with_keys(kind, database_url=database_url, redis_url=redis_url, port_base=1)
    async with running(service, settings) as found:
        yield found


def stale_tokens(service: RunningService) -> dict[str, str | None]:
    """Tokens that open nothing: none at all, one for another service, one that has ended, one that was never signed."""
    issuer = service.resources.issuer
    name = service.resources.service
    elsewhere = next(other for other in SERVICE_PORTS if other != name)
    long_ago = datetime.now(UTC) - timedelta(hours=2)
    return {
        "none": None,
        "foreign": issuer.issue_service(elsewhere).token,
        "expired service": issuer.issue_service(name, now=long_ago).token,
        "expired user": issuer.issue_user(
            uuid4(), Role.ADMIN, contractor_id=None, session_id=uuid4(), now=long_ago
        ).token,
        "unsigned": issuer.issue_service(name).token.rpartition(".")[0] + ".",
    }


async def test_no_route_answers_without_a_valid_token(started: RunningService) -> None:
    name = started.resources.service
    routes = route_access(started.app)
    public = {(route.method, route.path) for route in routes if route.action is None}
    assert public <= {(method, path) for owner, method, path in PUBLIC if owner in ("*", name)}

    closed = [route for route in routes if route.action is not None]
    assert closed
    answers = {
        (kind, route.method, route.path): await status_of(started, route, token)
        for kind, token in stale_tokens(started).items()
        for route in closed
    }
    assert {asked: status for asked, status in answers.items() if status != 401} == {}


async def status_of(service: RunningService, route: RouteAccess, token: str | None) -> int:
    """The status of a request with nothing but this token."""
    async with service.client(token=token, timeout=30) as client:
        return (await client.request(route.method, called(route.path))).status_code


async def test_specified_endpoints_are_there_or_absent_as_the_list_says(started: RunningService) -> None:
    name = started.resources.service
    there = {(route.method, nameless(route.path)) for route in route_access(started.app)}
    mine = [endpoint for endpoint in specified() if endpoint.service == name]
    built = {e.code for e in mine if (e.method, nameless(e.path)) in there}

    assert built == {e.code for e in mine if e.answers == "yes"}


def test_the_list_is_whole() -> None:
    found = specified()
    assert len({endpoint.code for endpoint in found}) == len(found) == 133
    orchestrator = [endpoint for endpoint in found if endpoint.service == "orchestrator"]
    assert [endpoint.answers for endpoint in orchestrator] == ["yes"] * 20


UNSTORABLE = {
    "half a surrogate pair as a key": b'{"\\ud800": 1}',
    "half a surrogate pair inside": b'{"sources": {"permit_sources": ["\\udfff"]}, "notes": "\\ud800"}',
    "a zero character": b'{"notes": "a\\u0000b"}',
    "a number over 64 bit": b'{"sources": {"permit_sources": [18446744073709551616]}}',
    "no number": b'{"sources": {"permit_sources": [NaN]}}',
    "300 lists in one another": b'{"sources": {"permit_sources": ' + b"[" * 300 + b"]" * 300 + b"}}",
}
STRANGE = {
    **UNSTORABLE,
    "a list": b"[]",
    "a word": b'"word"',
    "nothing": b"null",
    "no JSON": b"{",
    "a broken character": b'{"a": "\xff"}',
    "a hundred thousand lists": b"[" * 100_000,
    "no sources": b'{"sources": {"permit_sources": 5}}',
}
WRITING = ("POST", "PUT", "PATCH", "DELETE")


async def test_no_body_makes_a_route_crash(started: RunningService) -> None:
    routes = [route for route in route_access(started.app) if route.method in WRITING]
    answers = {
        (route.method, route.path, kind): await answer_to(started, route, body)
        for route in routes
        for kind, body in STRANGE.items()
    }

    crashed = {asked: answer.text for asked, answer in answers.items() if answer.status_code == 500}
    assert crashed == {}
    refused = [answer for answer in answers.values() if answer.status_code >= 400]
    assert {answer.headers["content-type"] for answer in refused} <= {"application/problem+json"}
    taken = {
        asked for asked, answer in answers.items() if asked[2] in UNSTORABLE and answer.status_code != 422
    }
    assert taken == set()


async def answer_to(service: RunningService, route: RouteAccess, body: bytes) -> httpx.Response:
    """The answer to a body, asked by somebody who may do anything."""
    token = service.user_token(Role.ADMIN)
    headers = {"content-type": "application/json", "idempotency-key": uuid4().hex}
    async with service.client(token=token, timeout=30) as client:
        return await client.request(route.method, called(route.path), content=body, headers=headers)


async def test_a_slash_too_many_is_no_route_and_leads_nowhere(started: RunningService) -> None:
    async with started.client(token=started.user_token(Role.ADMIN)) as client:
        answer = await client.get("/health/", headers={"host": "elsewhere.example"})

    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert "location" not in answer.headers


async def test_a_method_of_the_callers_invention_makes_no_label(started: RunningService) -> None:
    async with started.client() as client:
        await client.request("INVENTED", "/health")

    methods = {
        sample.labels["method"] for metric in metrics.HTTP_REQUESTS.collect() for sample in metric.samples
    }
    assert "OTHER" in methods
    assert "INVENTED" not in methods
