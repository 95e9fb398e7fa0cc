"""The forms of a buyer's own devices on the page of notices."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Response

from services.marketplace.api.notices import Buyer
from services.marketplace.domain.notices import NoticeGroup
from services.marketplace.domain.pushes import PushGroups
from services.marketplace.pages.rendering import go_to
from services.marketplace.service import pushes, rates
from shared.runtime import ResourcesDep

router = APIRouter(prefix="/my/notices/push", tags=["pages"], default_response_class=Response)
SECTION = "/my/notices#on-devices"


@router.post("/settings")
async def set_groups(
    resources: ResourcesDep, actor: Buyer, push: Annotated[list[NoticeGroup] | None, Form()] = None
) -> Response:
    """Which notices come to devices as well; the page again."""
    await rates.count_read(resources, actor)
    await pushes.set_groups(resources, actor, PushGroups(push=set(push or ())))
    return go_to(SECTION)


@router.post("/{device_id}/end")
async def end(device_id: UUID, resources: ResourcesDep, actor: Buyer) -> Response:
    """Nothing goes to this device any more; the page again."""
    await rates.count_read(resources, actor)
    await pushes.end_device(resources, actor, device_id)
    return go_to(SECTION)
