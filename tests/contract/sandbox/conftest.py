"""The sandbox behind an ASGI client, and the published shapes its answers are held to."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from jsonschema import Draft202012Validator

from shared.sandbox.app import create_app
from shared.sandbox.settings import SandboxSettings

TODAY = date(2026, 11, 22)

MatchesContract = Callable[[str, str, str, int, Any], None]


@pytest.fixture(scope="module")
def app() -> FastAPI:
    return create_app(SandboxSettings(today=TODAY, stripe_webhook_url="off"))


@pytest_asyncio.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as client:
        await client.post("/_sandbox/reset")
        yield client


@pytest_asyncio.fixture
async def truth(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    """What is true of every parcel of Harrow."""
    answer: dict[str, Any] = (await client.get("/_sandbox/truth")).json()
    parcels: list[dict[str, Any]] = answer["parcels"]
    return parcels


@pytest.fixture
def matches_contract(handed_over: Path) -> MatchesContract:
    """Holds (contract, method, path, status, body) to the published schema of that answer."""

    def check(contract: str, method: str, path: str, status: int, body: Any) -> None:
        spec = _spec(handed_over / "contracts" / "openapi" / f"{contract}.json")
        responses = spec["paths"][path][method]["responses"]
        response = responses[str(status)]
        if "$ref" in response:
            response = spec["components"]["responses"][response["$ref"].rpartition("/")[2]]
        schema = next(iter(response["content"].values()))["schema"]
        errors = list(Draft202012Validator({**schema, "components": spec["components"]}).iter_errors(body))
        assert not errors, "; ".join(f"{error.json_path}: {error.message[:200]}" for error in errors[:5])

    return check


@cache
def _spec(path: Path) -> dict[str, Any]:
    spec: dict[str, Any] = _with_nulls(json.loads(path.read_text()))
    return spec


def _with_nulls(node: Any) -> Any:
    """OpenAPI 3.0's `nullable` as JSON Schema says it."""
    if isinstance(node, list):
        return [_with_nulls(item) for item in node]
    if not isinstance(node, dict):
        return node
    plain = {key: _with_nulls(value) for key, value in node.items() if key != "nullable"}
    return {"anyOf": [plain, {"type": "null"}]} if node.get("nullable") is True else plain
