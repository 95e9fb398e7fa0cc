"""The page of a buyer's notices, and the count that the header of every page shows."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from pydantic import AwareDatetime

from services.marketplace.api.notices import MOST, Buyer
from services.marketplace.pages.rendering import go_to, render
from services.marketplace.service import notices, rates
from shared.runtime import ResourcesDep

router = APIRouter(prefix="/my/notices", tags=["pages"], default_response_class=Response)


@router.get("")
async def own(request: Request, resources: ResourcesDep, actor: Buyer) -> Response:
    """What we told the company, newest first."""
    await rates.count_read(resources, actor)
    box = await notices.box(resources, actor, unread_only=False, limit=MOST)
    return render(request, "notices.html", actor, box=box)


@router.get("/unread")
async def unread(request: Request, resources: ResourcesDep, actor: Buyer) -> Response:
    """The count beside the header's link; not counted as a look, as every page asks for it."""
    return render(request, "_unread.html", actor, unread=await notices.unread(resources, actor))


@router.post("/read")
async def read_until(
    resources: ResourcesDep, actor: Buyer, until: Annotated[AwareDatetime, Form()]
) -> Response:
    """Every notice that the page showed was read; the page again."""
    await rates.count_read(resources, actor)
    await notices.read_until(resources, actor, until)
    return go_to("/my/notices")
