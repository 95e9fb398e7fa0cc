"""Leads and sales for buyers."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter

from services.marketplace.api.queries import FormQuery
from services.marketplace.domain.market_map import Box, MarketMap
from services.marketplace.domain.preview import LeadPreview
from services.marketplace.domain.sold_lead import OwnedLead, SoldLead
from services.marketplace.repository.leads import LeadFilter, Sort
from services.marketplace.service import leads, rates, sales
from shared.http.auth import require
from shared.http.idempotency import IdempotencyKey
from shared.runtime import Resources, ResourcesDep
from shared.schemas.contractor import MAX_RADIUS_MILES
from shared.schemas.enums import Grade, RoofCondition, SaleStatus
from shared.schemas.roof_analysis import RoofAnalysisView
from shared.security.policy import Action, Actor

router = APIRouter(prefix="/api", tags=["leads"])
Lister = Annotated[Actor, require(Action.LEAD_LIST)]
Reader = Annotated[Actor, require(Action.LEAD_READ)]
SaleReader = Annotated[Actor, require(Action.SALE_READ)]
Buyer = Annotated[Actor, require(Action.LEAD_PURCHASE)]

CHARGE_PATIENCE_SECONDS = 8.0


def _known_box(words: str | None) -> str | None:
    """The words, if they are a box."""
    if words is not None:
        Box.parse(words)
    return words


class LeadQuery(FormQuery):
    """Which leads are wanted, in which order; page on with the last one's id and its score or price.

    `box` is west,south,east,north in degrees and finds leads whose cell has its centre there.
    """

    city: Annotated[str | None, Field(max_length=100)] = None
    state: Annotated[str | None, Field(pattern="^[A-Za-z]{2}$")] = None
    grade: Grade | None = None
    min_score: Annotated[int | None, Field(ge=0, le=100)] = None
    max_price: Annotated[Decimal | None, Field(gt=0, le=1_000_000)] = None
    condition: RoofCondition | None = None
    min_urgency: Annotated[int | None, Field(ge=0, le=100)] = None
    storm: bool | None = None
    max_miles: Annotated[int | None, Field(ge=1, le=MAX_RADIUS_MILES)] = None
    box: Annotated[str | None, Field(max_length=100), AfterValidator(_known_box)] = None
    sort: Sort = "score"
    after_score: Annotated[int | None, Field(ge=0, le=100)] = None
    after_price: Annotated[Decimal | None, Field(ge=0, le=1_000_000)] = None
    after_id: UUID | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20

    def filter(self) -> LeadFilter:
        """The wish as the market reads it."""
        after = self.after_score if self.sort == "score" else self.after_price
        begins = after is not None and self.after_id is not None
        return LeadFilter(
            **self.model_dump(exclude={"after_score", "after_price", "after_id", "box"}),
            box=Box.parse(self.box) if self.box else None,
            after_value=Decimal(after) if begins and after is not None else None,
            after_id=self.after_id if begins else None,
        )


class Purchase(BaseModel):
    """How a lead is paid: a payment method saved with the processor; card numbers never reach us.

    With `price`, what the buyer saw, a lead that costs something else by now is not bought; with `included`, one that the
    plan does not pay any more.
    """

    model_config = ConfigDict(extra="forbid")
    payment_method: str = Field(pattern=r"^pm_[A-Za-z0-9_]{1,100}$")
    price: Annotated[Decimal | None, Field(ge=0, le=1_000_000)] = None
    included: bool = False


class SaleView(BaseModel):
    """A sale as its buyer sees it."""

    sale_id: UUID
    lead_id: UUID
    status: SaleStatus
    price: Decimal
    charged_cents: int | None
    """The whole price once it is paid; `credit_cents` of it by credit."""
    credit_cents: int
    included: bool
    """Whether the lead came with the buyer's plan: nothing was charged then."""
    decline_reason: str | None


LISTED: Final = TypeAdapter(list[LeadPreview])


@router.get("/leads", response_model=list[LeadPreview])
async def list_leads(
    resources: ResourcesDep, actor: Lister, query: Annotated[LeadQuery, Query()]
) -> Response:
    """Available leads in the buyer's service areas; page on with the last one's score (or price) and id."""
    await rates.count_read(resources, actor)
    found = await leads.offered_leads(resources, actor, query.filter())
    return Response(LISTED.dump_json(found), media_type="application/json")


@router.get("/leads/my-leads")
async def my_leads(
    resources: ResourcesDep, actor: Lister, limit: Annotated[int, Query(ge=1, le=500)] = 100
) -> list[OwnedLead]:
    """The leads this contractor bought."""
    await rates.count_read(resources, actor)
    return await leads.owned_leads(resources, actor, limit)


@router.get("/leads/map")
async def map_leads(
    resources: ResourcesDep, actor: Lister, query: Annotated[LeadQuery, Query()]
) -> MarketMap:
    """The same leads as marks of GeoJSON, by cells and never by houses; order and page play no part."""
    await rates.count_read(resources, actor)
    return await leads.map_of_leads(resources, actor, query.filter())


@router.get("/leads/{lead_id}")
async def show_lead(lead_id: UUID, resources: ResourcesDep, actor: Reader) -> LeadPreview | SoldLead:
    """The preview of an offered lead, or everything about a bought one."""
    await rates.count_read(resources, actor)
    return await leads.show_lead(resources, actor, lead_id)


@router.get("/leads/{lead_id}/analysis")
async def show_analysis(lead_id: UUID, resources: ResourcesDep, actor: Reader) -> RoofAnalysisView:
    """What the models saw on the roof of a bought lead."""
    await rates.count_read(resources, actor)
    return await leads.bought_analysis(resources, actor, lead_id)


@router.post("/leads/{lead_id}/purchase", status_code=202)
async def purchase(
    lead_id: UUID, body: Purchase, resources: ResourcesDep, actor: Buyer, key: IdempotencyKey
) -> SaleView:
    """Buy a lead: reserved at once, charged while you wait where possible, by a worker otherwise."""
    await rates.count_purchase(resources, actor)
    sale_id = await buy(resources, actor, lead_id, body, key)
    return _sale_view(await sales.own_sale(resources, actor, sale_id))


@router.get("/sales/{sale_id}")
async def show_sale(sale_id: UUID, resources: ResourcesDep, actor: SaleReader) -> SaleView:
    """How a sale stands."""
    return _sale_view(await sales.read_sale(resources, actor, sale_id))


async def buy(resources: Resources, actor: Actor, lead_id: UUID, wish: Purchase, key: str) -> UUID:
    """The id of a purchase's sale, whose charge had its time to come through."""
    order = sales.Order(lead_id, wish.payment_method, key, wish.price, wish.included)
    reserved = await sales.purchase(resources, actor, order)
    await _charge_now(resources, UUID(reserved["workflow_id"]))
    return UUID(reserved["sale_id"])


async def _charge_now(resources: Resources, workflow_id: UUID) -> None:
    """Run the charge in this process under the same lease as any worker; slow ones go on in the background."""
    run = asyncio.ensure_future(resources.own.runner.run(workflow_id, "charge"))
    await asyncio.wait({run}, timeout=CHARGE_PATIENCE_SECONDS)


def _sale_view(sale: sales.SaleRow) -> SaleView:
    return SaleView(
        sale_id=sale.id,
        lead_id=sale.base_lead_id,
        status=sale.status,
        price=sale.price,
        charged_cents=sale.charged_cents,
        credit_cents=sale.credit_cents,
        included=sale.plan_period_id is not None,
        decline_reason=sale.decline_reason,
    )
