"""Promo codes for people: typed in at the billing page, kept by operators."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response
from pydantic import TypeAdapter, ValidationError

from services.marketplace.api.plans import Operator, Owner, Reader
from services.marketplace.domain.promos import Code, NewPromo
from services.marketplace.pages.plans import billing
from services.marketplace.pages.rendering import go_to, render
from services.marketplace.service import promos, rates
from shared.runtime import Resources, ResourcesDep
from shared.security.policy import Actor

router = APIRouter(tags=["pages"], default_response_class=Response)
CODE: TypeAdapter[str] = TypeAdapter(Code)
BAD_CODE = "A code is 4 to 40 letters, digits or dashes."
BAD_PROMO = f"{BAD_CODE} Type cents up to 100,000, an end, and a reason of three letters or more."


@router.post("/my/billing/promo")
async def redeem(
    request: Request, resources: ResourcesDep, actor: Owner, code: Annotated[str, Form(max_length=100)]
) -> Response:
    """Credit for a code; the page again with the reason where there is none."""
    await rates.count_purchase(resources, actor)
    try:
        await promos.redeem(resources, actor, CODE.validate_python(code))
    except ValidationError:
        return await billing(request, resources, actor, promo_refusal=BAD_CODE)
    except promos.PromoRefused as refused:
        return await billing(request, resources, actor, promo_refusal=refused.detail, status=refused.status)
    return go_to("/my/billing")


@router.get("/ops/promos")
async def codes(request: Request, resources: ResourcesDep, actor: Reader) -> Response:
    """Every code with how often it was redeemed, and a form for a new one."""
    return await _codes(request, resources, actor)


@router.post("/ops/promos")
async def add(  # noqa: PLR0917 - a field of the form each
    request: Request,
    resources: ResourcesDep,
    actor: Operator,
    code: Annotated[str, Form(max_length=100)],
    credit_cents: Annotated[str, Form(max_length=20)],
    most: Annotated[str, Form(max_length=20)],
    valid_until: Annotated[str, Form(max_length=40)],
    reason: Annotated[str, Form(max_length=400)],
    *,
    new_buyers: Annotated[bool, Form()] = False,
) -> Response:
    """A new code; the form again with what is wrong in it."""
    typed = {
        "code": code,
        "credit_cents": credit_cents,
        "most": most,
        "new_buyers": new_buyers,
        "valid_until": f"{valid_until}Z",
        "reason": reason,
    }
    try:
        await promos.add_promo(resources, actor, NewPromo.model_validate(typed))
    except ValidationError:
        return await _codes(request, resources, actor, refusal=BAD_PROMO)
    except promos.PromoExists as exists:
        return await _codes(request, resources, actor, refusal=exists.detail, status=exists.status)
    return go_to("/ops/promos")


@router.post("/ops/promos/{promo_id}/end")
async def end(promo_id: UUID, resources: ResourcesDep, actor: Operator) -> Response:
    """End a code now."""
    await promos.end_promo(resources, actor, promo_id)
    return go_to("/ops/promos")


async def _codes(
    request: Request, resources: Resources, actor: Actor, *, refusal: str | None = None, status: int = 422
) -> Response:
    found = await promos.all_promos(resources, actor)
    return render(
        request, "desk_promos.html", actor, status=status if refusal else 200, promos=found, refusal=refusal
    )
