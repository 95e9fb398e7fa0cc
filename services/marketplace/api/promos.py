"""Promo codes: redeemed by a company, made and ended by operators."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from services.marketplace.api.plans import Operator, Owner, Reader
from services.marketplace.domain.promos import Code, NewPromo, PromoView
from services.marketplace.service import promos, rates
from shared.runtime import ResourcesDep

router = APIRouter(prefix="/api", tags=["promo codes"])


class Redemption(BaseModel):
    """The code that is redeemed."""

    model_config = ConfigDict(extra="forbid")
    code: Code


class Redeemed(BaseModel):
    """The credit that the company was given."""

    credit_cents: int


@router.post("/contractors/me/promo-codes")
async def redeem(wish: Redemption, resources: ResourcesDep, actor: Owner) -> Redeemed:
    """Credit for leads for a code, once a company and code."""
    await rates.count_purchase(resources, actor)
    return Redeemed(credit_cents=await promos.redeem(resources, actor, wish.code))


@router.get("/ops/promo-codes")
async def all_promos(resources: ResourcesDep, actor: Reader) -> list[PromoView]:
    """The newest codes with how often each was redeemed."""
    return await promos.all_promos(resources, actor)


@router.post("/ops/promo-codes", status_code=201)
async def add(new: NewPromo, resources: ResourcesDep, actor: Operator) -> PromoView:
    """A new code; its name, credit and limits never change afterwards."""
    return await promos.add_promo(resources, actor, new)


@router.post("/ops/promo-codes/{promo_id}/end")
async def end(promo_id: UUID, resources: ResourcesDep, actor: Operator) -> PromoView:
    """End a code now; what was given for it stays."""
    return await promos.end_promo(resources, actor, promo_id)
