"""What every service answers, held against the list of specified endpoints, and to whom."""

from __future__ import annotations

import csv
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from shared.db.engine import SessionMaker
from shared.http.auth import RouteAccess, route_access
from shared.runtime.service import load_service
from shared.security.policy import Role
from shared.settings import SERVICE_PORTS, Settings
from tests.factories.services import RunningService, running, settings_with_keys

PUBLIC = {
    ("*", "GET", "/health"),
    ("*", "GET", "/ready"),
    ("marketplace", "POST", "/api/auth/register"),
    ("marketplace", "POST", "/api/auth/login"),
    ("marketplace", "POST", "/api/auth/refresh"),
    ("marketplace", "POST", "/webhooks/stripe"),
}
"""The only doors without a token: probes, the way to a token, signed webhooks."""


class Endpoint(NamedTuple):
    """A specified endpoint, and whether it is built (`yes`) or comes with a later issue (`later`)."""

    code: str
    service: str
    method: str
    path: str
    answers: str


def specified() -> list[Endpoint]:
    """The 110 endpoints of the ten services."""
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
    assert len({endpoint.code for endpoint in found}) == len(found) == 110
    orchestrator = [endpoint for endpoint in found if endpoint.service == "orchestrator"]
    assert [endpoint.answers for endpoint in orchestrator] == ["yes"] * 20
