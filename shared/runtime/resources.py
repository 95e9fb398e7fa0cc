"""What a process works with, opened and closed by one context manager."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
from redis.asyncio import Redis
from redis.asyncio.retry import Retry as RedisRetry
from redis.backoff import NoBackoff
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.db.engine import SERVICE_ROLES, make_engine, make_session_maker
from shared.db.rows import GUARDED_ROLES
from shared.db.unit_of_work import UnitOfWorkFactory
from shared.http.clients.base import ServiceClient
from shared.http.tls import known_authorities
from shared.providers.opening import Providers, open_providers
from shared.providers.settings import ProviderSettings
from shared.runtime.flags import Flags
from shared.security.fields import KeyRing
from shared.security.tokens import TokenIssuer, TokenVerifier
from shared.settings import Settings
from shared.workflow.budget import Budget

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """This machine's time; leases, slots and deadlines use the database's instead."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Resources:
    """Settings, database, Redis, HTTP, tokens and clock of one process; `own` is the service's own part."""

    service: str
    worker: str
    settings: Any
    engine: AsyncEngine
    unit_of_work: UnitOfWorkFactory
    redis: Redis
    http: httpx.AsyncClient
    issuer: TokenIssuer
    verifier: TokenVerifier
    budget: Budget
    flags: Flags
    keys: KeyRing
    providers: Providers
    clock: Clock = utc_now
    own: Any = field(default=None)

    def client(self, service: str) -> ServiceClient:
        """A client of another service, with this service's token."""
        return ServiceClient(service, self.settings.service_url(service), self.issuer, self.http)


def worker_name(service: str) -> str:
    """A name no other process has: service, host, process, and four random digits."""
    return f"{service}@{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:4]}"


def make_redis(url: str) -> Redis:
    """A Redis client that fails at once when Redis is away, so that callers can degrade."""
    client: Redis = Redis.from_url(
        url,
        decode_responses=True,
        socket_connect_timeout=2,
        socket_timeout=10,
        retry=RedisRetry(NoBackoff(), 0),
        health_check_interval=15,
    )
    return client


def make_http() -> httpx.AsyncClient:
    """An HTTP client for calls between services."""
    return httpx.AsyncClient(
        verify=known_authorities(), timeout=httpx.Timeout(20, connect=3), trust_env=False
    )


@asynccontextmanager
async def open_resources(
    service: str, settings: Settings, *, own: Callable[[Resources], Any] | None = None
) -> AsyncIterator[Resources]:
    """Open everything a process needs, and the service's own part on top; close all at the end."""
    name = worker_name(service)
    role = SERVICE_ROLES.get(service) if settings.database_roles else None
    engine = make_engine(
        settings.database_url,
        pool_size=settings.pool_size,
        application_name=name[:60],
        role=role,
    )
    redis = make_redis(settings.redis_url.get_secret_value())
    unit_of_work = UnitOfWorkFactory(make_session_maker(engine), guarded=role in GUARDED_ROLES)
    budget = Budget(unit_of_work)
    try:
        async with (
            make_http() as http,
            open_providers(
                ProviderSettings(),
                service=service,
                unit_of_work=unit_of_work,
                budget=budget,
                redis=redis,
                trusted_origins=settings.trusted_origins,
            ) as providers,
        ):
            resources = Resources(
                service=service,
                worker=name,
                settings=settings,
                engine=engine,
                unit_of_work=unit_of_work,
                redis=redis,
                http=http,
                issuer=TokenIssuer.from_settings(service, settings),
                verifier=TokenVerifier.from_settings(service, settings),
                budget=budget,
                flags=Flags(unit_of_work),
                keys=KeyRing.from_settings(settings),
                providers=providers,
            )
            if own is None:
                yield resources
                return
            async with own(resources) as part:
                yield replace(resources, own=part)
    finally:
        await redis.aclose()
        await engine.dispose()
