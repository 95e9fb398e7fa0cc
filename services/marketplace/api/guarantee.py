"""The guarantee: where a buyer stands, and an operator's settlement."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path

from services.marketplace.domain.guarantee import PeriodView, Settlement
from services.marketplace.service import guarantee, rates
from shared.http.auth import require
from shared.runtime import ResourcesDep
from shared.security.policy import Action, Actor

router = APIRouter(prefix="/api", tags=["guarantee"])
Buyer = Annotated[Actor, require(Action.SALE_REPORT)]
Operator = Annotated[Actor, require(Action.OPERATIONS_WRITE)]


@router.get("/contractors/me/guarantee")
async def standing(resources: ResourcesDep, actor: Buyer) -> list[PeriodView]:
    """Every period of the buyer's company with every term of the guarantee, oldest first."""
    await rates.count_read(resources, actor)
    return await guarantee.own_standing(resources, actor)


@router.post("/ops/contractors/{contractor_id}/guarantee/{period}/settlement")
async def settle(
    contractor_id: UUID,
    period: Annotated[int, Path(ge=0, le=1000)],
    resources: ResourcesDep,
    actor: Operator,
) -> Settlement:
    """Settle a due period and book its credit; once more answers what was settled."""
    return await guarantee.settle(resources, actor, contractor_id, period)
