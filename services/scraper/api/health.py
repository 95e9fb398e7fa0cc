"""The health of the county puller with its parts; probes use /health and /ready, which everybody may ask."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Response

from services.scraper.domain.health import Health
from shared.http.auth import require
from shared.http.envelope import Envelope
from shared.runtime import ResourcesDep
from shared.security.policy import Action, Actor

router = APIRouter(prefix="/api/health", tags=["health"])


@router.get("")
async def health(
    resources: ResourcesDep, response: Response, _: Annotated[Actor, require(Action.OPERATIONS_READ)]
) -> Envelope[dict[str, Any]]:
    """Every part with its status, priority and time; 503 where a critical one is down."""
    report = await resources.own.health.report(resources)
    if report["status"] is not Health.DOWN:
        return Envelope(data=report)
    response.status_code = 503
    return Envelope(success=False, data=report, error="A critical part is down.")
