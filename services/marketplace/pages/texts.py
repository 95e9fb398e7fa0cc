"""The part of the notices page on which a person sets up, changes and ends notices by text."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from pydantic import ValidationError

from services.marketplace.api.auth import ClientDep
from services.marketplace.api.notices import Buyer
from services.marketplace.domain.notices import NoticeGroup
from services.marketplace.domain.texts import TextAsk, TextGroups
from services.marketplace.pages.notices import notices_page
from services.marketplace.pages.rendering import go_to
from services.marketplace.service import rates, texts
from shared.errors import Conflict, InvalidInput, NotFound, TooManyRequests, Unavailable
from shared.runtime import ResourcesDep

router = APIRouter(prefix="/my/notices/texts", tags=["pages"], default_response_class=Response)
REFUSALS = (InvalidInput, Conflict, NotFound, TooManyRequests, Unavailable)
HERE = "/my/notices#by-text"
NOTHING_CHOSEN = InvalidInput("Choose at least one kind of notice.")
Groups = Annotated[list[NoticeGroup] | None, Form()]


@router.post("")
async def ask(  # noqa: PLR0917 - the form's own fields
    request: Request,
    resources: ResourcesDep,
    client: ClientDep,
    actor: Buyer,
    number: Annotated[str, Form(max_length=30)],
    agreed: Annotated[str, Form(max_length=1_000)] = "",
    group: Groups = None,
) -> Response:
    """Text a code to the number; the page again, with the field for the code."""
    try:
        wanted = TextAsk(number=number, agreed=agreed, groups=set(group or ()))
        await texts.ask(resources, actor, wanted, client=client.address, agent=client.user_agent)
    except ValidationError:
        return await notices_page(request, resources, actor, refusal=NOTHING_CHOSEN)
    except REFUSALS as refusal:
        return await notices_page(request, resources, actor, refusal=refusal)
    return go_to(HERE)


@router.post("/confirm")
async def confirm(
    request: Request, resources: ResourcesDep, actor: Buyer, code: Annotated[str, Form(max_length=20)]
) -> Response:
    """Prove the number; the page again."""
    try:
        await texts.confirm(resources, actor, code)
    except REFUSALS as refusal:
        return await notices_page(request, resources, actor, refusal=refusal)
    return go_to(HERE)


@router.post("/groups")
async def set_groups(
    request: Request, resources: ResourcesDep, actor: Buyer, group: Groups = None
) -> Response:
    """Which notices come as a text; the page again."""
    await rates.count_read(resources, actor)
    try:
        await texts.set_groups(resources, actor, TextGroups(groups=set(group or ())).groups)
    except ValidationError:
        return await notices_page(request, resources, actor, refusal=NOTHING_CHOSEN)
    except REFUSALS as refusal:
        return await notices_page(request, resources, actor, refusal=refusal)
    return go_to(HERE)


@router.post("/end")
async def end(resources: ResourcesDep, actor: Buyer) -> Response:
    """No more texts; the page again."""
    await rates.count_read(resources, actor)
    await texts.end(resources, actor)
    return go_to(HERE)
