"""Looking at one house: for whom, under which licences, and why a source was passed over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import Row

from services.image_processor import metrics
from services.image_processor.domain.headers import inspect
from services.image_processor.domain.mosaics import stitched
from services.image_processor.domain.pixels import grade
from services.image_processor.domain.quality import PictureRefused, Quality
from services.image_processor.repository import ImageRepository
from shared.compliance.images import ImageUse
from shared.compliance.loader import decide_image_uses
from shared.errors import BudgetExceeded, PermanentError, ProviderError, Skip
from shared.http.client import FetchDenied
from shared.providers.imagery import FetchedImage, LiveView, Mosaic, OrthoService
from shared.providers.source_choice import refusal
from shared.runtime import Resources
from shared.schemas.enums import ImageLevel, ImageType, ViewAngle
from shared.schemas.geo import GeoPoint

ORTHO_KINDS = ("imageserver", "wmts")


@dataclass(frozen=True, slots=True)
class Graded:
    """A fetched picture as one file, whatever it came as, and what it is worth."""

    image: FetchedImage
    body: bytes
    quality: Quality
    size: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Shot:
    """A graded picture and how it was taken."""

    graded: Graded
    image_type: ImageType
    angle: ViewAngle
    captured_on: date | None
    gsd_m: float | None = None
    heading: float | None = None
    level: ImageLevel = ImageLevel.ROOF


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture that only its vendor shows."""

    view: LiveView
    image_type: ImageType
    angle: ViewAngle
    gsd_m: float
    heading: float | None = None
    level: ImageLevel = ImageLevel.ROOF


@dataclass(slots=True)
class Looking:
    """One look at a house; `denied` sources may not be read, those `passed_over` gave nothing for another reason."""

    resources: Resources
    workflow_id: UUID
    place: Row[Any]
    house: GeoPoint
    services: tuple[OrthoService, ...] = ()
    shots: list[Shot] = field(default_factory=list)
    shown: list[Shown] = field(default_factory=list)
    denied: list[str] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    waiting: ProviderError | None = None
    """The error of a source that may answer later."""

    async def may(self, source: str, *uses: ImageUse) -> bool:
        """Whether the licence of a source grants all of these uses; a refusal is stored, and a reason here."""
        async with self.resources.unit_of_work() as uow:
            decisions = await decide_image_uses(uow.session, source, uses, workflow_id=self.workflow_id)
        denied = [use for use, decision in zip(uses, decisions, strict=True) if not decision.allow]
        if denied:
            self.passed_over.append(f"{source}: its licence does not cover {', '.join(denied)}")
        return not denied

    @contextmanager
    def asking(self, vendor: str, image_type: ImageType) -> Iterator[None]:
        """Pass a vendor over that may not be read, fails or is spent; what may pass later is remembered."""
        try:
            yield
        except FetchDenied as refused:
            self.denied.append(refused.detail)
        except ProviderError as error:
            metrics.IMAGES.labels(image_type, "vendor_failed").inc()
            self.passed_over.append(f"{vendor}: {error.detail}")
            if error.retryable or isinstance(error, BudgetExceeded):
                self.waiting = self.waiting or error

    async def graded(self, image: FetchedImage, angle: ViewAngle) -> Graded | None:
        """A picture without its metadata, with its grade; None, and a reason, for a file that is no picture."""
        image_type = ImageType.SATELLITE if angle is ViewAngle.OVERHEAD else ImageType.STREET_VIEW
        run, body = self.resources.own.processes.run, image.body
        try:
            if isinstance(body, Mosaic):
                body = await run(stitched, body.rows, body.left, body.top, body.side)
            else:
                body = inspect(body, image.media_type).body
            quality, size = await run(grade, body, angle)
        except PictureRefused as refused:
            metrics.IMAGES.labels(image_type, refused.reason).inc()
            self.passed_over.append(f"{image.source}: {refused.reason}")
            return None
        return Graded(image, body, quality, size)

    @property
    def reasons(self) -> str:
        """Why there is no picture."""
        told = "; ".join([*self.denied, *self.passed_over])
        return told or "no picture of this house may be kept, or none exists"


async def begin(
    resources: Resources, lead_id: UUID, workflow_id: UUID, *, at: GeoPoint | None = None
) -> Looking:
    """A look at a lead's house, or at the point that somebody gave; raises Skip where neither is known."""
    async with resources.unit_of_work() as uow:
        place = await ImageRepository(uow.session).place(lead_id)
    if place is None:
        raise PermanentError(f"there is no lead {lead_id}")
    if at is None and (place.lat is None or place.lng is None):
        raise Skip("the house has no point on the map")
    looking = Looking(
        resources, workflow_id, place, at or GeoPoint(lat=float(place.lat), lng=float(place.lng))
    )
    looking.services = tuple(_services(looking, place.image_sources or ()))
    return looking


def _services(looking: Looking, entries: Sequence[Any]) -> Iterator[OrthoService]:
    """The city's orthophotos that may be asked."""
    for entry in entries:
        why_not = refusal(entry, ORTHO_KINDS)
        try:
            if why_not is None:
                yield OrthoService.model_validate(entry)
        except ValidationError as error:
            why_not = f"its facts cannot be read: {error.errors()[0]['msg']}"
        if why_not is not None:
            looking.passed_over.append(f"{entry.get('key')}: {why_not}")
