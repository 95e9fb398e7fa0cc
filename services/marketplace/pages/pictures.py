"""Pictures of houses for the pages."""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse

from services.marketplace.service.pictures import Picture, picture
from shared.http.auth import require
from shared.runtime import ResourcesDep
from shared.security.policy import Action, Actor

router = APIRouter(tags=["pages"], default_response_class=Response)

MINUTES: Final = {"Cache-Control": "private, max-age=240", "X-Content-Type-Options": "nosniff"}
NEVER: Final = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


@router.get("/images/{image_id}")
async def show(
    image_id: UUID, resources: ResourcesDep, actor: Annotated[Actor, require(Action.REVIEW_READ)]
) -> Response:
    """A picture of ours, or the way to its vendor's where it may only be shown live."""
    return as_answer(await picture(resources, actor, image_id))


def as_answer(found: Picture) -> Response:
    """The picture itself, or the way to the vendor that shows it."""
    if found.live_url is not None:
        return RedirectResponse(found.live_url, status_code=302, headers=NEVER)
    return Response(found.body, media_type=found.media_type, headers=MINUTES)
