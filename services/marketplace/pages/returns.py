"""A buyer's returns: how each stands, what it brought, and the way to give a bought lead back."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Final
from uuid import UUID, uuid4

from fastapi import APIRouter, Form, Query, Request, Response
from pydantic import ValidationError

from services.marketplace.api.returns import Buyer, ReturnQuery, ReturnRequest
from services.marketplace.domain.return_views import ReasonStanding
from services.marketplace.domain.returns import (
    REASONS,
    FactKind,
    ReturnNotPossible,
    TooManyReturns,
    find_reason,
)
from services.marketplace.pages.rendering import go_to, page_links, render
from services.marketplace.pages.words import name
from services.marketplace.service import leads, rates, returns
from shared.errors import InvalidInput, NotFound, RidgelineError
from shared.http.idempotency import KEY_PATTERN
from shared.runtime import Resources, ResourcesDep
from shared.security.policy import Actor

router = APIRouter(prefix="/my/returns", tags=["pages"], default_response_class=Response)

FACT: Final = "fact_"
"""Begins the name of a field of the form that states a fact."""
MOST_EARLIER: Final = 200
WORDS_WANTED: Final = (
    "explanation: say in a sentence or two, up to 1,000 characters, what is wrong. Name no person."
)


@router.get("")
async def own(
    request: Request, query: Annotated[ReturnQuery, Query()], resources: ResourcesDep, actor: Buyer
) -> Response:
    """The returns of this company, newest first, and its credit."""
    await rates.count_read(resources, actor)
    page = await returns.own_returns(resources, actor, **query.model_dump())
    return render(
        request,
        "returns.html",
        actor,
        returns=page.items,
        reasons=REASONS,
        credit=Decimal(await returns.credit_cents(resources, actor)) / 100,
        **page_links(request, page.next_cursor),
    )


@router.get("/new")
async def start(
    request: Request,
    resources: ResourcesDep,
    actor: Buyer,
    sale: UUID,
    reason: Annotated[str | None, Query(max_length=40)] = None,
) -> Response:
    """Every reason as it stands for this lead; with one chosen, the form for what it needs."""
    await rates.count_read(resources, actor)
    return await _form(request, resources, actor, sale, reason)


@router.post("/new")
async def send(
    request: Request,
    resources: ResourcesDep,
    actor: Buyer,
    *,
    sale: Annotated[UUID, Form()],
    reason: Annotated[str, Form(max_length=40)],
    key: Annotated[str, Form(min_length=8, max_length=100, pattern=KEY_PATTERN)],
    explanation: Annotated[str, Form(max_length=5000)] = "",
) -> Response:
    """The list with the return in it; sent twice it is one. The form again with what is wrong in it."""
    await rates.count_purchase(resources, actor)
    form = await request.form()
    stated = {field: str(value) for field, value in form.items() if field.startswith(FACT)}
    try:
        wish = ReturnRequest(reason=reason, explanation=explanation, evidence=_facts(reason, stated))
        await returns.open_return(resources, actor, sale, **wish.model_dump(), key=key)
    except (ValidationError, InvalidInput, ReturnNotPossible, TooManyReturns, returns.ReturnExists) as error:
        refusal = error if isinstance(error, RidgelineError) else InvalidInput(WORDS_WANTED)
        typed = {**stated, "explanation": explanation, "key": key}
        return await _form(request, resources, actor, sale, reason, typed=typed, refusal=refusal)
    return go_to(router.prefix)


def _facts(reason: str, stated: Mapping[str, str]) -> dict[str, str | int]:
    """The stated facts by name, numbers as numbers; what is no number stays text, which the rules refuse by its name."""
    kinds = {fact.name: fact.kind for fact in find_reason(reason).facts}
    found: dict[str, str | int] = {}
    for field, value in stated.items():
        fact, text = field.removeprefix(FACT), value.strip()
        counted = kinds.get(fact) is FactKind.COUNT and text.isascii() and text.isdecimal() and len(text) < 4
        found[fact] = int(text) if counted else text
    return found


async def _form(
    request: Request,
    resources: Resources,
    actor: Actor,
    sale_id: UUID,
    reason: str | None,
    *,
    typed: Mapping[str, str] | None = None,
    refusal: RidgelineError | None = None,
) -> Response:
    address, standing = await returns.reasons_for(resources, actor, sale_id)
    chosen = _chosen(standing, reason)
    return render(
        request,
        "return_new.html",
        actor,
        status=refusal.status if refusal else 200,
        sale_id=sale_id,
        address=address,
        reasons=standing,
        chosen=chosen,
        typed=typed or {},
        key=(typed or {}).get("key") or uuid4().hex,
        earlier=await _earlier(resources, actor, sale_id, chosen),
        refusal=_in_words(refusal.detail, chosen) if refusal else None,
    )


def _in_words(refusal: str, chosen: ReasonStanding | None) -> str:
    """A refusal with the facts called as the form calls them."""
    for fact in chosen.evidence if chosen else ():
        refusal = refusal.replace(fact.name, name(fact.name))
    return refusal


def _chosen(standing: list[ReasonStanding], reason: str | None) -> ReasonStanding | None:
    if reason is None:
        return None
    found = next((each for each in standing if each.code == reason), None)
    if found is None:
        raise NotFound("There is no such reason.")
    return found


async def _earlier(
    resources: Resources, actor: Actor, sale_id: UUID, chosen: ReasonStanding | None
) -> list[Any]:
    """The buyer's other leads, where the reason asks for one of them."""
    if chosen is None or FactKind.SALE not in {fact.kind for fact in chosen.evidence}:
        return []
    found = await leads.owned_leads(resources, actor, MOST_EARLIER)
    return [lead for lead in found if lead.sale_id != sale_id and lead.status == "sold"]
