"""The page of the operators' books."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request, Response

from services.marketplace.api.desk import Operator
from services.marketplace.api.desk_quality import USUAL_DAYS, Days
from services.marketplace.pages.rendering import render
from services.marketplace.service import desk_quality
from shared.runtime import ResourcesDep

router = APIRouter(prefix="/ops", tags=["pages"], default_response_class=Response)

SPANS: Final = (7, 30, 90, 366)
"""How many days the page offers."""


@router.get("/quality")
async def books(
    request: Request, resources: ResourcesDep, actor: Operator, days: Days = USUAL_DAYS
) -> Response:
    """Cities, returns by reason, and leads to be looked into."""
    found = await desk_quality.desk_quality(resources, actor, days)
    return render(request, "desk_quality.html", actor, books=found, spans=SPANS)
