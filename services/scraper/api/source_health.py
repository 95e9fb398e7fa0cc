"""Routes of the sources' health."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from services.scraper import health
from shared.http.auth import require
from shared.runtime import ResourcesDep
from shared.schemas.enums import SourceLight
from shared.security.policy import Action, Actor

router = APIRouter(prefix="/sources", tags=["sources"])


@router.get("/health")
async def all_sources(
    resources: ResourcesDep,
    _: Annotated[Actor, require(Action.OPERATIONS_READ)],
    city: Annotated[str | None, Query(max_length=100)] = None,
    state: Annotated[str | None, Query(pattern="^[A-Za-z]{2}$")] = None,
    status: SourceLight | None = None,
) -> list[dict[str, Any]]:
    """Every source of the active cities and every storm feed with its light, worst first."""
    found = await health.sources_health(resources, city=city, state=state, light=status)
    return [one.facts() for one in found]


@router.get("/{source_key}/health")
async def one_source(
    source_key: Annotated[str, Path(max_length=100)],
    resources: ResourcesDep,
    _: Annotated[Actor, require(Action.OPERATIONS_READ)],
) -> dict[str, Any]:
    """One source with its light and what each of its last readings showed."""
    return (await health.source_health(resources, source_key)).history()
