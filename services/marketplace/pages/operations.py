"""The operators' start page, the health of sources, and money."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from services.marketplace.api.operations import Around, Reader
from services.marketplace.pages.rendering import render
from services.marketplace.service import money as books
from services.marketplace.service import operations
from shared.runtime import ResourcesDep

router = APIRouter(prefix="/ops", tags=["pages"], default_response_class=Response)


@router.get("")
async def now(request: Request, resources: ResourcesDep, actor: Reader, around: Around) -> Response:
    """What needs a person now, with the way to each list."""
    lines = await operations.waiting(resources, actor, around)
    return render(request, "desk_now.html", actor, lines=lines)


@router.get("/sources")
async def sources(
    request: Request,
    actor: Reader,
    around: Around,
    *,
    all_of_them: bool = False,
) -> Response:
    """Sources that are late or broken, or every one, worst first."""
    found = await around.sources.health()
    shown = found if all_of_them else [each for each in found if each.ill]
    return render(
        request, "desk_sources.html", actor, sources=shown, total=len(found), all_of_them=all_of_them
    )


@router.get("/money")
async def money(request: Request, resources: ResourcesDep, actor: Reader) -> Response:
    """What the accounts hold, how sales stand, and what a lead cost by city."""
    found = await books.desk_money(resources, actor)
    return render(request, "desk_money.html", actor, money=found)
