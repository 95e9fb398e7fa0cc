"""Routes of the cities' sources."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path

from services.scraper import service
from shared.http.auth import require
from shared.runtime import ResourcesDep
from shared.security.policy import Action, Actor

router = APIRouter(prefix="/sources", tags=["sources"])


@router.get("/{city}/{state}/check")
async def check(
    city: Annotated[str, Path(max_length=100)],
    state: Annotated[str, Path(pattern="^[A-Za-z]{2}$")],
    resources: ResourcesDep,
    _: Annotated[Actor, require(Action.OPERATIONS_READ)],
) -> list[dict[str, Any]]:
    """Sample a city's permit feeds now: the verdict on each with its reasons."""
    verdicts = await service.check_city(resources, city, state)
    return [
        {"source": v.source, "usable": v.usable, "reasons": list(v.reasons), "facts": v.facts}
        for v in verdicts
    ]
