"""USDA NAIP through a STAC catalogue (contracts/stac_naip.md): public domain, may be stored and analysed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

import httpx

from shared.errors import ProviderBadAnswer, ProviderRejected
from shared.providers.base import ProviderClient, ProviderDeps, ProviderRequest
from shared.providers.imagery import FetchedImage, NadirOffer
from shared.providers.settings import ProviderSettings
from shared.schemas.enums import ImageLevel
from shared.schemas.geo import GeoPoint

COLLECTION: Final = "naip"
PAGE_SIZE: Final = 20
MAX_PAGES: Final = 5
PICTURES: Final = ("image/png", "image/jpeg")
"""What is fetched whole; a cloud-optimised GeoTIFF of half a gigabyte is not."""


class StacImagery:
    """Searches items by point and fetches their pictures through signed addresses."""

    name = "stac"
    source = "naip"

    def __init__(self, settings: ProviderSettings, deps: ProviderDeps) -> None:
        self._client = ProviderClient(self.name, settings.client(self.name), deps, source=self.source)

    async def find(self, point: GeoPoint, *, since: date | None = None) -> Sequence[NadirOffer]:
        """Pictures that cover the point, newest first."""
        first: dict[str, Any] = {
            "collections": [COLLECTION],
            "intersects": {"type": "Point", "coordinates": [point.lng, point.lat]},
            "limit": PAGE_SIZE,
            "sortby": [{"field": "datetime", "direction": "desc"}],
        }
        if since is not None:
            first["datetime"] = f"{since.isoformat()}T00:00:00Z/.."
        body: dict[str, Any] | None = first
        offers: list[NadirOffer] = []
        for _ in range(MAX_PAGES):
            if body is None:
                break
            answer = await self._search(body)
            offers += [offer for item in answer["features"] if (offer := self._offer(item)) is not None]
            body = _next_body(answer, body)
        return sorted(offers, key=lambda offer: offer.captured_on or date.min, reverse=True)

    async def fetch(self, offer: NadirOffer, level: ImageLevel = ImageLevel.ROOF) -> FetchedImage:
        """The picture itself, which has one level; ProviderRejected for a format that is read by windows."""
        del level
        if offer.media_type not in PICTURES:
            raise ProviderRejected(
                f"{offer.media_type[:60]} is not fetched whole", provider=self.name, reason="window-only"
            )
        path, configured = self._own(await self._signed(offer.href))
        reply = await self._client.call(
            ProviderRequest(endpoint="asset", path=path, configured=configured, headers={"accept": "image/*"})
        )
        media_type = reply.answer.headers.get("content-type", "").split(";")[0].strip()
        if not reply.found or media_type not in PICTURES:
            raise ProviderBadAnswer("a picture was promised", provider=self.name, image_id=offer.image_id)
        return FetchedImage(
            self.source,
            offer.image_id,
            reply.answer.body,
            media_type,
            datetime.now(UTC),
            offer.metres_per_pixel,
        )

    async def _search(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        request = ProviderRequest(endpoint="/search", method="POST", path="/api/stac/v1/search", json=body)
        answer = (await self._client.call(request)).answer.json_object()
        if not isinstance(answer.get("features"), list):
            raise ProviderBadAnswer("a feature collection was promised", provider=self.name)
        return answer

    async def _signed(self, href: str) -> str:
        request = ProviderRequest(endpoint="/sign", path="/api/sas/v1/sign", params=[("href", href)])
        signed = (await self._client.call(request)).answer.json_object().get("href")
        if not isinstance(signed, str):
            raise ProviderBadAnswer("a signed address was promised", provider=self.name)
        return signed

    def _own(self, href: str) -> tuple[str, bool]:
        """(address, is the vendor's own): an address elsewhere is data and passes the full address guard."""
        return href, href.startswith(f"{self._client.settings.base_url}/")

    def _offer(self, item: Mapping[str, Any]) -> NadirOffer | None:
        properties, asset = item.get("properties") or {}, (item.get("assets") or {}).get("image") or {}
        captured_on = _day(properties.get("datetime"))
        href = asset.get("href")
        if captured_on is None or not isinstance(href, str):
            return None
        box = item.get("bbox")
        return NadirOffer(
            source=self.source,
            image_id=str(item.get("id", "")),
            href=str(httpx.URL(f"{self._client.settings.base_url}/").join(href)),
            media_type=str(asset.get("type", "")).split(";")[0].strip(),
            captured_on=captured_on,
            metres_per_pixel=float(properties.get("gsd") or 1.0),
            bbox=(box[0], box[1], box[2], box[3]) if isinstance(box, list) and len(box) == 4 else None,
        )


def _next_body(answer: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any] | None:
    """The body of the next page: STAC pages by token, never by offset."""
    for link in answer.get("links") or ():
        if link.get("rel") == "next" and isinstance(link.get("body"), dict):
            return {**body, **link["body"]} if link.get("merge") else dict(link["body"])
    return None


def _day(text: object) -> date | None:
    try:
        return datetime.fromisoformat(str(text)).astimezone(UTC).date()
    except ValueError:
        return None
