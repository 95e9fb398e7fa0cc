"""Plans: what is on sale, a buyer's own, and the operators' prices."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from services.marketplace.domain.plans import BillingView, NewPlanPrice, PlanView
from services.marketplace.domain.supply import SupplyView
from services.marketplace.service import plans, rates, supply
from shared.http.auth import public_route, require
from shared.http.idempotency import IdempotencyKey
from shared.runtime import ResourcesDep
from shared.schemas.plan_enums import PlanCode
from shared.security.policy import Action, Actor

router = APIRouter(prefix="/api", tags=["plans"])
Member = Annotated[Actor, require(Action.SALE_REPORT)]
Owner = Annotated[Actor, require(Action.CONTRACTOR_UPDATE)]
Reader = Annotated[Actor, require(Action.OPERATIONS_READ)]
Operator = Annotated[Actor, require(Action.OPERATIONS_WRITE)]


class PlanWish(BaseModel):
    """The plan that is wanted."""

    model_config = ConfigDict(extra="forbid")
    plan: PlanCode


class EndWish(BaseModel):
    """Whether the plan ends with its paid month."""

    model_config = ConfigDict(extra="forbid")
    end: bool


class CheckoutView(BaseModel):
    """Where the plan is paid, and until when."""

    url: str
    until: datetime


@router.get("/plans")
@public_route("prices are for everybody")
async def on_sale(resources: ResourcesDep) -> list[PlanView]:
    """The plans with their prices of today, the cheapest first."""
    return await plans.on_sale(resources)


@router.get("/contractors/me/plan")
async def own(resources: ResourcesDep, actor: Member) -> BillingView:
    """The company's plan, its paid leads, credit and ledger lines."""
    await rates.count_read(resources, actor)
    return await plans.account(resources, actor)


@router.post("/contractors/me/plan/checkout")
async def checkout(wish: PlanWish, resources: ResourcesDep, actor: Owner) -> CheckoutView:
    """The processor's page on which the plan is paid; the same wish again leads to the same page."""
    await rates.count_purchase(resources, actor)
    page = await plans.subscribe(resources, actor, wish.plan)
    return CheckoutView(url=page.url, until=page.until)


@router.get("/contractors/me/plan/supply")
async def own_supply(resources: ResourcesDep, actor: Member) -> SupplyView:
    """What the company's cities bring in a month by our forecast, and which plans that covers."""
    await rates.count_read(resources, actor)
    return await supply.own(resources, actor)


@router.post("/contractors/me/plan/wait", status_code=204)
async def wait(wish: PlanWish, resources: ResourcesDep, actor: Owner) -> None:
    """Wait for a plan that the company's cities cannot fill yet; whoever waits longest is told first."""
    await rates.count_purchase(resources, actor)
    await supply.wait(resources, actor, wish.plan)


@router.delete("/contractors/me/plan/wait", status_code=204)
async def leave(resources: ResourcesDep, actor: Owner) -> None:
    """Wait no more."""
    await supply.leave(resources, actor)


@router.post("/contractors/me/plan/change")
async def change(wish: PlanWish, resources: ResourcesDep, actor: Owner, key: IdempotencyKey) -> BillingView:
    """Another plan: a dearer one at once, its difference charged; a cheaper one from the next month on."""
    await rates.count_purchase(resources, actor)
    await plans.change(resources, actor, wish.plan, key)
    return await plans.account(resources, actor)


@router.post("/contractors/me/plan/cancellation")
async def cancel(wish: EndWish, resources: ResourcesDep, actor: Owner, key: IdempotencyKey) -> BillingView:
    """End the plan with its paid month, or let it go on after all."""
    await rates.count_purchase(resources, actor)
    await plans.cancel(resources, actor, end=wish.end, key=key)
    return await plans.account(resources, actor)


@router.get("/ops/plans")
async def prices(resources: ResourcesDep, actor: Reader) -> list[dict[str, Any]]:
    """Every price of every plan with its reason, the newest first."""
    return await plans.all_prices(resources, actor)


@router.post("/ops/plans", status_code=201)
async def add_price(new: NewPlanPrice, resources: ResourcesDep, actor: Operator) -> PlanView:
    """A price of a plan from a time on; who has the plan keeps its own."""
    return await plans.add_price(resources, actor, new)
