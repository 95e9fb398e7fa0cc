"""The route that tells what goes on around a house."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from services.scraper import houses
from shared.http.auth import require
from shared.runtime import ResourcesDep
from shared.security.policy import Action, Actor

router = APIRouter(tags=["neighborhood"])


@router.get("/neighborhood")
async def neighborhood(
    city: Annotated[str, Query(min_length=1, max_length=100)],
    state: Annotated[str, Query(pattern="^[A-Za-z]{2}$")],
    address: Annotated[str, Query(min_length=3, max_length=300)],
    resources: ResourcesDep,
    _: Annotated[Actor, require(Action.OPERATIONS_READ)],
) -> dict[str, Any]:
    """Re-roofs around a house in 30, 60 and 90 days: counts, average value, contractors, density, urgency."""
    return await houses.neighborhood(resources, city, state, address)
