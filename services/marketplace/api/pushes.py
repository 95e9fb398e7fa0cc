"""Notices on the caller's own devices."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from services.marketplace.api.notices import Buyer
from services.marketplace.domain.pushes import DeviceView, PushGroups, PushSettings
from services.marketplace.service import pushes, rates
from shared.http.idempotency import IdempotencyKey
from shared.runtime import ResourcesDep
from shared.schemas.push import PushTarget

router = APIRouter(prefix="/api/notices/push", tags=["notices"])


class DeviceKeys(BaseModel):
    """The browser's public key and the secret it shares with us, as its `PushSubscription` writes them."""

    model_config = ConfigDict(extra="forbid")

    p256dh: str = Field(min_length=1, max_length=200)
    auth: str = Field(min_length=1, max_length=100)


class NewDevice(BaseModel):
    """A browser's subscription."""

    model_config = ConfigDict(extra="forbid")

    endpoint: str = Field(min_length=1, max_length=2000, pattern=r"^[\x21-\x7e]+$")
    keys: DeviceKeys


@router.get("")
async def settings(resources: ResourcesDep, actor: Buyer) -> PushSettings:
    """Which notices come to the caller's devices, which devices those are, and the key to subscribe with."""
    await rates.count_read(resources, actor)
    return await pushes.settings(resources, actor)


@router.put("/settings")
async def set_groups(body: PushGroups, resources: ResourcesDep, actor: Buyer) -> PushGroups:
    """Set which notices come to the caller's devices."""
    await rates.count_read(resources, actor)
    return await pushes.set_groups(resources, actor, body)


@router.post("/devices", status_code=201)
async def add(
    body: NewDevice, request: Request, resources: ResourcesDep, actor: Buyer, key: IdempotencyKey
) -> DeviceView:
    """Send the caller's notices to this browser as well."""
    await rates.count_read(resources, actor)
    target = PushTarget(body.endpoint, body.keys.p256dh, body.keys.auth)
    agent = request.headers.get("user-agent", "")[:300]
    return await pushes.add_device(resources, actor, target, user_agent=agent, key=key)


@router.delete("/devices/{device_id}", status_code=204)
async def end(device_id: UUID, resources: ResourcesDep, actor: Buyer) -> None:
    """Send nothing to a device of the caller's any more, and forget its address."""
    await rates.count_read(resources, actor)
    await pushes.end_device(resources, actor, device_id)
