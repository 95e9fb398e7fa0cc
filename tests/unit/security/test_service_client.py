"""The base of service clients: token, trace, safe repeats, problems passed on as our errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from shared.db.unit_of_work import transaction_marker
from shared.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    RidgelineError,
    TooManyRequests,
    Unavailable,
    UpstreamFailed,
)
from shared.http.clients.base import ServiceClient, as_error
from shared.telemetry.context import new_trace, use_trace


class FixedTokens:
    def token_for(self, audience: str) -> str:
        return f"token-for-{audience}"


class KnownRefusal(Conflict):
    """A refusal the caller's code knows."""

    code = "known-refusal"


def client_of(handler: Callable[[httpx.Request], httpx.Response]) -> ServiceClient:
    async def no_pause(_: float) -> None:
        return None

    http = httpx.AsyncClient(transport=httpx.MockTransport(handler))
    return ServiceClient("scraper", "http://scraper.test/", FixedTokens(), http, pause=no_pause)


def problem(status: int, code: str, **fields: Any) -> httpx.Response:
    return httpx.Response(
        status, json={"status": status, "code": code, "detail": "words", "title": "t", **fields}
    )


async def test_a_call_carries_token_trace_and_query() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"ok": True})

    with use_trace(new_trace()) as trace:
        assert await client_of(answer).get("/things", params={"page": 2}) == {"ok": True}

    request = seen[0]
    assert str(request.url) == "http://scraper.test/things?page=2"
    assert request.headers["authorization"] == "Bearer token-for-scraper"
    assert request.headers["x-correlation-id"] == trace.correlation_id
    assert request.headers["traceparent"].split("-")[1] == trace.traceparent.split("-")[1]


async def test_a_command_is_repeated_with_the_same_key_when_the_connection_drops() -> None:
    keys: list[str] = []

    def drop_twice(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["idempotency-key"])
        if len(keys) < 3:
            raise httpx.RemoteProtocolError("connection dropped")
        return httpx.Response(202, json={"workflow_id": "w"})

    assert await client_of(drop_twice).command("POST", "/x", idempotency_key="key-1234", json={"a": 1}) == {
        "workflow_id": "w"
    }
    assert keys == ["key-1234"] * 3


async def test_a_service_that_is_away_is_tried_three_times() -> None:
    calls = 0

    def refuse(request: httpx.Request) -> httpx.Response:
        nonlocal calls
        calls += 1
        raise httpx.ConnectError("refused")

    with pytest.raises(Unavailable) as failure:
        await client_of(refuse).get("/x")
    assert calls == 3
    assert failure.value.fields["retry_after"] == 1


async def test_a_slow_service_is_not_asked_twice() -> None:
    calls = 0

    def too_slow(request: httpx.Request) -> httpx.Response:
        nonlocal calls
        calls += 1
        raise httpx.ReadTimeout("slow")

    with pytest.raises(Unavailable):
        await client_of(too_slow).get("/x")
    assert calls == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [(404, NotFound), (409, Conflict), (422, InvalidInput), (429, TooManyRequests), (503, Unavailable)],
)
async def test_a_refusal_is_passed_on_with_its_code(status: int, kind: type[RidgelineError]) -> None:
    with pytest.raises(kind) as failure:
        await client_of(lambda _: problem(status, "special-case", lead_id="l")).get("/x")

    assert (failure.value.code, failure.value.status, failure.value.detail) == (
        "special-case",
        status,
        "words",
    )
    assert failure.value.fields == {"lead_id": "l"}


@pytest.mark.parametrize("status", [401, 403, 400, 500, 502, 302])
async def test_what_is_our_own_fault_is_an_upstream_failure(status: int) -> None:
    with pytest.raises(UpstreamFailed) as failure:
        await client_of(lambda _: problem(status, "x")).get("/x")
    assert failure.value.fields == {"upstream_code": "x"}


async def test_an_answer_that_is_no_problem_document_is_still_an_error() -> None:
    with pytest.raises(NotFound) as failure:
        await client_of(lambda _: httpx.Response(404, text="<html>")).get("/x")
    assert failure.value.code == "not-found"


async def test_an_empty_answer_is_none() -> None:
    assert (
        await client_of(lambda _: httpx.Response(204)).command("DELETE", "/x", idempotency_key="key-1234")
        is None
    )


async def test_a_call_inside_a_transaction_is_refused() -> None:
    async with transaction_marker():
        with pytest.raises(RuntimeError, match="inside a database transaction"):
            await client_of(lambda _: httpx.Response(200)).get("/x")


def test_a_known_refusal_becomes_its_own_class() -> None:
    assert type(as_error(Conflict, {"code": "known-refusal"})) is KnownRefusal
