"""The desk of charge-backs: operators see why a buyer is frozen and settle it."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from services.marketplace.domain.cases import CaseView
from services.marketplace.service import cases
from shared.http.auth import require
from shared.runtime import ResourcesDep
from shared.schemas.buyer_enums import CaseOutcome
from shared.schemas.page import Page, PageQuery
from shared.schemas.text import Line
from shared.security.policy import Action, Actor

router = APIRouter(prefix="/api/ops/buyer-cases", tags=["buyers"])
Reader = Annotated[Actor, require(Action.OPERATIONS_READ)]
Operator = Annotated[Actor, require(Action.OPERATIONS_WRITE)]


class CaseQuery(PageQuery):
    """Which cases are wanted."""

    settled: bool | None = None


class Settlement(BaseModel):
    """An operator's decision and why."""

    model_config = ConfigDict(extra="forbid")

    outcome: CaseOutcome
    note: Line


@router.get("")
async def list_cases(
    query: Annotated[CaseQuery, Query()], resources: ResourcesDep, actor: Reader
) -> Page[CaseView]:
    """Charge-backs, newest first; the buyer of one that is not settled is frozen."""
    return await cases.list_cases(resources, actor, **query.model_dump())


@router.post("/{case_id}/settlement")
async def settle(case_id: UUID, body: Settlement, resources: ResourcesDep, actor: Operator) -> CaseView:
    """Settle a case: `released` lets the buyer buy again, `ended` takes its credentials; the first decision stands."""
    return await cases.settle_case(resources, actor, case_id, outcome=body.outcome, note=body.note)
