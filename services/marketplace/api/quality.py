"""What our grades were worth, for anybody."""

from __future__ import annotations

from fastapi import APIRouter

from services.marketplace.api.auth import ClientDep
from services.marketplace.domain.quality import QualityReport
from services.marketplace.service import quality
from shared.http.auth import public_route
from shared.runtime import ResourcesDep

router = APIRouter(prefix="/api", tags=["quality"])


@router.get("/quality")
@public_route("what leads brought their buyers is said before anybody pays")
async def published(resources: ResourcesDep, client: ClientDep) -> QualityReport:
    """Contact and win rates of every grade with 95 % intervals; a rate of too few leads is not said."""
    return await quality.published_quality(resources, client.address)
