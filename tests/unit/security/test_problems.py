"""Failures answer as problem documents, and bodies over their cap as 413 while they stream."""

from __future__ import annotations

import tracemalloc
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from pydantic import BaseModel, ConfigDict
from sqlalchemy.exc import DataError, IntegrityError, OperationalError

from shared.errors import Conflict, NotAuthenticated, NotFound, TooManyRequests
from shared.http.problems import BodyLimitMiddleware, install_problem_handlers


class Form(BaseModel):
    model_config = ConfigDict(extra="forbid")
    password: str
    age: int


class LeadAlreadySold(Conflict):
    """A business refusal with its own code."""

    code = "lead-already-sold"


RAISED: dict[str, Exception] = {
    "sold": LeadAlreadySold("Another buyer was first.", lead_id="l-1"),
    "who": NotAuthenticated(),
    "slow": TooManyRequests(retry_after=2.2),
    "secret": RuntimeError("password=hunter2 at /srv/app.py"),
    "storage": OperationalError("SELECT secret_column", {}, Exception("connection refused 10.0.0.5")),
    "nul": DataError("SELECT secret_column", {}, Exception("NUL")),
    "twice": IntegrityError("INSERT", {}, Exception("Key (email)=(ada@roofs.example) already exists")),
    "surrogate": LeadAlreadySold("\ud800", number=2**70),
    "override": NotFound("gone", status=200, code="other"),
}


@pytest.fixture
def app() -> FastAPI:
    app = FastAPI()
    install_problem_handlers(app)
    app.add_middleware(BodyLimitMiddleware, max_bytes=1000, upload_paths=("/upload",), max_upload_bytes=5000)

    @app.get("/raise/{name}")
    async def fail(name: str) -> None:
        raise RAISED[name]

    @app.get("/reset/{token}")
    async def mailed(token: str) -> None:
        raise RAISED["storage"]

    @app.post("/form")
    async def form(body: Form) -> int:
        return body.age

    @app.post("/upload")
    @app.post("/stream")
    async def stream(request: Request) -> int:
        return sum([len(chunk) async for chunk in request.stream()])

    return app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def failure(client: httpx.AsyncClient, name: str) -> tuple[httpx.Response, dict[str, Any]]:
    answer = await client.get(f"/raise/{name}", headers={"x-correlation-id": "corr-12345678"})
    assert answer.headers["content-type"] == "application/problem+json"
    return answer, answer.json()


async def test_a_business_refusal_carries_its_code_and_fields(client: httpx.AsyncClient) -> None:
    _, document = await failure(client, "sold")

    assert document == {
        "type": "urn:ridgeline:problem:lead-already-sold",
        "title": "Conflict",
        "status": 409,
        "detail": "Another buyer was first.",
        "code": "lead-already-sold",
        "instance": "/raise/sold",
        "correlation_id": "corr-12345678",
        "lead_id": "l-1",
    }


async def test_a_crash_tells_the_caller_nothing_of_our_insides(client: httpx.AsyncClient) -> None:
    answer, document = await failure(client, "secret")

    assert answer.status_code == 500
    assert document["correlation_id"] == "corr-12345678"
    assert "hunter2" not in answer.text
    assert "app.py" not in answer.text


async def test_storage_that_does_not_answer_is_503_with_a_retry_time(client: httpx.AsyncClient) -> None:
    answer, document = await failure(client, "storage")

    assert (answer.status_code, document["code"], answer.headers["retry-after"]) == (503, "unavailable", "5")
    assert "10.0.0.5" not in answer.text
    assert "secret_column" not in answer.text


async def test_a_value_the_database_refuses_is_422(client: httpx.AsyncClient) -> None:
    answer, _ = await failure(client, "nul")

    assert answer.status_code == 422
    assert "secret_column" not in answer.text


async def test_a_row_the_database_refuses_is_409_without_its_values(
    client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    response, body = await failure(client, "twice")

    assert (response.status_code, body["code"]) == (409, "data-conflict")
    assert "ada@" not in response.text + capsys.readouterr().out


async def test_the_token_of_a_mailed_link_stands_in_no_log(
    client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    token = "ab12" * 24

    assert (await client.get(f"/reset/{token}")).status_code == 503
    told = capsys.readouterr().out
    assert ("/reset/***" in told, token in told) == (True, False)


async def test_words_that_are_no_text_do_not_break_the_answer(client: httpx.AsyncClient) -> None:
    response, body = await failure(client, "surrogate")

    assert (response.status_code, body["code"], body["number"]) == (409, "lead-already-sold", 2**70)


async def test_headers_tell_how_to_go_on(client: httpx.AsyncClient) -> None:
    unknown, _ = await failure(client, "who")
    slow, _ = await failure(client, "slow")

    assert unknown.headers["www-authenticate"] == "Bearer"
    assert slow.headers["retry-after"] == "3"


async def test_fields_never_override_the_standard_members(client: httpx.AsyncClient) -> None:
    answer, document = await failure(client, "override")

    assert (answer.status_code, document["status"], document["code"]) == (404, 404, "not-found")


async def test_an_invalid_body_names_fields_and_does_not_echo_values(client: httpx.AsyncClient) -> None:
    answer = await client.post("/form", json={"password": "hunter2", "age": "x", "is_admin": True})

    assert answer.status_code == 422
    assert {error["field"] for error in answer.json()["errors"]} == {"body.age", "body.is_admin"}
    assert "hunter2" not in answer.text


async def test_broken_json_is_422(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/form", content=b'{"password": "hunter2', headers={"content-type": "application/json"}
    )

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-input")
    assert "hunter2" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "code"), [("GET", "/none", "not-found"), ("DELETE", "/form", "method-not-allowed")]
)
async def test_the_routers_own_refusals_are_problems_too(
    client: httpx.AsyncClient, method: str, path: str, code: str
) -> None:
    answer = await client.request(method, path)

    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == code


@pytest.mark.parametrize(("path", "size", "status"), [
    ("/stream", 1000, 200), ("/stream", 1001, 413), ("/upload", 5000, 200), ("/upload", 5001, 413), ("/form", 1001, 413),
])  # fmt: skip
@pytest.mark.fault(17)
async def test_a_declared_body_over_its_cap_is_413(
    client: httpx.AsyncClient, path: str, size: int, status: int
) -> None:
    answer = await client.post(path, content=b"a" * size)

    assert answer.status_code == status
    if status == 413:
        assert answer.json()["code"] == "too-large"


@pytest.mark.parametrize("path", ["/stream", "/form", "/upload"])
@pytest.mark.fault(17)
async def test_an_endless_body_is_stopped_at_the_cap(app: FastAPI, path: str) -> None:
    sent = 0

    async def receive() -> dict[str, Any]:
        nonlocal sent
        sent += 500
        return {"type": "http.request", "body": b"a" * 500, "more_body": True}

    messages: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)

    scope = {
        "type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": [(b"content-type", b"application/json")], "http_version": "1.1", "scheme": "http",
        "server": ("test", 80), "client": ("127.0.0.1", 1), "root_path": "",
    }  # fmt: skip
    await app(scope, receive, send)  # type: ignore[arg-type]

    assert messages[0]["status"] == 413
    assert [m["type"] for m in messages].count("http.response.start") == 1
    assert sent <= 6000


@pytest.mark.fault(17)
async def test_a_gigabyte_is_refused_without_being_held(client: httpx.AsyncClient) -> None:
    async def gigabyte() -> AsyncIterator[bytes]:
        for _ in range(16_000):
            yield b"a" * 65_536

    tracemalloc.start()
    try:
        answer = await client.post("/upload", content=gigabyte())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert answer.status_code == 413
    assert peak < 5_000_000
