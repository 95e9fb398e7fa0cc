"""The health of the county puller: what is quick is looked at on the spot, what is slow every minute behind it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

import httpx
from sqlalchemy.exc import SQLAlchemyError

from services.scraper.domain.health import PRIORITIES, Finding, Health, report
from services.scraper.repository import CountyJobRepository
from shared.errors import RidgelineError
from shared.runtime import Resources

KEPT_SECONDS: Final = 60.0
SLOW_SECONDS: Final = 5.0
QUEUE_WARNING: Final = 20
"""Open pulls above which the workers are behind."""
Look = Callable[[Resources], Awaitable[Finding]]
NOT_YET: Final = Finding(Health.UNKNOWN, "not looked at yet")


async def database(resources: Resources) -> Finding:
    """Whether the database answers."""
    try:
        async with resources.unit_of_work() as uow:
            await uow.database_now()
    except (SQLAlchemyError, OSError) as error:
        return Finding(Health.DOWN, type(error).__name__)
    return Finding(Health.HEALTHY, "answers")


async def encryption(resources: Resources) -> Finding:
    """Whether what is sealed can be opened again."""
    word = uuid4().hex
    try:
        wrapped, cipher = resources.keys.create(uuid4())
        opened = resources.keys.open(wrapped).decrypt("probe", cipher.encrypt("probe", word))
    except RidgelineError as error:
        return Finding(Health.DOWN, error.detail)
    same = opened == word
    return Finding(Health.HEALTHY if same else Health.DOWN, "seals and opens" if same else "opens wrongly")


async def configuration(resources: Resources) -> Finding:
    """Whether this process has the settings that it cannot work without."""
    settings = resources.settings
    needed = {
        "SERVICE_SIGNING_KEY": settings.service_signing_key.get_secret_value(),
        "FIELD_KEYS": settings.field_keys.get_secret_value(),
        "BLIND_INDEX_PEPPER": settings.blind_index_pepper.get_secret_value(),
    }
    missing = [name for name, value in needed.items() if not value]
    if missing:
        return Finding(Health.DOWN, f"not set: {', '.join(missing)}")
    return Finding(Health.HEALTHY, "complete")


async def job_processor(resources: Resources) -> Finding:
    """Whether a worker of this service lives, and how many pulls are open."""
    try:
        async with resources.unit_of_work() as uow:
            row = await CountyJobRepository(uow.session).workers()
    except (SQLAlchemyError, OSError) as error:
        return Finding(Health.UNKNOWN, type(error).__name__)
    words = f"{row.alive} workers, {row.jobs} open pulls"
    if row.alive == 0:
        return Finding(Health.DOWN, words)
    return Finding(Health.DEGRADED if row.jobs > QUEUE_WARNING else Health.HEALTHY, words)


async def accela_api(resources: Resources) -> Finding:
    """Whether Accela's address answers at all."""
    return await _vendor(resources, "accela")


async def summit_api(_: Resources) -> Finding:
    """No CRM is connected to this service."""
    return Finding(Health.UNKNOWN, "not configured")


async def frontend(resources: Resources) -> Finding:
    """Whether the public door answers."""
    return await _service(resources, "marketplace")


async def backend(resources: Resources) -> Finding:
    """Whether this service is reached at the address that others use."""
    return await _service(resources, resources.service)


async def network(resources: Resources) -> Finding:
    """Whether anything outside answers: the weather service, which never asks who we are."""
    return await _vendor(resources, "nws")


async def _vendor(resources: Resources, vendor: str) -> Finding:
    settings, deps = resources.providers.settings, resources.providers.deps
    return await _answers(deps.http, settings.base_url(vendor), {"user-agent": deps.user_agent})


async def _service(resources: Resources, name: str) -> Finding:
    return await _answers(resources.http, f"{resources.settings.service_url(name)}/health", {})


async def _answers(http: httpx.AsyncClient, url: str, headers: dict[str, str]) -> Finding:
    """Any answer below 500 shows that somebody is there."""
    try:
        response = await http.get(url, headers=headers, timeout=SLOW_SECONDS)
    except httpx.HTTPError as error:
        return Finding(Health.DOWN, type(error).__name__)
    ill = response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR
    return Finding(Health.DEGRADED if ill else Health.HEALTHY, f"answers {response.status_code}")


QUICK: Final[dict[str, Look]] = {
    "database": database,
    "encryption": encryption,
    "configuration": configuration,
    "job_processor": job_processor,
}
SLOW: Final[dict[str, Look]] = {
    "accela_api": accela_api,
    "summit_api": summit_api,
    "frontend": frontend,
    "backend": backend,
    "network": network,
}


@dataclass
class HealthDesk:
    """Findings of one process: slow ones are kept for a minute and renewed without anybody waiting for them."""

    started_at: float = field(default_factory=time.monotonic)
    kept: dict[str, Finding] = field(default_factory=dict)
    kept_at: float | None = None
    looking: asyncio.Task[None] | None = None

    async def report(self, resources: Resources) -> dict[str, Any]:
        """The health as far as it is known now."""
        self._renew_when_old(resources)
        quick = {name: await _timed(look, resources) for name, look in QUICK.items()}
        found = {**quick, **{name: self.kept.get(name, NOT_YET) for name in SLOW}}
        return report({name: found[name] for name in PRIORITIES}, time.monotonic() - self.started_at)

    def _renew_when_old(self, resources: Resources) -> None:
        old = self.kept_at is None or time.monotonic() - self.kept_at > KEPT_SECONDS
        if old and (self.looking is None or self.looking.done()):
            self.looking = asyncio.create_task(self.look(resources), name="health-slow-checks")

    async def look(self, resources: Resources) -> None:
        """Look at the slow parts, all at once."""
        found = await asyncio.gather(*(_timed(look, resources) for look in SLOW.values()))
        self.kept, self.kept_at = dict(zip(SLOW, found, strict=True)), time.monotonic()

    async def close(self) -> None:
        """Stop looking."""
        if self.looking is not None:
            self.looking.cancel()
            await asyncio.gather(self.looking, return_exceptions=True)


async def _timed(look: Look, resources: Resources) -> Finding:
    began = time.perf_counter()
    finding = await look(resources)
    milliseconds = round((time.perf_counter() - began) * 1000)
    return replace(finding, response_time_ms=milliseconds, last_checked=datetime.now(UTC))
