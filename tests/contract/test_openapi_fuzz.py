"""What the OpenAPI documents promise holds for whatever Schemathesis sends: no crash, no undocumented status or body.

RIDGELINE_FUZZ_EXAMPLES sends more to each operation than the few of a plain run.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed
from hypothesis import settings as hypothesis_settings
from redis.asyncio import Redis
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from shared.db.engine import SessionMaker
from shared.runtime.service import load_service
from shared.security.policy import Role
from tests.factories.leads import make_buyer, make_lead
from tests.factories.pages import serving
from tests.factories.services import RunningService, running, settings_with_keys

EXAMPLES = int(os.environ.get("RIDGELINE_FUZZ_EXAMPLES", "3"))
CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]
AWAY = (httpx.codes.BAD_GATEWAY, httpx.codes.SERVICE_UNAVAILABLE)
"""What is answered where a neighbour or a vendor is needed: none runs here."""
NOT_ASKED = ("/events", "logout")
"""Streams that go on for a minute, and the end of the session that asks."""
UNLIMITED = {"purchases_per_minute": 10**6, "lead_reads_per_minute": 10**6, "invitations_per_hour": 10**6}
CALLERS = [
    ("marketplace", Role.CONTRACTOR_OWNER),
    ("marketplace", Role.ADMIN),
    ("lead_generator", Role.ADMIN),
]


@pytest.fixture(params=CALLERS, ids=lambda caller: f"{caller[0]}-{caller[1]}")
async def asked(
    request: pytest.FixtureRequest,
    database_url: str,
    redis_url: str,
    redis: Redis,
    committed_db: SessionMaker,
) -> AsyncIterator[tuple[RunningService, str, str]]:
    """A service, its address, and a token of somebody with a session."""
    name, role = request.param
    service = load_service(name)
    limits = {key: most for key, most in UNLIMITED.items() if key in service.settings.model_fields}
    settings = settings_with_keys(
        service.settings, database_url=database_url, redis_url=redis_url, port_base=1, **limits
    )
    async with running(service, settings) as door:
        async with committed_db.begin() as session:
            company, person = await make_buyer(session)
            await make_lead(session, door.resources.keys)
        owner = company if role is Role.CONTRACTOR_OWNER else None
        token = door.user_token(role, contractor_id=owner, user_id=person)
        async with serving(door.app) as url:
            yield door, url, token


def faults_of(document: dict[str, Any], url: str, token: str) -> dict[str, str]:
    """Every operation that crashed or answered what its document does not say, with the first such answer."""
    faults = {}
    for found in schemathesis.openapi.from_dict(document).get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        if any(words in operation.path for words in NOT_ASKED):
            continue
        try:
            ask(operation, url, token)
        except Exception as fault:  # noqa: BLE001 - whatever is wrong with one, the others are asked too
            faults[f"{operation.method.upper()} {operation.path}"] = str(fault)[:400]
    return faults


def ask(operation: Any, url: str, token: str) -> None:
    """Send one operation what its document allows, and hold the answers against it."""

    @seed(26)
    @hypothesis_settings(
        max_examples=EXAMPLES,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def send(case: Any) -> None:
        answer = case.call(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30)
        assert answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR or answer.status_code in AWAY, (
            answer.text
        )
        case.validate_response(answer, checks=CHECKS)

    send()


@pytest.mark.timeout(400)
async def test_the_document_holds_whatever_is_sent(asked: tuple[RunningService, str, str]) -> None:
    door, url, token = asked
    assert await asyncio.to_thread(faults_of, door.app.openapi(), url, token) == {}
