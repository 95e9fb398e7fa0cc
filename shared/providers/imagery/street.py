"""Street pictures in the shape of Google's Street View Static API (contracts/google_street_view.md).

The free metadata call comes first and a picture is bought only on OK. Whether a picture may be stored or
analysed is for `can_use_image` to say by its source.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Final
from urllib.parse import urlencode

from pydantic import ValidationError

from shared.errors import ProviderBadAnswer
from shared.providers.base import ProviderClient, ProviderDeps, ProviderRequest
from shared.providers.imagery import FetchedImage, LiveView, Panorama, StreetView
from shared.providers.imagery.live import google_signed, lent_url
from shared.providers.outcomes import Answer, Outcome, Repeat, Verdict, judge_by_status
from shared.providers.settings import ProviderSettings
from shared.schemas.geo import GeoPoint

_BY_STATUS: Final = {
    "OK": Outcome.OK,
    "ZERO_RESULTS": Outcome.NOT_FOUND,
    "NOT_FOUND": Outcome.NOT_FOUND,
    "OVER_QUERY_LIMIT": Outcome.QUOTA,
    "OVER_DAILY_LIMIT": Outcome.QUOTA,
    "REQUEST_DENIED": Outcome.AUTH,
    "INVALID_REQUEST": Outcome.INVALID,
    "UNKNOWN_ERROR": Outcome.RETRYABLE,
}


class StreetViewImagery:
    """Panoramas by position, pictures by heading."""

    name = "streetview"

    def __init__(self, settings: ProviderSettings, deps: ProviderDeps) -> None:
        self._key = settings.key(self.name)
        self._cost = settings.streetview_image_cost_usd
        self._secret = settings.google_url_signing_secret.get_secret_value()
        self.source = settings.street_source
        self._client = ProviderClient(self.name, settings.client(self.name), deps, source=self.source)

    async def find(self, point: GeoPoint, *, radius_metres: int = 50) -> Panorama | None:
        """The panorama nearest to the point; free of cost. None where there is none."""
        request = ProviderRequest(
            endpoint="/maps/api/streetview/metadata",
            path="/maps/api/streetview/metadata",
            params=[
                ("location", f"{point.lat},{point.lng}"),
                ("size", "640x640"),
                ("radius", str(radius_metres)),
                ("source", "outdoor"),
                ("key", self._key),
            ],
            judge=_judge_metadata,
        )
        reply = await self._client.call(request)
        return self._panorama(reply.answer) if reply.found else None

    async def fetch(self, panorama: Panorama, view: StreetView) -> FetchedImage | None:
        """A picture from the panorama; None where it has gone meanwhile."""
        request = ProviderRequest(
            endpoint="/maps/api/streetview",
            path="/maps/api/streetview",
            params=[*_seen(panorama, view), ("key", self._key)],
            repeat=Repeat.ONCE,
            cost=self._cost,
            judge=_judge_image,
        )
        reply = await self._client.call(request)
        if not reply.found:
            return None
        media_type = reply.answer.headers.get("content-type", "").split(";")[0].strip()
        image_id = _view_id(panorama, view)
        return FetchedImage(self.source, image_id, reply.answer.body, media_type, datetime.now(UTC))

    def live(self, panorama: Panorama, view: StreetView) -> LiveView:
        """The same picture for a browser; its detail depends on the house and is given as 0."""
        return LiveView(
            source=self.source,
            view_id=_view_id(panorama, view),
            address=f"/maps/api/streetview?{urlencode(_seen(panorama, view))}",
            captured_on=panorama.captured_on,
            metres_per_pixel=0.0,
            width=view.width,
            height=view.height,
        )

    async def live_url(self, address: str) -> str:
        """The address with our key, signed; its price is booked."""
        url = await lent_url(self._client, "/maps/api/streetview", address, cost=self._cost)
        return google_signed(f"{url}&key={self._key}", self._secret)

    def _panorama(self, answer: Answer) -> Panorama:
        body = answer.json_object()
        try:
            at = GeoPoint(lat=body["location"]["lat"], lng=body["location"]["lng"])
            panorama_id = str(body["pano_id"])
        except (KeyError, TypeError, ValidationError) as error:
            raise ProviderBadAnswer("a panorama without id or place", provider=self.name) from error
        return Panorama(
            source=self.source,
            panorama_id=panorama_id,
            at=at,
            captured_on=_month(body.get("date")),
            copyright=str(body.get("copyright", ""))[:200],
        )


def _seen(panorama: Panorama, view: StreetView) -> list[tuple[str, str]]:
    return [
        ("size", f"{view.width}x{view.height}"),
        ("pano", panorama.panorama_id),
        ("heading", f"{view.heading % 360:.1f}"),
        ("pitch", f"{view.pitch:.1f}"),
        ("fov", f"{min(view.field_of_view, 120):.1f}"),
        ("return_error_code", "true"),
    ]


def _view_id(panorama: Panorama, view: StreetView) -> str:
    return f"{panorama.panorama_id}:{view.heading % 360:.0f}:{view.pitch:.0f}"


def _judge_metadata(answer: Answer) -> Verdict:
    """The status inside the body decides; HTTP says 200 to everything (PITFALLS 23)."""
    if answer.status != 200:
        return judge_by_status(answer)
    status = str(answer.json_object().get("status"))
    outcome = _BY_STATUS.get(status, Outcome.BAD_ANSWER)
    return Verdict(outcome, message=f"status {status[:40]}")


def _judge_image(answer: Answer) -> Verdict:
    verdict = judge_by_status(answer)
    kind = answer.headers.get("content-type", "")
    if verdict.outcome is Outcome.OK and not kind.startswith("image/"):
        return Verdict(Outcome.BAD_ANSWER, message=f"a picture was promised, {kind[:60]} came")
    return verdict


def _month(text: object) -> date | None:
    """Google gives YYYY-MM; the first of the month stands for it."""
    try:
        return date.fromisoformat(f"{text}-01" if len(str(text)) == 7 else str(text))
    except ValueError:
        return None
