"""Pictures from the street: four sides as far as a car passed them, kept or only shown."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping

from services.image_processor.domain.viewpoints import field_of_view, heading_to, metres_per_pixel, viewpoints
from services.image_processor.service.looking import Looking, Shot, Shown
from shared.providers.imagery import FetchedImage, Panorama, StreetImagery, StreetView
from shared.schemas.enums import ImageType, ViewAngle
from shared.schemas.geo import GeoPoint

SIDE_RADIUS_M = 15
"""Further from the wanted place a camera shows another side, or another house."""
SIDES = (ViewAngle.FRONT, ViewAngle.LEFT, ViewAngle.RIGHT, ViewAngle.REAR)


async def look_from_street(looking: Looking, angles: Collection[ViewAngle] = SIDES) -> None:
    """Fetch the sides asked for where the licence lets us keep them, else note where they can be seen."""
    vendor = looking.resources.providers.street_imagery
    with looking.asking(vendor.name, ImageType.STREET_VIEW):
        keep = await looking.may(vendor.source, "store")
        if not keep and not await looking.may(vendor.source, "display"):
            return
        cameras = await _cameras(vendor, looking.house, angles)
        if not cameras:
            looking.passed_over.append(f"{vendor.source}: no panorama near the house")
        views = {angle: _view_of(looking.house, camera.at) for angle, camera in cameras.items()}
        if keep:
            looking.shots += await _shots(looking, vendor, cameras, views)
        else:
            looking.shown += [
                _shown(vendor, angle, cameras[angle], view, looking.house) for angle, view in views.items()
            ]


async def _cameras(
    vendor: StreetImagery, house: GeoPoint, angles: Collection[ViewAngle]
) -> dict[ViewAngle, Panorama]:
    """The cameras that see the sides asked for; the front one tells where the others must stand."""
    front = await vendor.find(house)
    if front is None:
        return {}
    wanted = {angle: point for angle, point in viewpoints(front.at, house).items() if angle in angles}
    found = await asyncio.gather(
        *(vendor.find(point, radius_metres=SIDE_RADIUS_M) for point in wanted.values())
    )
    cameras = {ViewAngle.FRONT: front} if ViewAngle.FRONT in angles else {}
    return cameras | {
        angle: camera
        for angle, camera in zip(wanted, found, strict=True)
        if camera is not None and camera.panorama_id != front.panorama_id
    }


async def _shots(
    looking: Looking,
    vendor: StreetImagery,
    cameras: Mapping[ViewAngle, Panorama],
    views: Mapping[ViewAngle, StreetView],
) -> list[Shot]:
    images = await asyncio.gather(*(vendor.fetch(cameras[angle], view) for angle, view in views.items()))
    shots = [
        await _shot(looking, image, angle, cameras[angle], view)
        for (angle, view), image in zip(views.items(), images, strict=True)
        if image is not None
    ]
    return [shot for shot in shots if shot is not None]


async def _shot(
    looking: Looking, image: FetchedImage, angle: ViewAngle, camera: Panorama, view: StreetView
) -> Shot | None:
    """A picture with its grade; None for a file that is no picture."""
    graded = await looking.graded(image, angle)
    if graded is None:
        return None
    return Shot(
        graded=graded,
        image_type=ImageType.STREET_VIEW,
        angle=angle,
        captured_on=camera.captured_on,
        gsd_m=_detail(camera, view, looking.house),
        heading=_heading(view),
    )


def _shown(
    vendor: StreetImagery, angle: ViewAngle, camera: Panorama, view: StreetView, house: GeoPoint
) -> Shown:
    detail = _detail(camera, view, house)
    return Shown(vendor.live(camera, view), ImageType.STREET_VIEW, angle, detail, heading=_heading(view))


def _view_of(house: GeoPoint, camera: GeoPoint) -> StreetView:
    return StreetView(heading=heading_to(camera, house), field_of_view=field_of_view(camera, house))


def _detail(camera: Panorama, view: StreetView, house: GeoPoint) -> float:
    return round(metres_per_pixel(camera.at, house, fov_deg=view.field_of_view, width_px=view.width), 3)


def _heading(view: StreetView) -> float:
    return round(view.heading % 360, 2)
