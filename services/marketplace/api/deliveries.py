"""A buyer's own systems: where its leads go, how they arrived, and the file."""

from __future__ import annotations

import re
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from services.marketplace.api.files import CsvResponse
from services.marketplace.domain.deliveries import DeliveryView, DestinationTest, DestinationView
from services.marketplace.service import deliveries, rates
from services.marketplace.service.deliveries import Destination
from shared.http.auth import require
from shared.runtime import ResourcesDep
from shared.schemas.delivery_enums import DeliveryKind
from shared.security.policy import Action, Actor

router = APIRouter(prefix="/api/deliveries", tags=["deliveries"])
Owner = Annotated[Actor, require(Action.CONTRACTOR_UPDATE)]
Buyer = Annotated[Actor, require(Action.SALE_REPORT)]
MapName = Annotated[str, Field(max_length=30)]


def _fits_a_header(key: SecretStr) -> SecretStr:
    """The key; ValueError where it holds what no header of a request can carry."""
    if not re.fullmatch(r"[\x21-\x7e]+", key.get_secret_value()):
        raise ValueError("letters, digits and signs of ASCII, without spaces")
    return key


VendorKey = Annotated[SecretStr, Field(min_length=8, max_length=500), AfterValidator(_fits_a_header)]


class Webhook(BaseModel):
    """An https address that takes leads, and by which names."""

    model_config = ConfigDict(extra="forbid")
    url: str = Field(min_length=1, max_length=2000)
    field_map: MapName = "plain"


class HighLevelLocation(BaseModel):
    """A location of HighLevel and the key that its owner made for us."""

    model_config = ConfigDict(extra="forbid")
    location_id: str = Field(pattern=r"^[A-Za-z0-9_-]{1,100}$")
    api_key: VendorKey


@router.get("/destinations")
async def list_destinations(resources: ResourcesDep, actor: Owner) -> list[DestinationView]:
    """Where this company's leads go."""
    return await deliveries.destinations(resources, actor)


@router.put("/destinations/webhook")
async def set_webhook(body: Webhook, resources: ResourcesDep, actor: Owner) -> DestinationView:
    """Send what is bought from now on here; the first answer alone shows the secret that signs."""
    await rates.count_read(resources, actor)
    wish = Destination(DeliveryKind.WEBHOOK, body.url, body.field_map)
    return await deliveries.set_destination(resources, actor, wish)


@router.put("/destinations/highlevel")
async def set_highlevel(body: HighLevelLocation, resources: ResourcesDep, actor: Owner) -> DestinationView:
    """Make what is bought from now on a contact there; the key is never shown again."""
    await rates.count_read(resources, actor)
    wish = Destination(DeliveryKind.HIGHLEVEL, body.location_id, secret=body.api_key.get_secret_value())
    return await deliveries.set_destination(resources, actor, wish)


@router.delete("/destinations/{kind}", status_code=204)
async def remove_destination(kind: DeliveryKind, resources: ResourcesDep, actor: Owner) -> None:
    """Send nothing there any more and forget its address and secret."""
    await deliveries.remove_destination(resources, actor, kind)


@router.post("/destinations/{kind}/test")
async def test_destination(kind: DeliveryKind, resources: ResourcesDep, actor: Owner) -> DestinationTest:
    """Send a message without a lead there and say what it answered."""
    await rates.count_purchase(resources, actor)
    return await deliveries.test_destination(resources, actor, kind)


@router.get("")
async def list_deliveries(
    resources: ResourcesDep, actor: Buyer, limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> list[DeliveryView]:
    """How this company's leads arrived, newest first."""
    await rates.count_read(resources, actor)
    return await deliveries.deliveries(resources, actor, limit)


@router.post("/{delivery_id}/again", status_code=202)
async def deliver_again(delivery_id: UUID, resources: ResourcesDep, actor: Buyer) -> DeliveryView:
    """Send a lead once more under the same delivery id."""
    await rates.count_read(resources, actor)
    return await deliveries.deliver_again(resources, actor, delivery_id)


@router.get("/leads.csv", response_class=CsvResponse)
async def export(resources: ResourcesDep, actor: Buyer, field_map: MapName = "plain") -> Response:
    """This company's newest 500 bought leads by the receiver's names."""
    await rates.count_read(resources, actor)
    found = await deliveries.export(resources, actor, field_map)
    return CsvResponse(
        found.text,
        headers={
            "Content-Disposition": 'attachment; filename="leads.csv"',
            "Cache-Control": "no-store",
            "X-Withheld-Leads": str(found.withheld),
        },
    )
