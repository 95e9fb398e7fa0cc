"""The market for buyers: what is on sale, one preview, and the purchase with its confirmation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Annotated, Any, Final
from urllib.parse import urlencode
from uuid import UUID, uuid4

from fastapi import APIRouter, Form, Query, Request, Response
from pydantic import ValidationError

from services.marketplace.api.leads import Buyer, LeadQuery, Lister, Purchase, Reader, buy
from services.marketplace.domain.preview import LeadPreview
from services.marketplace.domain.sold_lead import SoldLead
from services.marketplace.pages.rendering import go_to, render
from services.marketplace.pages.words import money, name
from services.marketplace.service import checks, leads, rates, sales
from shared.http.idempotency import KEY_PATTERN
from shared.runtime import Resources, ResourcesDep
from shared.schemas.enums import Grade, RoofCondition
from shared.security.policy import Actor

router = APIRouter(prefix="/leads", tags=["pages"], default_response_class=Response)

PLACE: Final = ("after_score", "after_price", "after_id")
NO_METHOD: Final = "A payment method saved with the processor begins with pm_, as in pm_1Nx8aB."


@router.get("")
async def offered(
    request: Request, query: Annotated[LeadQuery, Query()], resources: ResourcesDep, actor: Lister
) -> Response:
    """Leads on sale where the buyer works; filter, order and place in the list stand in the address."""
    await rates.count_read(resources, actor)
    one_more = replace(query.filter(), limit=query.limit + 1)
    found = await leads.offered_leads(resources, actor, one_more)
    shown = found[: query.limit]
    wanted = query.model_dump(mode="json", exclude_defaults=True, exclude=set(PLACE))
    further = {**wanted, **_behind(shown[-1], query)} if len(found) > query.limit else None
    return render(
        request,
        "market.html",
        actor,
        leads=shown,
        query=query,
        chips=chips(wanted),
        first=address(wanted) if query.after_id else None,
        further=address(further) if further else None,
        conditions=list(RoofCondition),
        grades=list(Grade),
        basemap=resources.settings.basemap_style_url,
    )


def address(wanted: dict[str, Any]) -> str:
    """Where this view of the market stands."""
    return f"/leads?{urlencode(wanted)}" if wanted else "/leads"


def chips(wanted: dict[str, Any]) -> list[tuple[str, str]]:
    """Every filter that is set, in words, with the address of the view without it."""
    words: dict[str, Callable[[Any], str]] = {
        "city": str,
        "state": lambda value: str(value).upper(),
        "grade": lambda value: f"Grade {value}",
        "min_score": lambda value: f"Score from {value}",
        "max_price": lambda value: f"Up to {money(value)}",
        "condition": lambda value: f"Roof {name(value).lower()}",
        "min_urgency": lambda value: f"Urgency from {value}",
        "storm": lambda _: "After a storm",
        "box": lambda _: "In a part of the map",
        "max_miles": lambda value: f"Within {value} mi",
    }
    return [
        (words[field](value), address({other: kept for other, kept in wanted.items() if other != field}))
        for field, value in wanted.items()
        if field in words
    ]


def _behind(last: LeadPreview, query: LeadQuery) -> dict[str, Any]:
    """Where the next page begins."""
    value = {"after_score": last.score} if query.sort == "score" else {"after_price": last.price}
    return {**value, "after_id": last.id}


@router.get("/{lead_id}")
async def preview(request: Request, lead_id: UUID, resources: ResourcesDep, actor: Reader) -> Response:
    """The preview of a lead on sale; its buyer goes on to all of it."""
    found = await _offer(resources, actor, lead_id)
    if isinstance(found, Response):
        return found
    missing = await checks.missing_to_buy(resources, actor)
    return render(request, "offer.html", actor, lead=found, missing=missing)


@router.get("/{lead_id}/buy")
async def confirm(request: Request, lead_id: UUID, resources: ResourcesDep, actor: Buyer) -> Response:
    """What is bought, for how much, and what it reveals: nothing happens before this is confirmed."""
    found = await _offer(resources, actor, lead_id)
    return found if isinstance(found, Response) else await _confirmation(request, actor, found)


@router.post("/{lead_id}/buy")
async def bought(
    request: Request,
    lead_id: UUID,
    resources: ResourcesDep,
    actor: Buyer,
    *,
    payment_method: Annotated[str, Form(max_length=120)],
    price: Annotated[str, Form(max_length=20)],
    key: Annotated[str, Form(min_length=8, max_length=100, pattern=KEY_PATTERN)],
    included: Annotated[bool, Form()] = False,
) -> Response:
    """Buy at the price that was shown and go to what was bought; sent twice it is one purchase."""
    await rates.count_purchase(resources, actor)
    try:
        wish = Purchase.model_validate(
            {"payment_method": payment_method.strip(), "price": price, "included": included}
        )
    except ValidationError:
        found = await _offer(resources, actor, lead_id)
        return found if isinstance(found, Response) else await _confirmation(request, actor, found, NO_METHOD)
    return go_to(f"/my/leads/{await buy(resources, actor, lead_id, wish, key)}")


async def _offer(resources: Resources, actor: Actor, lead_id: UUID) -> LeadPreview | Response:
    """The preview, or the way to the lead where this buyer owns it."""
    await rates.count_read(resources, actor)
    found = await leads.show_lead(resources, actor, lead_id)
    return go_to(f"/my/leads/{found.sale_id}") if isinstance(found, SoldLead) else found


async def _confirmation(
    request: Request, actor: Actor, lead: LeadPreview, refusal: str | None = None
) -> Response:
    resources: Resources = request.app.state.resources
    unit = await sales.paid_by_plan(resources, actor, lead.price)
    credit = Decimal(0 if unit else await sales.paid_by_credit(resources, actor, lead.price)) / 100
    return render(
        request,
        "confirm.html",
        actor,
        status=422 if refusal else 200,
        lead=lead,
        unit=Decimal(unit) / 100 if unit else None,
        credit=credit,
        due=lead.price - credit,
        key=uuid4().hex,
        refusal=refusal,
        missing=await checks.missing_to_buy(resources, actor),
        example="pm_card_visa" if resources.settings.sandbox_url else None,
    )
