"""The page on which a buyer sees how its own checklist stands."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from services.marketplace.api.checks import Member
from services.marketplace.pages.rendering import render
from services.marketplace.service import checks, rates
from shared.runtime import ResourcesDep

router = APIRouter(prefix="/my/checks", tags=["pages"], default_response_class=Response)


@router.get("")
async def own(request: Request, resources: ResourcesDep, actor: Member) -> Response:
    """Every item, how it stands, and what is missing in words."""
    await rates.count_read(resources, actor)
    return render(request, "checks.html", actor, checklist=await checks.own_checklist(resources, actor))
