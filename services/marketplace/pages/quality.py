"""The page that says what our grades were worth; its numbers are the API's."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from services.marketplace.api.auth import ClientDep
from services.marketplace.pages.rendering import render
from services.marketplace.service import quality
from shared.http.auth import public_route
from shared.runtime import ResourcesDep

router = APIRouter(tags=["pages"], default_response_class=Response)


@router.get("/quality")
@public_route("what leads brought their buyers is said before anybody pays")
async def published(request: Request, resources: ResourcesDep, client: ClientDep) -> Response:
    """Every grade: sold, reported, reached, won, and how sure that is."""
    report = await quality.published_quality(resources, client.address)
    return render(request, "quality.html", None, report=report)
