"""Google Maps Static (contracts/google_maps_static.md): pictures from above that are shown, never kept or analysed.

The vendor tells no day of capture. There is no call that brings a picture: its address goes to a browser.
"""

from __future__ import annotations

import math
from decimal import Decimal

from shared.providers.base import ProviderClient, ProviderDeps
from shared.providers.imagery import SPANS_M, LiveView
from shared.providers.imagery.live import google_signed, lent_url
from shared.providers.imagery.mercator import metres_per_pixel, zoom_of
from shared.providers.settings import ProviderSettings
from shared.schemas.enums import ImageLevel
from shared.schemas.geo import GeoPoint

SIDE_PX, SCALE = 640, 2
FINEST_ZOOM = 21


class GoogleStaticImagery:
    """Addresses of satellite pictures around a point."""

    name = source = "google_static"

    def __init__(self, settings: ProviderSettings, deps: ProviderDeps) -> None:
        self._client = ProviderClient(self.name, settings.client(self.name), deps, source=self.source)
        self._key = settings.key(self.name)
        self._secret = settings.google_url_signing_secret.get_secret_value()
        self._cost: Decimal = settings.google_static_image_cost_usd

    def view(self, point: GeoPoint, level: ImageLevel) -> LiveView:
        """The picture around a point; its zoom is the finest whole one that shows the level's ground."""
        zoom = min(FINEST_ZOOM, math.floor(zoom_of(point.lat, SPANS_M[level] / SIDE_PX)))
        centre = f"{point.lat:.7f},{point.lng:.7f}"
        address = (
            f"/maps/api/staticmap?center={centre}&zoom={zoom}&size={SIDE_PX}x{SIDE_PX}&scale={SCALE}"
            "&maptype=satellite&format=jpg"
        )
        return LiveView(
            source=self.source,
            view_id=f"{centre}:{zoom}",
            address=address,
            captured_on=None,
            metres_per_pixel=metres_per_pixel(point.lat, zoom) / SCALE,
            width=SIDE_PX * SCALE,
            height=SIDE_PX * SCALE,
        )

    async def live_url(self, address: str) -> str:
        """The address with our key, signed; its price is booked."""
        url = await lent_url(self._client, "/maps/api/staticmap", address, cost=self._cost)
        return google_signed(f"{url}&key={self._key}", self._secret)
