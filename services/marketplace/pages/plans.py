"""Plans for people: the price list for everybody, a company's account, and the operators' prices."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Form, Request, Response
from pydantic import ValidationError

from services.marketplace.api.plans import Member, Operator, Owner, Reader
from services.marketplace.domain.plans import NAMES, PAYING, NewPlanPrice
from services.marketplace.pages.rendering import go_to, render
from services.marketplace.service import plans, rates, supply
from services.marketplace.service.supply import NoSupply, SupplyEnough
from shared.errors import NotAuthenticated, NotFound
from shared.http.auth import authenticate, public_route
from shared.runtime import Resources, ResourcesDep
from shared.schemas.plan_enums import PlanCode
from shared.security.policy import Actor

router = APIRouter(tags=["pages"], default_response_class=Response)

KEY_PATTERN = r"^[A-Za-z0-9_-]+$"
Key = Annotated[str, Form(min_length=8, max_length=100, pattern=KEY_PATTERN)]
BAD_PRICE = "Type whole cents that are a multiple of the leads, and a reason of three letters or more."


@router.get("/plans")
@public_route("prices are for everybody")
async def price_list(request: Request, resources: ResourcesDep) -> Response:
    """What each plan costs and includes."""
    try:
        actor = (await authenticate(request)).actor
    except NotAuthenticated:
        actor = None
    return render(request, "plans.html", actor, plans=await plans.on_sale(resources))


@router.get("/my/billing")
async def own(
    request: Request, resources: ResourcesDep, actor: Member, plan: PlanCode | None = None, paid: str = ""
) -> Response:
    """The company's plan, its leads, what we owe it; `plan` is the one that was chosen before."""
    await rates.count_read(resources, actor)
    return await billing(request, resources, actor, wanted=plan, paid=bool(paid))


@router.post("/my/billing/checkout")
async def checkout(
    request: Request, resources: ResourcesDep, actor: Owner, plan: Annotated[PlanCode, Form()]
) -> Response:
    """The way to the processor's page on which the plan is paid."""
    await rates.count_purchase(resources, actor)
    try:
        page = await plans.subscribe(resources, actor, plan)
    except NoSupply as refusal:
        return await billing(
            request, resources, actor, wanted=plan, plan_refusal=refusal.detail, status=refusal.status
        )
    return render(request, "checkout.html", actor, page=page, plan=plan)


@router.post("/my/billing/wait")
async def wait(resources: ResourcesDep, actor: Owner, plan: Annotated[PlanCode, Form()]) -> Response:
    """On the waiting list, or at once on the way to the plan where there is enough by now."""
    await rates.count_purchase(resources, actor)
    with suppress(SupplyEnough):
        await supply.wait(resources, actor, plan)
    return go_to(f"/my/billing?plan={plan}")


@router.post("/my/billing/wait/end")
async def leave(resources: ResourcesDep, actor: Owner) -> Response:
    """Off the waiting list."""
    with suppress(NotFound):
        await supply.leave(resources, actor)
    return go_to("/my/billing")


@router.post("/my/billing/change")
async def change(
    request: Request, resources: ResourcesDep, actor: Owner, plan: Annotated[PlanCode, Form()], key: Key
) -> Response:
    """Another plan."""
    await rates.count_purchase(resources, actor)
    try:
        await plans.change(resources, actor, plan, key)
    except NoSupply as refusal:
        return await billing(request, resources, actor, plan_refusal=refusal.detail, status=refusal.status)
    return go_to("/my/billing")


@router.post("/my/billing/cancellation")
async def cancel(resources: ResourcesDep, actor: Owner, end: Annotated[bool, Form()], key: Key) -> Response:
    """End the plan with its paid month, or let it go on."""
    await rates.count_purchase(resources, actor)
    await plans.cancel(resources, actor, end=end, key=key)
    return go_to("/my/billing")


@router.get("/ops/plans")
async def prices(request: Request, resources: ResourcesDep, actor: Reader) -> Response:
    """Every price of every plan, and the form for a new one."""
    return await _prices(request, resources, actor)


@router.post("/ops/plans")
async def add_price(
    request: Request,
    resources: ResourcesDep,
    actor: Operator,
    *,
    code: Annotated[str, Form(max_length=20)],
    monthly_cents: Annotated[str, Form(max_length=20)],
    included_leads: Annotated[str, Form(max_length=20)],
    grace_days: Annotated[str, Form(max_length=20)],
    valid_from: Annotated[str, Form(max_length=40)] = "",
    reason: Annotated[str, Form(max_length=400)] = "",
) -> Response:
    """A new price; the form again with what is wrong in it."""
    typed = {
        "code": code,
        "monthly_cents": monthly_cents,
        "included_leads": included_leads,
        "grace_days": grace_days,
        "valid_from": f"{valid_from}Z" if valid_from else None,
        "reason": reason,
    }
    try:
        await plans.add_price(resources, actor, NewPlanPrice.model_validate(typed))
    except ValidationError:
        return await _prices(request, resources, actor, refusal=BAD_PRICE)
    except plans.PriceExists as exists:
        return await _prices(request, resources, actor, refusal=exists.detail, status=exists.status)
    return go_to("/ops/plans")


async def billing(
    request: Request,
    resources: Resources,
    actor: Actor,
    *,
    wanted: PlanCode | None = None,
    paid: bool = False,
    promo_refusal: str | None = None,
    plan_refusal: str | None = None,
    status: int = 422,
) -> Response:
    """The billing page; with the reason why a promo code gave nothing, or a plan cannot be had."""
    view = await plans.account(resources, actor)
    running = view.subscription is not None and view.subscription.status in PAYING
    return render(
        request,
        "billing.html",
        actor,
        status=status if promo_refusal or plan_refusal else 200,
        promo_refusal=promo_refusal,
        plan_refusal=plan_refusal,
        supply=await supply.own(resources, actor),
        view=view,
        running=running,
        wanted=wanted,
        paid=paid and not running,
        plans=await plans.on_sale(resources),
        key=uuid4().hex,
    )


async def _prices(
    request: Request, resources: Resources, actor: Actor, *, refusal: str | None = None, status: int = 422
) -> Response:
    found: list[dict[str, Any]] = await plans.all_prices(resources, actor)
    return render(
        request,
        "plan_prices.html",
        actor,
        status=status if refusal else 200,
        prices=found,
        waiting=await supply.waiting(resources, actor),
        names=NAMES,
        codes=list(PlanCode),
        refusal=refusal,
    )
