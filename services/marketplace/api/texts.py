"""Notices by text for the person behind the request: asked for, proven, changed, ended."""

from __future__ import annotations

from fastapi import APIRouter

from services.marketplace.api.auth import ClientDep
from services.marketplace.api.notices import Buyer
from services.marketplace.domain.texts import TextAsk, TextCode, TextGroups, TextStanding
from services.marketplace.service import rates, texts
from shared.runtime import ResourcesDep

router = APIRouter(prefix="/api/notices/texts", tags=["notices"])


@router.get("")
async def standing(resources: ResourcesDep, actor: Buyer) -> TextStanding:
    """Whether the person gets notices by text, with the words that must be agreed to."""
    await rates.count_read(resources, actor)
    return await texts.standing(resources, actor)


@router.post("", status_code=202)
async def ask(body: TextAsk, resources: ResourcesDep, client: ClientDep, actor: Buyer) -> TextStanding:
    """Text a code to a US mobile number; an earlier number ends."""
    return await texts.ask(resources, actor, body, client=client.address, agent=client.user_agent)


@router.post("/confirm")
async def confirm(body: TextCode, resources: ResourcesDep, actor: Buyer) -> TextStanding:
    """Prove the number with the code that was texted."""
    return await texts.confirm(resources, actor, body.code)


@router.put("/groups")
async def set_groups(body: TextGroups, resources: ResourcesDep, actor: Buyer) -> TextStanding:
    """Set which notices come as a text."""
    await rates.count_read(resources, actor)
    return await texts.set_groups(resources, actor, body.groups)


@router.delete("")
async def end(resources: ResourcesDep, actor: Buyer) -> TextStanding:
    """No more texts; the consent is taken back."""
    await rates.count_read(resources, actor)
    return await texts.end(resources, actor)
