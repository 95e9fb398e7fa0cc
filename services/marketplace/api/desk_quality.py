"""The operators' books: cities, returns, low ratings."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from services.marketplace.api.desk import Operator
from services.marketplace.domain.desk_quality import DeskQuality
from services.marketplace.service import desk_quality
from shared.runtime import ResourcesDep

router = APIRouter(prefix="/api/ops", tags=["operations"])
MOST_DAYS = 366
USUAL_DAYS = 90
Days = Annotated[int, Query(ge=1, le=MOST_DAYS)]


@router.get("/quality")
async def books(resources: ResourcesDep, actor: Operator, days: Days = USUAL_DAYS) -> DeskQuality:
    """So many days of sales and vendors' costs by city, returns by reason, and leads that buyers rated low."""
    return await desk_quality.desk_quality(resources, actor, days)
