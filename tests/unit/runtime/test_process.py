"""The server of a process: whose word on the client's address it takes."""

from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI, Request

from shared.runtime.process import make_server
from shared.settings import Settings

PROXY, STRANGER, CLIENT = "10.1.2.3", "198.51.100.9", "203.0.113.7"


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "seen"),
    [
        ("10.0.0.0/8", PROXY, CLIENT, CLIENT),
        ("10.0.0.0/8", PROXY, f"192.0.2.1, {CLIENT}", CLIENT),
        ("10.0.0.0/8,fc00::/7", PROXY, f"{CLIENT}, 10.9.9.9", CLIENT),
        ("10.0.0.0/8", STRANGER, CLIENT, STRANGER),
        ("127.0.0.1", PROXY, CLIENT, PROXY),
    ],
)
async def test_only_a_trusted_proxy_names_the_client(
    trusted: str, peer: str, forwarded: str, seen: str
) -> None:
    app = FastAPI()

    @app.get("/")
    async def who(request: Request) -> str | None:
        return request.client.host if request.client else None

    config = make_server(app, Settings().model_copy(update={"trusted_proxies": trusted}), 0).config
    config.load()
    transport = httpx.ASGITransport(config.loaded_app, client=(peer, 5000))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.get("/", headers={"X-Forwarded-For": forwarded})

    assert answer.json() == seen
