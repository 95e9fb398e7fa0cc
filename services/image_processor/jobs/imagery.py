"""Fetch and store a house's pictures."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from services.image_processor import metrics
from services.image_processor.domain.keys import Stage, image_key
from services.image_processor.domain.pixels import grade
from services.image_processor.domain.quality import PictureRefused
from services.image_processor.domain.viewpoints import field_of_view, heading_to, metres_per_pixel, viewpoints
from services.image_processor.repository import ImageRepository
from shared.compliance.loader import decide_image
from shared.errors import PermanentError, ProviderBadAnswer, ProviderRejected, Skip
from shared.http.client import FetchDenied
from shared.providers.context import calling_for
from shared.providers.imagery import FetchedImage, Panorama, StreetImagery, StreetView
from shared.providers.object_store import put_json
from shared.runtime import StepContext
from shared.runtime.limits import spending_caps
from shared.schemas.enums import ImageDomain, ImageType, ViewAngle
from shared.schemas.geo import GeoPoint
from shared.schemas.workflow_inputs import PropertyInput

SIDE_RADIUS_M = 15
"""Further from the wanted place a camera shows another side, or another house."""


@dataclass(frozen=True, slots=True)
class Shot:
    """A fetched picture and how it was taken."""

    image: FetchedImage
    image_type: ImageType
    angle: ViewAngle
    captured_on: date | None
    gsd_m: float | None = None
    heading: float | None = None


async def imagery(ctx: StepContext, input: PropertyInput) -> None:
    """Fetch the newest picture from above and four from the street, as far as licences let us keep them."""
    if "imagery" in input.skip:
        raise Skip(input.skip["imagery"])
    async with ctx.resources.unit_of_work() as uow:
        place = await ImageRepository(uow.session).place(input.subject_id)
    if place is None:
        raise PermanentError(f"there is no lead {input.subject_id}")
    if place.lat is None or place.lng is None:
        raise Skip("the house has no point on the map")
    house = GeoPoint(lat=float(place.lat), lng=float(place.lng))
    shots: list[Shot] = []
    denied: list[str] = []
    caps = await spending_caps(ctx.resources, place)
    with calling_for("lead", place.id, caps=caps, workflow_id=ctx.workflow_id):
        for look in (_from_above, _from_street):
            try:
                shots += await look(ctx, house)
            except FetchDenied as refused:
                denied.append(refused.detail)
    if not shots:
        raise Skip("; ".join(denied) or "no picture of this house may be kept, or none exists")
    domain = ImageDomain.RENDERED if place.sandbox else ImageDomain.REAL
    rows = [await _keep(ctx, input.subject_id, shot, domain) for shot in shots]
    kept = [row for row in rows if row is not None]
    usable = sum(1 for row in kept if row["usable"])
    async with ctx.commit({"images": len(kept), "usable": usable, "denied": denied}) as tx:
        repository = ImageRepository(tx.session)
        for row in kept:
            await repository.store(input.subject_id, row)


async def _may_keep(ctx: StepContext, source: str) -> bool:
    async with ctx.resources.unit_of_work() as uow:
        decision = await decide_image(uow.session, source, "store", workflow_id=ctx.workflow_id)
    return decision.allow


async def _from_above(ctx: StepContext, house: GeoPoint) -> list[Shot]:
    vendor = ctx.resources.providers.nadir_imagery
    try:
        for offer in await vendor.find(house):
            if await _may_keep(ctx, offer.source):
                image = await vendor.fetch(offer)
                gsd = offer.metres_per_pixel
                return [Shot(image, ImageType.SATELLITE, ViewAngle.OVERHEAD, offer.captured_on, gsd_m=gsd)]
    except (ProviderRejected, ProviderBadAnswer):
        metrics.IMAGES.labels("satellite", "vendor_failed").inc()
    return []


async def _from_street(ctx: StepContext, house: GeoPoint) -> list[Shot]:
    vendor = ctx.resources.providers.street_imagery
    try:
        front = await vendor.find(house)
        if front is None or not await _may_keep(ctx, front.source):
            return []
        cameras = {ViewAngle.FRONT: front, **await _other_sides(vendor, front, house)}
        views = {angle: _view_of(house, camera.at) for angle, camera in cameras.items()}
        images = await asyncio.gather(
            *(vendor.fetch(camera, views[angle]) for angle, camera in cameras.items())
        )
    except (ProviderRejected, ProviderBadAnswer):
        metrics.IMAGES.labels("street_view", "vendor_failed").inc()
        return []
    return [
        _street_shot(image, angle, cameras[angle], view, house)
        for (angle, view), image in zip(views.items(), images, strict=True)
        if image is not None
    ]


async def _other_sides(vendor: StreetImagery, front: Panorama, house: GeoPoint) -> dict[ViewAngle, Panorama]:
    """The cameras that see the other sides, as far as a car passed there."""
    wanted = viewpoints(front.at, house)
    found = await asyncio.gather(
        *(vendor.find(point, radius_metres=SIDE_RADIUS_M) for point in wanted.values())
    )
    return {
        angle: camera
        for angle, camera in zip(wanted, found, strict=True)
        if camera is not None and camera.panorama_id != front.panorama_id
    }


def _view_of(house: GeoPoint, camera: GeoPoint) -> StreetView:
    return StreetView(heading=heading_to(camera, house), field_of_view=field_of_view(camera, house))


def _street_shot(
    image: FetchedImage, angle: ViewAngle, camera: Panorama, view: StreetView, house: GeoPoint
) -> Shot:
    detail = metres_per_pixel(camera.at, house, fov_deg=view.field_of_view, width_px=view.width)
    heading = round(view.heading, 2)
    return Shot(image, ImageType.STREET_VIEW, angle, camera.captured_on, round(detail, 3), heading)


async def _keep(ctx: StepContext, lead_id: UUID, shot: Shot, domain: ImageDomain) -> dict[str, Any] | None:
    """Check, grade and store one picture with its sidecar; None for a file that is no picture."""
    own, settings = ctx.resources.own, ctx.resources.settings
    try:
        quality, size = await own.processes.run(grade, shot.image.body)
    except PictureRefused as refused:
        metrics.IMAGES.labels(shot.image_type, refused.reason).inc()
        return None
    extension = "png" if shot.image.media_type == "image/png" else "jpg"
    key = image_key(lead_id, Stage.ORIGINAL, shot.image_type, shot.angle, extension)
    digest = hashlib.sha256(shot.image.body).hexdigest()
    async with ctx.resources.unit_of_work() as uow:
        licence = await ImageRepository(uow.session).licence(shot.image.source)
    await own.store.put(key, shot.image.body)
    row = {
        "image_type": shot.image_type,
        "view_angle": shot.angle,
        "original_url": None,
        "s3_url": own.store.url(key),
        "s3_key": key,
        "s3_bucket": own.store.bucket[:100],
        "capture_date": shot.captured_on,
        "width": size[0],
        "height": size[1],
        "bytes": len(shot.image.body),
        "format": extension,
        "quality": quality.score,
        "usable": quality.score >= settings.usable_quality,
        "config": {"faults": list(quality.faults), "image_id": shot.image.image_id},
        "source": shot.image.source,
        "licence_id": licence or "unknown",
        "gsd_m": shot.gsd_m,
        "heading": shot.heading,
        "domain": domain,
        "sha256": digest,
    }
    sidecar = {
        name: str(value) if value is not None else None for name, value in row.items() if name != "config"
    }
    await put_json(
        own.store, image_key(lead_id, Stage.ORIGINAL, shot.image_type, shot.angle, "json"), sidecar
    )
    metrics.IMAGES.labels(shot.image_type, "usable" if row["usable"] else "unusable").inc()
    return row
