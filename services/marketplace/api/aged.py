"""Aged leads: what is on sale, purchases by criteria, files of what was bought, quotes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.marketplace.api.files import CsvResponse
from services.marketplace.domain.aged_offer import MOST_LEADS, CountyName, Order, StateCode
from services.marketplace.service import aged_files, aged_sales, rates
from shared.errors import InvalidInput
from shared.http.auth import require
from shared.http.idempotency import OptionalIdempotencyKey
from shared.http.problems import ProblemResponse, trace_of
from shared.runtime import ResourcesDep
from shared.schemas.aged_enums import AgeBucket, AgedClass
from shared.security.policy import Action, Actor

router = APIRouter(prefix="/api/v1", tags=["aged leads"])
Reader = Annotated[Actor, require(Action.AGED_READ)]
Buyer = Annotated[Actor, require(Action.AGED_PURCHASE)]

MOST_IDS_IN_A_URL = 100
"""More sales than this are asked for by POST: their ids would not fit into every address line (C-46)."""


class InventoryItem(BaseModel):
    """A lead on sale: enough to choose by, not enough to find the person."""

    inventory_id: UUID
    lead_id: UUID
    age_bucket: AgeBucket
    state: str
    county: str
    classification: AgedClass
    unit_price: str
    first_name: str
    city: str


class Inventory(BaseModel):
    """Items, and how many there are in all."""

    items: list[InventoryItem]
    total: int


class Locations(BaseModel):
    """Where something is on sale."""

    states: list[str]
    counties_by_state: dict[str, list[str]]


class Purchased(BaseModel):
    """A purchase that was made."""

    success: bool
    batch_id: UUID
    sale_ids: list[UUID]
    total_paid: str
    items_requested: int
    items_purchased: int
    items_replaced: int
    errors: list[str]
    message: str


class DownloadRequest(BaseModel):
    """One purchase, or single sales."""

    model_config = ConfigDict(extra="forbid")
    client_id: UUID
    batch_id: UUID | None = None
    sale_ids: list[UUID] = Field(default_factory=list, max_length=MOST_LEADS)

    @model_validator(mode="after")
    def _one_of_both(self) -> DownloadRequest:
        """Both at once would leave open which is meant."""
        if (self.batch_id is None) == (not self.sale_ids):
            raise ValueError("give either batch_id or sale_ids")
        return self


class QuoteRequest(BaseModel):
    """Items whose price somebody wants to know."""

    model_config = ConfigDict(extra="forbid")
    inventory_item_ids: list[UUID] = Field(min_length=1, max_length=MOST_LEADS)


class QuotedItem(BaseModel):
    """An item and its price."""

    inventory_id: UUID
    classification: AgedClass
    age_bucket: AgeBucket
    unit_price: str


class Quote(BaseModel):
    """Prices that hold until they expire."""

    quote_id: UUID
    items: list[QuotedItem]
    total_price: str
    created_at: datetime
    expires_at: datetime


@router.get("/inventory", response_model=Inventory)
async def list_inventory(
    resources: ResourcesDep,
    actor: Reader,
    *,
    state: StateCode | None = None,
    classification: AgedClass | None = None,
    age_bucket: AgeBucket | None = None,
    county: CountyName | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> dict[str, Any]:
    """Aged leads on sale, oldest in stock first, and how many match."""
    await rates.count_read(resources, actor)
    return await aged_sales.inventory(
        resources,
        actor,
        bucket=age_bucket,
        limit=limit,
        classification=classification,
        state=state,
        county=county,
    )


@router.get("/inventory/locations", response_model=Locations)
async def list_locations(resources: ResourcesDep, actor: Reader) -> dict[str, Any]:
    """States and counties that have aged leads on sale."""
    await rates.count_read(resources, actor)
    return await aged_sales.locations(resources, actor)


@router.post("/purchases/by-criteria", response_model=Purchased)
async def purchase(
    order: Order,
    request: Request,
    resources: ResourcesDep,
    actor: Buyer,
    key: OptionalIdempotencyKey = None,
) -> Any:
    """Buy so many leads of each kind: all of them, or none and 409 with what there is instead."""
    await rates.count_purchase(resources, actor)
    try:
        return await aged_sales.purchase(resources, actor, order, key=key)
    except aged_sales.InsufficientInventory as shortage:
        return _shortage(request, shortage)


@router.get("/purchases/download", response_class=CsvResponse)
async def download(
    resources: ResourcesDep,
    actor: Reader,
    sale_ids: Annotated[str, Query(min_length=1, max_length=8_000)],
    client_id: UUID,
) -> Response:
    """The CSV of up to 100 sales, their ids separated by commas."""
    await rates.count_read(resources, actor)
    found = await aged_files.download(resources, actor, client_id, sale_ids=_ids(sale_ids))
    return _file(found)


@router.post("/purchases/download", response_class=CsvResponse)
async def download_many(body: DownloadRequest, resources: ResourcesDep, actor: Reader) -> Response:
    """The CSV of one purchase or of many sales."""
    await rates.count_read(resources, actor)
    found = await aged_files.download(
        resources, actor, body.client_id, sale_ids=body.sale_ids, batch_id=body.batch_id
    )
    return _file(found)


@router.post("/quotes", response_model=Quote)
async def make_quote(body: QuoteRequest, resources: ResourcesDep, actor: Reader) -> dict[str, Any]:
    """What these items cost together, for fifteen minutes."""
    await rates.count_read(resources, actor)
    return await aged_sales.quote(resources, actor, body.inventory_item_ids)


@router.get("/quotes/{quote_id}", response_model=Quote)
async def show_quote(quote_id: UUID, resources: ResourcesDep, actor: Reader) -> dict[str, Any]:
    """A quote while it holds; 409 once it has expired."""
    await rates.count_read(resources, actor)
    return await aged_sales.read_quote(resources, actor, quote_id)


def _ids(text: str) -> Sequence[UUID]:
    """The ids of a query; InvalidInput names the one that is none."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not 1 <= len(parts) <= MOST_IDS_IN_A_URL:
        raise InvalidInput(
            f"sale_ids takes 1 to {MOST_IDS_IN_A_URL} ids, these are {len(parts)}; send more by POST."
        )
    found = []
    for part in parts:
        try:
            found.append(UUID(part))
        except ValueError:
            raise InvalidInput(f"sale_ids: {part[:50]!r} is no UUID.") from None
    return found


def _file(found: aged_files.Download) -> Response:
    return CsvResponse(
        found.export.text,
        headers={
            "Content-Disposition": 'attachment; filename="leads.csv"',
            "Cache-Control": "no-store",
            "X-Withheld-Leads": str(found.withheld),
            "X-Neutralised-Values": str(sum(found.export.neutralised.values())),
        },
    )


def _shortage(request: Request, refusal: aged_sales.InsufficientInventory) -> Response:
    """A problem whose detail is the object that callers of this interface know."""
    document = {
        "type": f"urn:ridgeline:problem:{refusal.code}",
        "title": refusal.title,
        "status": refusal.status,
        "detail": refusal.shortage.model_dump(mode="json"),
        "code": refusal.code,
        "instance": request.url.path,
        "correlation_id": trace_of(request.scope).correlation_id,
    }
    return ProblemResponse(document, status_code=refusal.status)
