"""Returns: buyers give leads back, operators decide."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from services.marketplace.domain.return_views import DeskReturn, ReasonView, ReturnView, reason_view
from services.marketplace.domain.returns import REASONS
from services.marketplace.service import rates, returns
from shared.http.auth import require
from shared.http.idempotency import IdempotencyKey
from shared.runtime import ResourcesDep
from shared.schemas.page import Page, PageQuery
from shared.schemas.sale_enums import ReturnStatus
from shared.schemas.text import Line, clean_text
from shared.security.policy import Action, Actor

router = APIRouter(prefix="/api", tags=["returns"])
Buyer = Annotated[Actor, require(Action.SALE_RETURN)]
Reader = Annotated[Actor, require(Action.OPERATIONS_READ)]
Operator = Annotated[Actor, require(Action.OPERATIONS_WRITE)]
Explanation = Annotated[str, BeforeValidator(clean_text), StringConstraints(min_length=1, max_length=1000)]


class ReturnRequest(BaseModel):
    """Why a lead comes back; facts by name, as `GET /api/return-reasons` lists them. It names no person."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(max_length=40)
    explanation: Explanation
    evidence: dict[str, str | int] = Field(default_factory=dict, max_length=10)


class Decision(BaseModel):
    """An operator's word and what the buyer reads about it."""

    model_config = ConfigDict(extra="forbid")

    decision: Literal["accept", "refuse"]
    note: Line


class ReturnQuery(PageQuery):
    """Which returns are wanted."""

    status: ReturnStatus | None = None


class Credit(BaseModel):
    """What we owe a contractor in leads."""

    credit_cents: int


@router.get("/return-reasons")
async def reasons(actor: Buyer) -> list[ReasonView]:  # noqa: ARG001 - asked for by its right only
    """Every reason to give a lead back, what it must state, and until when."""
    return [reason_view(reason) for reason in REASONS.values()]


@router.post("/sales/{sale_id}/returns", status_code=201)
async def open_return(
    sale_id: UUID, body: ReturnRequest, resources: ResourcesDep, actor: Buyer, key: IdempotencyKey
) -> ReturnView:
    """Give a bought lead back; decided at once where our own data shows it, by an operator otherwise."""
    await rates.count_purchase(resources, actor)
    return await returns.open_return(resources, actor, sale_id, **body.model_dump(), key=key)


@router.get("/returns")
async def own_returns(
    query: Annotated[ReturnQuery, Query()], resources: ResourcesDep, actor: Buyer
) -> Page[ReturnView]:
    """The returns of the buyer's company, newest first."""
    await rates.count_read(resources, actor)
    return await returns.own_returns(resources, actor, **query.model_dump())


@router.get("/contractors/me/credit")
async def credit(resources: ResourcesDep, actor: Buyer) -> Credit:
    """What we owe the buyer's company in leads."""
    await rates.count_read(resources, actor)
    return Credit(credit_cents=await returns.credit_cents(resources, actor))


@router.get("/ops/returns")
async def all_returns(
    query: Annotated[ReturnQuery, Query()], resources: ResourcesDep, actor: Reader
) -> Page[DeskReturn]:
    """Everybody's returns, newest first."""
    return await returns.all_returns(resources, actor, **query.model_dump())


@router.post("/ops/returns/{return_id}/decision")
async def decide(return_id: UUID, body: Decision, resources: ResourcesDep, actor: Operator) -> DeskReturn:
    """Accept or refuse an open return; the first decision stands."""
    return await returns.decide_return(resources, actor, return_id, decision=body.decision, note=body.note)
