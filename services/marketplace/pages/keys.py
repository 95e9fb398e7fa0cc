"""The page on which an owner makes and ends API keys."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response
from pydantic import ValidationError

from services.marketplace.api.keys import KeyForm, Owner
from services.marketplace.domain.api_keys import LONGEST_DAYS, USUAL_DAYS, WORDS, NewKeyView
from services.marketplace.pages.rendering import go_to, render
from services.marketplace.service import api_keys, rates
from shared.errors import Conflict
from shared.runtime import ResourcesDep
from shared.security.policy import Actor

router = APIRouter(prefix="/my/keys", tags=["pages"], default_response_class=Response)
WRONG = f"Type a name, choose what the key opens, and a number of days from 1 to {LONGEST_DAYS}."


@router.get("")
async def own_keys(request: Request, resources: ResourcesDep, actor: Owner) -> Response:
    """The company's keys and the form for another."""
    await rates.count_read(resources, actor)
    return await _page(request, resources, actor)


@router.post("")
async def create(  # noqa: PLR0917 - the form's own fields
    request: Request,
    resources: ResourcesDep,
    actor: Owner,
    name: Annotated[str, Form(max_length=200)] = "",
    days: Annotated[str, Form(max_length=10)] = "",
    scopes: Annotated[list[str] | None, Form(max_length=10)] = None,
) -> Response:
    """The new key, shown this once; the page again with what is wrong."""
    try:
        wish = KeyForm.model_validate({"name": name, "scopes": scopes or [], "days": days})
        made = await api_keys.create(resources, actor, name=wish.name, scopes=wish.scopes, days=wish.days)
    except ValidationError:
        return await _page(request, resources, actor, refusal=WRONG, status=422)
    except Conflict as refusal:
        return await _page(request, resources, actor, refusal=refusal.detail, status=refusal.status)
    return await _page(request, resources, actor, made=made)


@router.post("/{key_id}/revoke")
async def revoke(resources: ResourcesDep, actor: Owner, key_id: UUID) -> Response:
    """The key opens nothing from now on."""
    await api_keys.revoke(resources, actor, key_id)
    return go_to("/my/keys")


async def _page(
    request: Request,
    resources: ResourcesDep,
    actor: Actor,
    *,
    made: NewKeyView | None = None,
    refusal: str | None = None,
    status: int = 200,
) -> Response:
    keys = await api_keys.keys_of(resources, actor)
    return render(
        request,
        "keys.html",
        actor,
        status=status,
        keys=keys,
        words=WORDS,
        made=made,
        refusal=refusal,
        usual_days=USUAL_DAYS,
        longest_days=LONGEST_DAYS,
    )
