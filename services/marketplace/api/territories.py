"""Territories for buyers and operators."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from services.marketplace.domain.territories import DeskTerritoryView, Place, TerritoryBoard, TerritoryView
from services.marketplace.service import rates, territories
from shared.http.auth import require
from shared.runtime import ResourcesDep
from shared.schemas.page import Page, PageQuery
from shared.schemas.territory import TerritoryStatus
from shared.schemas.text import Line
from shared.security.policy import Action, Actor

router = APIRouter(prefix="/api", tags=["territories"])
Member = Annotated[Actor, require(Action.CONTRACTOR_READ)]
Owner = Annotated[Actor, require(Action.CONTRACTOR_UPDATE)]
Reader = Annotated[Actor, require(Action.OPERATIONS_READ)]
Operator = Annotated[Actor, require(Action.OPERATIONS_WRITE)]


class TerritoryQuery(PageQuery):
    """Which territories are wanted."""

    status: TerritoryStatus | None = None


class TakingBack(BaseModel):
    """Why an operator ends a territory."""

    model_config = ConfigDict(extra="forbid")

    note: Line


@router.get("/territories")
async def own_board(resources: ResourcesDep, actor: Member) -> TerritoryBoard:
    """What the company holds and waits for, what is free near its service areas, and what that does to prices."""
    await rates.count_read(resources, actor)
    return await territories.own_board(resources, actor)


@router.post("/territories", status_code=201)
async def ask(place: Place, resources: ResourcesDep, actor: Owner) -> TerritoryView:
    """Ask for a place: held at once where it is free, else on its waiting list."""
    await rates.count_purchase(resources, actor)
    return await territories.ask(resources, actor, place)


@router.post("/territories/{territory_id}/acceptance")
async def accept(territory_id: UUID, resources: ResourcesDep, actor: Owner) -> TerritoryView:
    """Take an offered place."""
    await rates.count_purchase(resources, actor)
    return await territories.accept(resources, actor, territory_id)


@router.delete("/territories/{territory_id}")
async def give_up(territory_id: UUID, resources: ResourcesDep, actor: Owner) -> TerritoryView:
    """Give up a territory, refuse its offer or leave its waiting list."""
    await rates.count_purchase(resources, actor)
    return await territories.give_up(resources, actor, territory_id)


@router.get("/ops/territories")
async def desk_page(
    query: Annotated[TerritoryQuery, Query()], resources: ResourcesDep, actor: Reader
) -> Page[DeskTerritoryView]:
    """Everybody's territories, newest first."""
    return await territories.desk_page(resources, actor, **query.model_dump())


@router.post("/ops/territories/{territory_id}/end")
async def take_back(
    territory_id: UUID, body: TakingBack, resources: ResourcesDep, actor: Operator
) -> DeskTerritoryView:
    """End a territory; its buyer is told why and the next in line is asked."""
    return await territories.take_back(resources, actor, territory_id, body.note)
