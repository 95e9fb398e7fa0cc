"""Public orthophotos of ArcGIS image services (identify, exportImage), RECALLED.

Errors come inside HTTP 200 (PITFALLS 21), where a picture was asked for too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

import orjson

from shared.errors import ProviderBadAnswer
from shared.providers.arcgis_errors import refusal
from shared.providers.base import ProviderClient, ProviderDeps, ProviderRequest
from shared.providers.imagery import COARSEST_M, FINEST_M, SPANS_M, FetchedImage, NadirOffer, OrthoService
from shared.providers.imagery.mercator import box
from shared.providers.imagery.orthophotos import service_client
from shared.providers.outcomes import Answer, Outcome, Verdict, judge_by_status
from shared.providers.settings import ProviderSettings
from shared.schemas.enums import ImageLevel
from shared.schemas.geo import GeoPoint

LARGEST_PX: Final = 1024
NO_DATA: Final = "NoData"
PICTURES: Final = ("image/jpeg", "image/png")


class ImageServerImagery:
    """One image service: asked what lies at a point, then for the square around it."""

    name = "imageserver"

    def __init__(self, service: OrthoService, settings: ProviderSettings, deps: ProviderDeps) -> None:
        self._service, self.source = service, service.key
        root = service.address(settings.base_url(self.name)).rstrip("/")
        self._client = ProviderClient(
            self.name, service_client(self.name, service, settings, root), deps, source=service.key
        )

    async def find(self, point: GeoPoint, *, since: date | None = None) -> Sequence[NadirOffer]:
        """The picture at the point, with what the service's catalogue or our own facts tell of it."""
        catalogue = await self._catalogue(point) if self._service.holds(point) else None
        if catalogue is None:
            return []
        captured_on = _day(catalogue, self._service.captured_field) or self._service.captured_on
        if since is not None and (captured_on is None or captured_on < since):
            return []
        detail = _detail(catalogue, self._service.pixel_size_field, point)
        return [self._service.offer(point, captured_on, metres_per_pixel=detail)]

    async def _catalogue(self, point: GeoPoint) -> Sequence[Mapping[str, Any]] | None:
        """The rows of the flights that make up the point, as far as facts are read from them; None without a picture."""
        place = {"x": point.lng, "y": point.lat, "spatialReference": {"wkid": 4326}}
        told = bool(self._service.captured_field or self._service.pixel_size_field)
        request = ProviderRequest(
            endpoint="/identify",
            path="/identify",
            params=[
                ("geometry", orjson.dumps(place).decode()),
                ("geometryType", "esriGeometryPoint"),
                ("returnGeometry", "false"),
                ("returnCatalogItems", str(told).lower()),
                ("f", "json"),
            ],
            judge=_judge_json,
        )
        body = (await self._client.call(request)).answer.json_object()
        if body["value"] == NO_DATA:
            return None
        items = (body.get("catalogItems") or {}).get("features") or ()
        return [item.get("attributes") or {} for item in items]

    async def fetch(self, offer: NadirOffer, level: ImageLevel = ImageLevel.ROOF) -> FetchedImage:
        """The square of ground around the house, no finer than the camera was."""
        if offer.at is None:
            raise ProviderBadAnswer("the offer is of another vendor", provider=self.name)
        span = SPANS_M[level]
        side = min(LARGEST_PX, round(span / offer.metres_per_pixel))
        west, south, east, north = box(offer.at, span)
        request = ProviderRequest(
            endpoint="/exportImage",
            path="/exportImage",
            params=[
                ("bbox", f"{west:.3f},{south:.3f},{east:.3f},{north:.3f}"),
                ("bboxSR", "3857"),
                ("imageSR", "3857"),
                ("size", f"{side},{side}"),
                ("format", "jpg"),
                ("interpolation", "RSP_BilinearInterpolation"),
                ("f", "image"),
            ],
            judge=_judge_picture,
        )
        answer = (await self._client.call(request)).answer
        kind = answer.headers.get("content-type", "").split(";")[0].strip()
        return FetchedImage(self.source, offer.image_id, answer.body, kind, datetime.now(UTC), span / side)


def _day(catalogue: Sequence[Mapping[str, Any]], column: str | None) -> date | None:
    """The newest day of the flights."""
    stamps = [row.get(column) for row in catalogue] if column else []
    newest = max((stamp for stamp in stamps if isinstance(stamp, int | float)), default=None)
    return None if newest is None else datetime.fromtimestamp(newest / 1000, UTC).date()


def _detail(catalogue: Sequence[Mapping[str, Any]], column: str | None, point: GeoPoint) -> float | None:
    """The finest of the flights in ground metres a pixel; overviews, which are coarser, have rows too."""
    sizes = [row.get(column) for row in catalogue] if column else []
    ground = math.cos(math.radians(point.lat))
    fine = [size * ground for size in sizes if isinstance(size, int | float)]
    return min((size for size in fine if FINEST_M <= size <= COARSEST_M), default=None)


def _judge_json(answer: Answer) -> Verdict:
    if not 200 <= answer.status < 300:
        return judge_by_status(answer)
    body = answer.json_object()
    error = body.get("error")
    if isinstance(error, dict):
        return refusal(error)
    if not isinstance(body.get("value"), str):
        return Verdict(Outcome.BAD_ANSWER, message="neither a value nor an error")
    return Verdict(Outcome.OK)


def _judge_picture(answer: Answer) -> Verdict:
    """A picture, or an error in JSON under the same HTTP 200."""
    kind = answer.headers.get("content-type", "").split(";")[0].strip()
    if not 200 <= answer.status < 300:
        return judge_by_status(answer)
    if kind in PICTURES:
        return Verdict(Outcome.OK)
    error = answer.json_object().get("error")
    if isinstance(error, dict):
        return refusal(error)
    return Verdict(Outcome.BAD_ANSWER, message=f"a picture was promised, {kind[:60]} came")
