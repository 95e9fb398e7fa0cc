"""Looking at a picture: what is known of it, and an address that lives for five minutes.

A kept picture is served by its signed address; one that only its vendor may show by the vendor's own.
"""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from services.image_processor.repository import ImageRepository
from shared.compliance.loader import decide_image
from shared.errors import NotAllowed, NotFound, PolicyViolation
from shared.providers.context import calling_for
from shared.providers.imagery import LiveImagery
from shared.runtime import Resources
from shared.runtime.limits import spending_caps

LIFE = timedelta(minutes=5)
PURPOSE = "image-link"
MEDIA_TYPES = {"jpg": "image/jpeg", "png": "image/png"}


class LinkRefused(NotAllowed):
    """A link that has ended, or that we never gave."""

    code = "link-refused"


async def describe(resources: Resources, image_id: UUID) -> dict[str, Any]:
    """What is known of a picture; its keys and addresses are not told."""
    row = await _known(resources, image_id)
    hidden = {"s3_key", "original_url"}
    told = {name: value for name, value in row._asdict().items() if name not in hidden}
    return {**told, "kept": row.s3_key is not None}


async def link_to(resources: Resources, image_id: UUID) -> dict[str, Any]:
    """Where a picture can be seen now, as far as its licence lets it be shown."""
    row = await _known(resources, image_id)
    async with resources.unit_of_work() as uow:
        decision = await decide_image(uow.session, row.source, "display")
    if not decision.allow:
        raise PolicyViolation("The licence of this picture does not let it be shown.", source=row.source)
    told = {"image_id": image_id, "attribution": row.attribution, "licence_id": row.licence_id}
    if row.s3_key is None:
        return {**told, "url": await _live_url(resources, row), "expires_at": None, "served_by": row.source}
    until = resources.clock() + LIFE
    stored: str | None = await resources.own.store.presigned(row.s3_key, LIFE)
    return {**told, "url": stored or _own_url(resources, row, until), "expires_at": until, "served_by": "us"}


async def served(resources: Resources, image_id: UUID, *, expires: int, signature: str) -> tuple[bytes, str]:
    """A kept picture and its media type, for who has a link that we gave and that has not ended."""
    async with resources.unit_of_work() as uow:
        row = await ImageRepository(uow.session).image(image_id)
    # A link to nothing and a forged one are refused alike.
    fits = row is not None and hmac.compare_digest(signature, _signature(resources, row, expires))
    if row is None or not fits or resources.clock().timestamp() > expires:
        raise LinkRefused("This link has ended or was never given.")
    body: bytes | None = await resources.own.store.get(row.s3_key)
    if body is None:
        raise NotFound("The picture is gone.")
    return body, MEDIA_TYPES.get(row.format, "application/octet-stream")


def _own_url(resources: Resources, row: Row[Any], until: datetime) -> str:
    settings, expires = resources.settings, int(until.timestamp())
    root = settings.public_url.rstrip("/") or settings.service_url("image_processor")
    return f"{root}/images/{row.id}/file?expires={expires}&signature={_signature(resources, row, expires)}"


def _signature(resources: Resources, row: Row[Any], expires: int) -> str:
    return resources.keys.tag(PURPOSE, f"{row.id}:{row.s3_key}:{expires}")


async def _live_url(resources: Resources, row: Row[Any]) -> str:
    """The vendor's own address with our key, booked on the lead that it is shown for."""
    providers = resources.providers
    vendors: list[LiveImagery] = [*providers.live_imagery, providers.street_imagery]
    vendor = next((vendor for vendor in vendors if vendor.source == row.source), None)
    if vendor is None:
        raise NotFound("The vendor of this picture is no longer asked.")
    async with resources.unit_of_work() as uow:
        place = await ImageRepository(uow.session).place(row.base_lead_id)
    if place is None:
        raise NotFound
    caps = await spending_caps(resources, place)
    with calling_for("lead", row.base_lead_id, caps=caps):
        return await vendor.live_url(row.original_url)


async def _known(resources: Resources, image_id: UUID) -> Row[Any]:
    async with resources.unit_of_work() as uow:
        row = await ImageRepository(uow.session).image(image_id)
    if row is None:
        raise NotFound("No picture has this id.")
    return row
