"""The operators' start: what waits for a person, and the companies that signed up."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from services.marketplace.domain.desk_money import DeskMoney
from services.marketplace.domain.waiting import BuyerLine, WaitingLine
from services.marketplace.service import money, operations
from services.marketplace.service.operations import Neighbours, neighbours_for
from shared.http.auth import presented_token, require
from shared.runtime import ResourcesDep
from shared.schemas.page import Page, PageQuery
from shared.security.policy import Action, Actor

router = APIRouter(prefix="/api/ops", tags=["operations"])
Reader = Annotated[Actor, require(Action.OPERATIONS_READ)]
Operator = Annotated[Actor, require(Action.OPERATIONS_WRITE)]


class BuyerQuery(PageQuery):
    """Which companies are wanted."""

    waiting: bool = False


async def _neighbours(request: Request, resources: ResourcesDep, actor: Reader) -> Neighbours:
    return await neighbours_for(resources, actor, presented_token(request))


Around = Annotated[Neighbours, Depends(_neighbours)]


@router.get("/waiting")
async def waiting(resources: ResourcesDep, actor: Reader, around: Around) -> list[WaitingLine]:
    """Everything that waits for a person, the law's deadlines first."""
    return await operations.waiting(resources, actor, around)


@router.get("/buyers")
async def buyers(
    query: Annotated[BuyerQuery, Query()], resources: ResourcesDep, actor: Reader
) -> Page[BuyerLine]:
    """Companies that signed up, newest first, with the papers nobody has decided on."""
    return await operations.buyers(resources, actor, **query.model_dump())


@router.get("/money")
async def desk_money(resources: ResourcesDep, actor: Reader) -> DeskMoney:
    """What the accounts hold, how sales stand, and what a lead cost by city."""
    return await money.desk_money(resources, actor)
