"""An operator before the scraper, beside the sandbox's county."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx

from services.scraper.app import service
from shared.runtime.application import create_app
from shared.sandbox.vendors import accela_county as calder
from shared.security.policy import Role
from tests.factories.services import RunningService
from tests.factories.steps import Bench
from tests.factories.town import ServedTown

COUNTY: dict[str, Any] = {
    "name": "Calder County",
    "state": "FL",
    "agency_code": calder.AGENCY,
    "app_id": "our-app-id-0001",
    "app_secret": "the-secret-of-our-app",
    "username": calder.USERNAME,
    "password": calder.PASSWORD,
}


@dataclass
class Desk:
    """An operator's client, the bench below it, and the town."""

    http: httpx.AsyncClient
    at: Bench
    town: ServedTown

    async def ask(self, method: str, path: str, status: int = 200, **options: Any) -> Any:
        """The data of an answer of that status; the error's words of a refusal."""
        answer = await self.http.request(method, path, **options)
        assert answer.status_code == status, answer.text
        body = answer.json()
        assert body["success"] is (status < 400)
        assert (body["error"] is None) is (status < 400)
        return body["data"] if status < 400 else body["error"]

    async def county(self, **changes: Any) -> str:
        """The id of a new county."""
        return str((await self.ask("POST", "/api/counties", 201, json={**COUNTY, **changes}))["id"])

    def sold_tokens(self) -> int:
        """How many tokens the agency has sold."""
        return int(self.town.sandbox.misbehaviour.calls("accela")["by_path"].get("POST /oauth2/token", 0))


@asynccontextmanager
async def operating(at: Bench, town: ServedTown) -> AsyncIterator[Desk]:
    """The service with an operator before it."""
    assert service.own is not None
    async with service.own(at.at) as own:
        resources = replace(at.at, own=own)
        running = RunningService(create_app(service, resources), resources)
        async with running.client(token=running.user_token(Role.OPS), timeout=60) as http:
            yield Desk(http, at, town)
