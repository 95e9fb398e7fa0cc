"""Services in one process: their settings with fresh keys, their resources, and clients that call them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from uuid import UUID, uuid4

import httpx
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import text

from shared.db.engine import SessionMaker
from shared.http.tls import known_authorities
from shared.runtime.application import create_app
from shared.runtime.resources import Resources, open_resources
from shared.runtime.service import Service
from shared.security.__main__ import fresh_environment
from shared.security.policy import Role
from shared.settings import Settings

AnySettings = TypeVar("AnySettings", bound=Settings)

FRESH_KEYS = fresh_environment()


def settings_with_keys(
    kind: type[AnySettings], *, database_url: str, redis_url: str, **changes: Any
) -> AnySettings:
    """Settings of a service on these servers, with keys made for this run."""
    values: dict[str, Any] = {
        "environment": "test",
        "database_url": database_url,
        "redis_url": SecretStr(redis_url),
        "service_signing_key": SecretStr(FRESH_KEYS["SERVICE_SIGNING_KEY"]),
        "user_signing_key": SecretStr(FRESH_KEYS["USER_SIGNING_KEY"]),
        "token_public_keys": FRESH_KEYS["TOKEN_PUBLIC_KEYS"],
        "field_keys": SecretStr(FRESH_KEYS["FIELD_KEYS"]),
        "blind_index_pepper": SecretStr(FRESH_KEYS["BLIND_INDEX_PEPPER"]),
        **changes,
    }
    return kind().model_copy(update=values)


@dataclass(frozen=True)
class RunningService:
    """A service's application with the resources it works on."""

    app: FastAPI
    resources: Resources

    def client(self, *, token: str | None = None, **options: Any) -> httpx.AsyncClient:
        """An HTTP client of this application, with a Bearer token if one is given."""
        headers = options.pop("headers", {}) | ({"Authorization": f"Bearer {token}"} if token else {})
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False, client=("127.0.0.1", 5000))
        return httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers, **options)

    def service_token(self, caller: str = "marketplace") -> str:
        """A token with which another service calls this one."""
        issuer = type(self.resources.issuer).from_settings(caller, self.resources.settings)
        return issuer.token_for(self.resources.service)

    def user_token(
        self, role: Role, *, contractor_id: UUID | None = None, user_id: UUID | None = None
    ) -> str:
        """A user's access token; the factories of users open a session with the id of its user."""
        user = user_id or uuid4()
        issued = self.resources.issuer.issue_user(user, role, contractor_id=contractor_id, session_id=user)
        return issued.token


async def call(door: RunningService, method: str, path: str, **options: Any) -> Any:
    """The answer to an operator's request, or to another role's."""
    role = options.pop("role", Role.ADMIN)
    async with door.client(token=door.user_token(role), timeout=30) as client:
        return await client.request(method, path, **options)


async def scalar(db: SessionMaker, statement: str, **values: Any) -> Any:
    """The one value of a statement."""
    async with db() as session:
        return (await session.execute(text(statement), values)).scalar_one()


@asynccontextmanager
async def running(
    service: Service, settings: Settings, *, neighbours: Mapping[str, RunningService] | None = None
) -> AsyncIterator[RunningService]:
    """A service on real storage, whose calls to other services stay inside this process."""
    async with open_resources(service.name, settings) as opened:
        mounts = {
            settings.service_url(name): httpx.ASGITransport(other.app)
            for name, other in (neighbours or {}).items()
        }
        async with httpx.AsyncClient(mounts=mounts, verify=known_authorities(), trust_env=False) as http:
            resources = replace(opened, http=http)
            if service.own is None:
                yield RunningService(create_app(service, resources), resources)
                return
            async with service.own(resources) as own:
                complete = replace(resources, own=own)
                yield RunningService(create_app(service, complete), complete)
