"""The state of the whole platform, its jobs and its configuration."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from services.orchestrator.domain.config import (
    CONFIG,
    FEATURES,
    ON_BY_DEFAULT,
    validate_config,
    validate_features,
)
from services.orchestrator.repository import (
    ConfigRepository,
    JobRepository,
    SystemRepository,
    WorkflowRepository,
)
from shared.errors import NotFound
from shared.runtime import Resources
from shared.security import audit
from shared.security.policy import Actor
from shared.settings import SERVICE_PORTS
from shared.workflow.schedule import check_times, next_slot, trigger

SERVICE = "orchestrator"


async def system_status(resources: Resources) -> dict[str, Any]:
    """Counts an operator looks at first, and open workflows by kind."""
    async with resources.unit_of_work() as uow:
        figures = await SystemRepository(uow.session).figures()
        workflows = await WorkflowRepository(uow.session).counts()
    return {
        "service": SERVICE,
        "environment": resources.settings.environment,
        **{key: int(value) for key, value in figures._asdict().items()},
        "workflows": [row._asdict() for row in workflows],
    }


async def overall_health(resources: Resources) -> dict[str, Any]:
    """Every service, the database and Redis: healthy, degraded (a part is away) or down (no database)."""
    names = [name for name in SERVICE_PORTS if name != SERVICE]
    states = await asyncio.gather(*(_probe(resources, name) for name in names))
    parts = dict(zip(names, states, strict=True))
    parts |= {"database": await _database(resources), "redis": await _redis(resources)}
    if parts["database"] != "ok":
        status = "down"
    else:
        status = "healthy" if all(state == "ok" for state in parts.values()) else "degraded"
    return {"status": status, "service": SERVICE, "parts": parts}


async def _probe(resources: Resources, service: str) -> str:
    url = f"{resources.settings.service_url(service)}/ready"
    try:
        answer = await resources.http.get(url, timeout=resources.settings.health_timeout_seconds)
        state = str(answer.json()["status"])
    except (httpx.HTTPError, ValueError, KeyError):
        return "down"
    return "ok" if state == "ready" else state


async def _database(resources: Resources) -> str:
    try:
        async with resources.unit_of_work() as uow:
            await uow.database_now()
    except (SQLAlchemyError, OSError):
        return "down"
    return "ok"


async def _redis(resources: Resources) -> str:
    try:
        await resources.redis.ping()
    except (RedisError, OSError):
        return "down"
    return "ok"


async def list_jobs(resources: Resources) -> list[dict[str, Any]]:
    """Scheduled jobs with their last and next run."""
    async with resources.unit_of_work() as uow:
        rows = await JobRepository(uow.session).all()
    jobs = []
    for row in rows:
        coming = next_slot(row.cron, ZoneInfo(row.tz), row.now) if row.enabled else None
        jobs.append({**row._asdict(), "next_due_at": coming})
    return jobs


async def trigger_job(resources: Resources, actor: Actor, job: str, key: str) -> UUID:
    """Run a job now; the same key runs it once."""
    async with resources.unit_of_work() as uow:
        workflow_id = await trigger(uow.session, job, key=key)
        await audit.record(
            uow.session,
            actor,
            "job.trigger",
            service=SERVICE,
            object_type="job",
            object_id=job,
            details={"key": key},
        )
    return workflow_id


async def pause_job(resources: Resources, actor: Actor, job: str) -> None:
    """Let a job's slots pass until it is resumed."""
    await _set_enabled(resources, actor, job, enabled=False)


async def resume_job(resources: Resources, actor: Actor, job: str) -> None:
    """Let a job run again from its next slot."""
    await _set_enabled(resources, actor, job, enabled=True)


async def change_times(resources: Resources, actor: Actor, job: str, *, cron: str, tz: str) -> None:
    """Let a job run at other times; slots that have passed are not made up for."""
    check_times(cron, tz)
    async with resources.unit_of_work() as uow:
        if not await JobRepository(uow.session).set_times(job, cron, tz, actor.name):
            raise NotFound(f"there is no scheduled job {job!r}", job=job)
        await audit.record(
            uow.session,
            actor,
            "job.times",
            service=SERVICE,
            object_type="job",
            object_id=job,
            details={"cron": cron, "tz": tz},
        )


async def _set_enabled(resources: Resources, actor: Actor, job: str, *, enabled: bool) -> None:
    async with resources.unit_of_work() as uow:
        if not await JobRepository(uow.session).set_enabled(job, enabled, actor.name):
            raise NotFound(f"there is no scheduled job {job!r}", job=job)
        verb = "job.resume" if enabled else "job.pause"
        await audit.record(uow.session, actor, verb, service=SERVICE, object_type="job", object_id=job)


async def read_config(resources: Resources) -> dict[str, Any]:
    """Every configuration value with its description and default."""
    async with resources.unit_of_work() as uow:
        stored = await ConfigRepository(uow.session).config()
    defaults = {key: _plain(getattr(resources.settings, known.setting)) for key, known in CONFIG.items()}
    return {
        key: {
            "value": stored.get(key, defaults[key]),
            "default": defaults[key],
            "description": known.description,
        }
        for key, known in CONFIG.items()
    }


def _plain(value: Any) -> Any:
    """A number as JSON has it: money in settings is a Decimal."""
    return float(value) if isinstance(value, Decimal) else value


async def change_config(resources: Resources, actor: Actor, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Validate, store and audit configuration changes; all or nothing."""
    validate_config(changes)
    async with resources.unit_of_work() as uow:
        repository = ConfigRepository(uow.session)
        before = await repository.config()
        await repository.set_config({k: (v, CONFIG[k].description) for k, v in changes.items()}, actor.name)
        await audit.record(
            uow.session,
            actor,
            "config.change",
            service=SERVICE,
            object_type="config",
            object_id=None,
            fields=list(changes),
            details={"before": {k: before.get(k) for k in changes}, "after": dict(changes)},
        )
    return await read_config(resources)


async def read_features(resources: Resources) -> dict[str, Any]:
    """Every feature flag with its description, what it usually is, and when it was last turned, if ever."""
    async with resources.unit_of_work() as uow:
        stored = {row.key: row for row in await ConfigRepository(uow.session).turned()}
    return {
        key: {
            "enabled": stored[key].enabled if key in stored else key in ON_BY_DEFAULT,
            "usual": key in ON_BY_DEFAULT,
            "description": words,
            "turned_at": stored[key].updated_at if key in stored else None,
        }
        for key, words in FEATURES.items()
    }


async def change_features(resources: Resources, actor: Actor, changes: Mapping[str, bool]) -> dict[str, Any]:
    """Validate, store and audit feature flags; every process follows within two seconds."""
    validate_features(changes)
    async with resources.unit_of_work() as uow:
        repository = ConfigRepository(uow.session)
        before = await repository.features()
        await repository.set_features({k: (v, FEATURES[k]) for k, v in changes.items()}, actor.name)
        await audit.record(
            uow.session,
            actor,
            "features.change",
            service=SERVICE,
            object_type="feature_flags",
            object_id=None,
            fields=list(changes),
            details={"before": {k: before.get(k) for k in changes}, "after": dict(changes)},
        )
    return await read_features(resources)
