"""Mapbox Static Images (contracts/mapbox_static.md): pictures from above that are shown, never kept or analysed.

The vendor tells no day of capture; its logo and attribution stay in the picture, as its terms ask.
"""

from __future__ import annotations

from decimal import Decimal
from urllib.parse import urlencode

from shared.providers.base import ProviderClient, ProviderDeps
from shared.providers.imagery import SPANS_M, LiveView
from shared.providers.imagery.live import lent_url
from shared.providers.imagery.mercator import metres_per_pixel, zoom_of
from shared.providers.settings import ProviderSettings
from shared.schemas.enums import ImageLevel
from shared.schemas.geo import GeoPoint

SIDE_PX, TILE_PX = 640, 512
FINEST_ZOOM = 22.0


class MapboxStaticImagery:
    """Addresses of satellite pictures around a point, longitude first."""

    name = source = "mapbox_static"

    def __init__(self, settings: ProviderSettings, deps: ProviderDeps) -> None:
        self._client = ProviderClient(self.name, settings.client(self.name), deps, source=self.source)
        self._token = settings.key(self.name)
        self._cost: Decimal = settings.mapbox_static_image_cost_usd

    def view(self, point: GeoPoint, level: ImageLevel) -> LiveView:
        """The picture around a point, the level's ground exactly unless that is finer than the vendor goes."""
        zoom = round(min(FINEST_ZOOM, zoom_of(point.lat, SPANS_M[level] / SIDE_PX, tile_px=TILE_PX)), 2)
        place = f"{point.lng:.7f},{point.lat:.7f},{zoom}"
        return LiveView(
            source=self.source,
            view_id=place,
            address=f"/styles/v1/mapbox/satellite-v9/static/{place}/{SIDE_PX}x{SIDE_PX}@2x",
            captured_on=None,
            metres_per_pixel=metres_per_pixel(point.lat, zoom, tile_px=TILE_PX) / 2,
            width=SIDE_PX * 2,
            height=SIDE_PX * 2,
        )

    async def live_url(self, address: str) -> str:
        """The address with our token; its price is booked."""
        url = await lent_url(self._client, "/styles/v1/mapbox/satellite-v9/static", address, cost=self._cost)
        return f"{url}?{urlencode({'access_token': self._token})}"
