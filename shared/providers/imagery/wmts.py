"""Public orthophotos as tiles (OGC WMTS 1.0, also the tile caches of ArcGIS), RECALLED.

Only pyramids of Web Mercator (GoogleMapsCompatible) are read: by their address with the standard's own names of places
in it, be it a path or a query.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Final

from shared.errors import ProviderBadAnswer
from shared.providers.base import ProviderClient, ProviderDeps, ProviderRequest
from shared.providers.imagery import SPANS_M, FetchedImage, NadirOffer, OrthoService
from shared.providers.imagery.mercator import cover, metres_per_pixel
from shared.providers.imagery.orthophotos import service_client
from shared.providers.imagery.tiles import TILE_TYPES, fetch_tiles, judge_tile, zoom_for
from shared.providers.settings import ProviderSettings
from shared.schemas.enums import ImageLevel
from shared.schemas.geo import GeoPoint

FINEST_ZOOM: Final = 23


class WmtsImagery:
    """One layer of a tile service."""

    name = "wmts"

    def __init__(self, service: OrthoService, settings: ProviderSettings, deps: ProviderDeps) -> None:
        self._service, self.source = service, service.key
        self._template = service.address(settings.base_url(self.name))
        root = self._template.partition("{")[0].partition("?")[0].rsplit("/", 1)[0]
        self._client = ProviderClient(
            self.name, service_client(self.name, service, settings, root), deps, source=service.key
        )

    async def find(self, point: GeoPoint, *, since: date | None = None) -> Sequence[NadirOffer]:
        """The layer's one picture, where its box holds the point and it is not older than `since`."""
        captured_on = self._service.captured_on
        too_old = since is not None and (captured_on is None or captured_on < since)
        if too_old or not self._service.holds(point):
            return []
        return [self._service.offer(point, captured_on)]

    async def fetch(self, offer: NadirOffer, level: ImageLevel = ImageLevel.ROOF) -> FetchedImage:
        """The tiles around the house; ProviderRejected where the layer has a hole."""
        if offer.at is None:
            raise ProviderBadAnswer("the offer is of another vendor", provider=self.name)
        at = offer.at
        zoom = zoom_for(at, offer.metres_per_pixel, level, finest=FINEST_ZOOM)

        async def tile(column: int, row: int) -> bytes:
            place = {"{TileMatrix}": zoom, "{TileRow}": row, "{TileCol}": column}
            url = self._template
            for name, number in place.items():
                url = url.replace(name, str(number))
            request = ProviderRequest(endpoint="tile", path=url, judge=judge_tile)
            return (await self._client.call(request)).answer.body

        mosaic = await fetch_tiles(cover(at, SPANS_M[level], zoom), tile)
        detail = metres_per_pixel(at.lat, zoom)
        return FetchedImage(self.source, offer.image_id, mosaic, TILE_TYPES[0], datetime.now(UTC), detail)
