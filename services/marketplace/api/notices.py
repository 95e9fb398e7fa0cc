"""Notices to a buyer in our own pages."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict

from services.marketplace.domain.notices import NoticeBox, NoticeSettings
from services.marketplace.service import notices, rates
from shared.http.auth import require
from shared.runtime import ResourcesDep
from shared.security.policy import Action, Actor

router = APIRouter(prefix="/api/notices", tags=["notices"])
Buyer = Annotated[Actor, require(Action.SALE_REPORT)]
MOST = 200


class ReadUntil(BaseModel):
    """Everything up to this time was read."""

    model_config = ConfigDict(extra="forbid")

    until: AwareDatetime


class ReadCount(BaseModel):
    """How many notices were unread until now."""

    read: int


@router.get("")
async def box(
    resources: ResourcesDep,
    actor: Buyer,
    *,
    unread_only: bool = False,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 50,
) -> NoticeBox:
    """The newest notices to the buyer's company, and how many of all are unread."""
    await rates.count_read(resources, actor)
    return await notices.box(resources, actor, unread_only=unread_only, limit=limit)


@router.post("/{notice_id}/read", status_code=204)
async def read(notice_id: UUID, resources: ResourcesDep, actor: Buyer) -> None:
    """Note that a notice was read."""
    await rates.count_read(resources, actor)
    await notices.read(resources, actor, notice_id)


@router.post("/read")
async def read_until(body: ReadUntil, resources: ResourcesDep, actor: Buyer) -> ReadCount:
    """Note that every notice up to a time was read."""
    await rates.count_read(resources, actor)
    return ReadCount(read=await notices.read_until(resources, actor, body.until))


@router.get("/settings")
async def settings(resources: ResourcesDep, actor: Buyer) -> NoticeSettings:
    """Which notices the person behind the request gets by e-mail as well."""
    await rates.count_read(resources, actor)
    return await notices.mail_settings(resources, actor)


@router.put("/settings")
async def set_mail(body: NoticeSettings, resources: ResourcesDep, actor: Buyer) -> NoticeSettings:
    """Set that, for the person behind the request alone."""
    await rates.count_read(resources, actor)
    return await notices.set_mail(resources, actor, body)
