"""Nearmap (contracts/nearmap.md): the free coverage answer first, then the tiles of one flight.

Whether its pictures may be kept or analysed stands in the contract, that is in the licence row of its source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

from shared.errors import ProviderBadAnswer
from shared.providers.base import ProviderClient, ProviderDeps, ProviderRequest
from shared.providers.imagery import SPANS_M, FetchedImage, NadirOffer
from shared.providers.imagery.mercator import cover, metres_per_pixel
from shared.providers.imagery.tiles import TILE_TYPES, fetch_tiles, judge_tile, zoom_for
from shared.providers.outcomes import Repeat
from shared.providers.settings import ProviderSettings
from shared.schemas.enums import ImageLevel
from shared.schemas.geo import GeoPoint

SURVEYS: Final = 10
FINEST_ZOOM: Final = 21


class NearmapImagery:
    """Surveys by point, pictures by tiles of the survey's day."""

    name = source = "nearmap"

    def __init__(self, settings: ProviderSettings, deps: ProviderDeps) -> None:
        self._client = ProviderClient(self.name, settings.client(self.name), deps, source=self.source)
        self._key = ("apikey", settings.key(self.name))
        self._cost: Decimal = settings.nearmap_tile_cost_usd

    async def find(self, point: GeoPoint, *, since: date | None = None) -> Sequence[NadirOffer]:
        """The surveys that cover the point, newest first."""
        request = ProviderRequest(
            endpoint="/coverage/v2/point",
            path=f"/coverage/v2/point/{point.lng},{point.lat}",
            params=[
                ("limit", str(SURVEYS)),
                ("resources", "tiles:Vert"),
                *([("since", since.isoformat())] if since else []),
                self._key,
            ],
        )
        reply = await self._client.call(request)
        surveys = reply.answer.json_object().get("surveys") if reply.found else []
        if not isinstance(surveys, list):
            raise ProviderBadAnswer("surveys were promised", provider=self.name)
        offers = [offer for one in surveys if (offer := self._offer(one, point)) is not None]
        return sorted(offers, key=lambda offer: offer.captured_on or date.min, reverse=True)

    async def fetch(self, offer: NadirOffer, level: ImageLevel = ImageLevel.ROOF) -> FetchedImage:
        """The tiles of the flight around the house, each of them paid for."""
        if offer.at is None or offer.captured_on is None:
            raise ProviderBadAnswer("the offer is of another vendor", provider=self.name)
        at, day = offer.at, offer.captured_on.isoformat()
        zoom = zoom_for(at, offer.metres_per_pixel, level, finest=FINEST_ZOOM)

        async def tile(column: int, row: int) -> bytes:
            return await self._tile(f"{zoom}/{column}/{row}", day)

        mosaic = await fetch_tiles(cover(at, SPANS_M[level], zoom), tile)
        detail = metres_per_pixel(at.lat, zoom)
        return FetchedImage(self.source, offer.image_id, mosaic, TILE_TYPES[0], datetime.now(UTC), detail)

    async def _tile(self, place: str, day: str) -> bytes:
        request = ProviderRequest(
            endpoint="/tiles/v3/Vert",
            path=f"/tiles/v3/Vert/{place}.jpg",
            params=[("since", day), ("until", day), self._key],
            repeat=Repeat.ONCE,
            cost=self._cost,
            judge=judge_tile,
        )
        return (await self._client.call(request)).answer.body

    def _offer(self, survey: Mapping[str, Any], point: GeoPoint) -> NadirOffer | None:
        tiles = (survey.get("resources") or {}).get("tiles")
        try:
            captured_on = date.fromisoformat(str(survey.get("captureDate")))
        except ValueError:
            return None
        if not tiles:
            return None
        return NadirOffer(
            source=self.source,
            image_id=str(survey.get("id", ""))[:100],
            href="",
            media_type=TILE_TYPES[0],
            captured_on=captured_on,
            metres_per_pixel=float(survey.get("pixelSize") or 0.075),
            levels=tuple(SPANS_M),
            at=point,
        )
