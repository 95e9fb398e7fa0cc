"""Leads and sales for buyers."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from services.marketplace.domain.preview import LeadPreview
from services.marketplace.domain.sold_lead import OwnedLead, SoldLead
from services.marketplace.repository.leads import LeadFilter
from services.marketplace.service import leads, rates, sales
from shared.http.auth import require
from shared.http.idempotency import IdempotencyKey
from shared.runtime import Resources, ResourcesDep
from shared.schemas.enums import Grade, SaleStatus
from shared.security.policy import Action, Actor

router = APIRouter(prefix="/api", tags=["leads"])
Lister = Annotated[Actor, require(Action.LEAD_LIST)]
Reader = Annotated[Actor, require(Action.LEAD_READ)]
SaleReader = Annotated[Actor, require(Action.SALE_READ)]
Buyer = Annotated[Actor, require(Action.LEAD_PURCHASE)]

CHARGE_PATIENCE_SECONDS = 8.0


class Purchase(BaseModel):
    """How a lead is paid: a payment method saved with the processor; card numbers never reach us."""

    model_config = ConfigDict(extra="forbid")
    payment_method: str = Field(pattern=r"^pm_[A-Za-z0-9_]{1,100}$")


class SaleView(BaseModel):
    """A sale as its buyer sees it."""

    sale_id: UUID
    lead_id: UUID
    status: SaleStatus
    price: Decimal
    charged_cents: int | None
    decline_reason: str | None


@router.get("/leads")
async def list_leads(
    resources: ResourcesDep,
    actor: Lister,
    *,
    city: Annotated[str | None, Query(max_length=100)] = None,
    state: Annotated[str | None, Query(pattern="^[A-Za-z]{2}$")] = None,
    grade: Grade | None = None,
    min_score: Annotated[int | None, Query(ge=0, le=100)] = None,
    max_price: Annotated[Decimal | None, Query(gt=0)] = None,
    after_score: Annotated[int | None, Query(ge=0, le=100)] = None,
    after_id: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> list[LeadPreview]:
    """Available leads in the buyer's service areas; page on with the last one's score and id."""
    wanted = LeadFilter(
        city=city,
        state=state,
        grade=grade,
        min_score=min_score,
        max_price=max_price,
        after_score=after_score if after_id else None,
        after_id=after_id if after_score is not None else None,
        limit=limit,
    )
    await rates.count_read(resources, actor)
    return await leads.offered_leads(resources, actor, wanted)


@router.get("/leads/my-leads")
async def my_leads(
    resources: ResourcesDep, actor: Lister, limit: Annotated[int, Query(ge=1, le=500)] = 100
) -> list[OwnedLead]:
    """The leads this contractor bought."""
    await rates.count_read(resources, actor)
    return await leads.owned_leads(resources, actor, limit)


@router.get("/leads/{lead_id}")
async def show_lead(lead_id: UUID, resources: ResourcesDep, actor: Reader) -> LeadPreview | SoldLead:
    """The preview of an offered lead, or everything about a bought one."""
    await rates.count_read(resources, actor)
    return await leads.show_lead(resources, actor, lead_id)


@router.post("/leads/{lead_id}/purchase", status_code=202)
async def purchase(
    lead_id: UUID, body: Purchase, resources: ResourcesDep, actor: Buyer, key: IdempotencyKey
) -> SaleView:
    """Buy a lead: reserved at once, charged while you wait where possible, by a worker otherwise."""
    await rates.count_purchase(resources, actor)
    reserved = await sales.purchase(resources, actor, lead_id, payment_method=body.payment_method, key=key)
    await _charge_now(resources, UUID(reserved["workflow_id"]))
    return await _sale_view(resources, UUID(reserved["sale_id"]), actor)


@router.get("/sales/{sale_id}")
async def show_sale(sale_id: UUID, resources: ResourcesDep, actor: SaleReader) -> SaleView:
    """How a sale stands."""
    return await _sale_view(resources, sale_id, actor)


async def _charge_now(resources: Resources, workflow_id: UUID) -> None:
    """Run the charge in this process under the same lease as any worker; slow ones go on in the background."""
    run = asyncio.ensure_future(resources.own.runner.run(workflow_id, "charge"))
    await asyncio.wait({run}, timeout=CHARGE_PATIENCE_SECONDS)


async def _sale_view(resources: Resources, sale_id: UUID, actor: Actor) -> SaleView:
    sale = await sales.read_sale(resources, actor, sale_id)
    return SaleView(
        sale_id=sale.id,
        lead_id=sale.base_lead_id,
        status=sale.status,
        price=sale.price,
        charged_cents=sale.charged_cents,
        decline_reason=sale.decline_reason,
    )
