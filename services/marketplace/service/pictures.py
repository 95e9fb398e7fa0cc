"""Pictures of houses for people who are logged in: ours are passed on, a vendor's are only pointed at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

import httpx

from services.marketplace.repository.leads import LeadRepository
from services.marketplace.service.leads import may_show, refuse_unless_allowed
from services.marketplace.service.sales import read_sale
from services.marketplace.service.sessions import signed_in
from shared.compliance.loader import decide_image
from shared.errors import NotFound, TooManyRequests, Unavailable, UpstreamFailed
from shared.http.clients.base import OnBehalfOf, ServiceClient
from shared.http.clients.images import SERVICE as IMAGES
from shared.http.clients.images import ImageLink, ImagesClient
from shared.runtime import Resources
from shared.schemas.enums import SaleStatus
from shared.security.policy import Actor

MEDIA_TYPES: Final = frozenset({"image/jpeg", "image/png"})
PATIENCE: Final = httpx.Timeout(10.0, connect=2.0)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture's bytes, or the address at which its vendor shows it."""

    body: bytes
    media_type: str
    live_url: str | None = None


async def picture(resources: Resources, actor: Actor, image_id: UUID) -> Picture:
    """A picture as far as its licence lets it be shown; its own service decides that."""
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
    tokens = OnBehalfOf(resources.issuer, actor)
    url = resources.settings.service_url(IMAGES)
    link = await ImagesClient(ServiceClient(IMAGES, url, tokens, resources.http)).link(image_id)
    if link.live:
        return Picture(b"", "", live_url=link.url)
    return await _fetched(resources.http, link)


async def bought_picture(resources: Resources, actor: Actor, sale_id: UUID, image_id: UUID) -> Picture:
    """A picture of a house whose lead this buyer owns and may still see; NotFound for any other."""
    await _bought_source(resources, actor, sale_id, image_id)
    return await picture(resources, actor, image_id)


async def printable_picture(
    resources: Resources, actor: Actor, sale_id: UUID, image_id: UUID
) -> Picture | None:
    """The same for paper that the buyer keeps: None where the licence lets us show it only, or it cannot be had now."""
    source = await _bought_source(resources, actor, sale_id, image_id)
    async with resources.unit_of_work() as uow:
        if not (await decide_image(uow.session, source, "sell")).allow:
            return None
    try:
        found = await picture(resources, actor, image_id)
    except (NotFound, Unavailable, UpstreamFailed, TooManyRequests):
        return None
    return None if found.live_url is not None else found


async def _bought_source(resources: Resources, actor: Actor, sale_id: UUID, image_id: UUID) -> str:
    """Whose picture of a bought house it is, after can_sell has allowed it once more."""
    sale = await read_sale(resources, actor, sale_id)
    if sale.status != SaleStatus.SOLD:
        raise NotFound("There is no such picture.")
    lead_id, contractor_id = sale.base_lead_id, sale.contractor_id
    async with resources.unit_of_work() as uow:
        house = await LeadRepository(uow.session).house_in_picture(lead_id, image_id)
        if house is None:
            raise NotFound("There is no such picture.")
        decision = await may_show(resources, uow.session, lead_id, contractor_id, house)
    refuse_unless_allowed(decision)
    return str(house.source)


async def _fetched(http: httpx.AsyncClient, link: ImageLink) -> Picture:
    """What lies behind a signed link; people have no way to that address themselves."""
    try:
        answer = await http.get(link.url, timeout=PATIENCE, follow_redirects=False)
    except httpx.HTTPError as error:
        raise Unavailable("The picture cannot be fetched now.", retry_after=1) from error
    if answer.status_code == NotFound.status:
        raise NotFound("The picture is gone.")
    media_type = answer.headers.get("content-type", "").partition(";")[0]
    if not answer.is_success or media_type not in MEDIA_TYPES:
        raise UpstreamFailed(f"The store of pictures answered {answer.status_code}.")
    return Picture(answer.content, media_type)
