"""What a buyer's leads cost and brought."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from services.marketplace.domain.analytics import MOST_MONTHS, USUAL_MONTHS, AnalyticsReport
from services.marketplace.service import analytics, rates
from shared.http.auth import require
from shared.runtime import ResourcesDep
from shared.security.policy import Action, Actor

router = APIRouter(prefix="/api", tags=["analytics"])
Buyer = Annotated[Actor, require(Action.SALE_REPORT)]
Months = Annotated[int, Query(ge=1, le=MOST_MONTHS)]


@router.get("/analytics")
async def own(resources: ResourcesDep, actor: Buyer, months: Months = USUAL_MONTHS) -> AnalyticsReport:
    """Leads, costs, jobs and returns of the buyer's company over so many months, in all and by month, grade and city."""
    await rates.count_read(resources, actor)
    return await analytics.own_analytics(resources, actor, months)
