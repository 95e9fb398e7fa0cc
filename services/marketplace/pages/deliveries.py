"""Where a buyer's leads go by themselves, how each arrived, and the file of all of them."""

from __future__ import annotations

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request, Response
from pydantic import ValidationError

from services.marketplace.api.deliveries import Buyer, HighLevelLocation, Owner
from services.marketplace.pages.rendering import go_to, may, render
from services.marketplace.service import deliveries, rates
from services.marketplace.service.deliveries import Destination, field_maps
from shared.errors import Conflict, InvalidInput, RidgelineError
from shared.runtime import Resources, ResourcesDep
from shared.schemas.delivery_enums import DeliveryKind
from shared.security.policy import Action, Actor

router = APIRouter(prefix="/my/deliveries", tags=["pages"], default_response_class=Response)

FEW: Final = 50
MOST: Final = 200
WRONG_LOCATION: Final = (
    "location_id: letters, digits, - and _ as in HighLevel's Settings; the key has 8 or more, no spaces."
)


@router.get("")
async def own(
    request: Request,
    resources: ResourcesDep,
    actor: Buyer,
    limit: Annotated[int, Query(ge=1, le=MOST)] = FEW,
) -> Response:
    """Destinations, the newest deliveries with every attempt, and the file."""
    await rates.count_read(resources, actor)
    return await _page(request, resources, actor, limit=limit)


@router.post("/webhook")
async def set_webhook(
    request: Request,
    resources: ResourcesDep,
    actor: Owner,
    *,
    url: Annotated[str, Form(max_length=2000)],
    field_map: Annotated[str, Form(max_length=30)] = "plain",
) -> Response:
    """The page with the new address and, this once, its secret; the form again with what is wrong in it."""
    await rates.count_read(resources, actor)
    typed = {"url": url, "field_map": field_map}
    try:
        wish = Destination(DeliveryKind.WEBHOOK, url.strip(), field_map)
        made = await deliveries.set_destination(resources, actor, wish)
    except (InvalidInput, Conflict) as refusal:
        return await _page(
            request, resources, actor, typed=typed, refusal=refusal, refused=DeliveryKind.WEBHOOK
        )
    # No redirect: a secret is shown once and stands in no address.
    return await _page(request, resources, actor, secret=made.secret) if made.secret else go_to(router.prefix)


@router.post("/highlevel")
async def set_highlevel(
    request: Request,
    resources: ResourcesDep,
    actor: Owner,
    *,
    location_id: Annotated[str, Form(max_length=200)],
    api_key: Annotated[str, Form(max_length=500)],
) -> Response:
    """Back to the page; the form again with what is wrong in it, never with the key."""
    await rates.count_read(resources, actor)
    try:
        wish = HighLevelLocation.model_validate(
            {"location_id": location_id.strip(), "api_key": api_key.strip()}
        )
        place = Destination(DeliveryKind.HIGHLEVEL, wish.location_id, secret=wish.api_key.get_secret_value())
        await deliveries.set_destination(resources, actor, place)
    except (ValidationError, InvalidInput, Conflict) as error:
        refusal = error if isinstance(error, RidgelineError) else InvalidInput(WRONG_LOCATION)
        typed = {"location_id": location_id}
        return await _page(
            request, resources, actor, typed=typed, refusal=refusal, refused=DeliveryKind.HIGHLEVEL
        )
    return go_to(router.prefix)


@router.post("/{kind}/test")
async def test(request: Request, kind: DeliveryKind, resources: ResourcesDep, actor: Owner) -> Response:
    """The page with what the destination answered to a message without a lead."""
    await rates.count_purchase(resources, actor)
    answered = await deliveries.test_destination(resources, actor, kind)
    return await _page(request, resources, actor, tested=kind, answered=answered)


@router.post("/{kind}/remove")
async def remove(kind: DeliveryKind, resources: ResourcesDep, actor: Owner) -> Response:
    """Back to the page, from which the destination is gone."""
    await rates.count_read(resources, actor)
    await deliveries.remove_destination(resources, actor, kind)
    return go_to(router.prefix)


@router.post("/{delivery_id}/again")
async def again(request: Request, delivery_id: UUID, resources: ResourcesDep, actor: Buyer) -> Response:
    """Back to the page, on which the delivery waits to be sent; why not, where it cannot be."""
    await rates.count_read(resources, actor)
    try:
        await deliveries.deliver_again(resources, actor, delivery_id)
    except deliveries.DeliveryNotPossible as refusal:
        return await _page(request, resources, actor, refusal=refusal)
    return go_to(router.prefix)


async def _page(
    request: Request,
    resources: Resources,
    actor: Actor,
    *,
    limit: int = FEW,
    refusal: RidgelineError | None = None,
    **context: Any,
) -> Response:
    """The page as it stands now, with what came of a form."""
    owner = may(actor, Action.CONTRACTOR_UPDATE)
    found = await deliveries.deliveries(resources, actor, limit)
    places = await deliveries.destinations(resources, actor) if owner else []
    blank: dict[str, Any] = {"typed": {}, "refused": None, "secret": None, "tested": None, "answered": None}
    return render(
        request,
        "deliveries.html",
        actor,
        status=refusal.status if refusal else 200,
        owner=owner,
        destinations={place.kind: place for place in places},
        deliveries=found,
        more=f"{router.prefix}?limit={MOST}" if len(found) == limit < MOST else None,
        field_maps=list(field_maps()),
        refusal=refusal.detail if refusal else None,
        **blank | context,
    )
