"""The page on which a buyer sees what its leads cost and brought."""

from __future__ import annotations

from datetime import date
from typing import Final

from fastapi import APIRouter, Request, Response

from services.marketplace.api.analytics import Buyer, Months
from services.marketplace.domain.analytics import USUAL_MONTHS
from services.marketplace.pages.charts import pairs
from services.marketplace.pages.rendering import render
from services.marketplace.service import analytics, rates
from shared.runtime import ResourcesDep

router = APIRouter(prefix="/my/analytics", tags=["pages"], default_response_class=Response)

SPANS: Final = (3, 12, 36)
"""How many months the page offers."""


@router.get("")
async def own(
    request: Request, resources: ResourcesDep, actor: Buyer, months: Months = USUAL_MONTHS
) -> Response:
    """Two charts and the tables behind them."""
    await rates.count_read(resources, actor)
    report = await analytics.own_analytics(resources, actor, months)
    return render(
        request,
        "analytics.html",
        actor,
        report=report,
        spans=SPANS,
        leads=pairs([(short(each.name), each.bought, each.won) for each in report.by_month]),
        money=pairs([(short(each.name), each.spent_cents, each.revenue_cents) for each in report.by_month]),
    )


def short(month: str) -> str:
    """A month below its bar, as in Nov 26."""
    return f"{date.fromisoformat(f'{month}-01'):%b %y}"
