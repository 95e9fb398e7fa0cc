"""The sandbox's metrics are for the scraper that has the token."""

from __future__ import annotations

import httpx
import pytest
from pydantic import SecretStr

from shared.sandbox.app import create_app
from shared.sandbox.settings import SandboxSettings


async def ask(token: str, authorization: str | None) -> httpx.Response:
    settings = SandboxSettings().model_copy(update={"environment": "test", "metrics_token": SecretStr(token)})
    transport = httpx.ASGITransport(create_app(settings))
    headers = {"Authorization": authorization} if authorization else {}
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox", headers=headers) as client:
        return await client.get("/metrics")


async def test_the_scraper_reads_the_process() -> None:
    answer = await ask("secret", "Bearer secret")

    assert answer.status_code == 200
    assert "python_info" in answer.text


@pytest.mark.parametrize(
    ("token", "given"), [("secret", None), ("secret", "Bearer other"), ("", None), ("", "Bearer ")]
)
async def test_nobody_else_does(token: str, given: str | None) -> None:
    assert (await ask(token, given)).status_code == 401
