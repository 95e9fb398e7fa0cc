"""Pictures from above: the first source that may be kept and analysed for a sale, and the first that may be shown."""

from __future__ import annotations

from services.image_processor.domain.levels import further_levels
from services.image_processor.service.looking import Looking, Shot, Shown
from shared.providers.imagery import FINEST_M, NadirImagery, NadirOffer
from shared.schemas.enums import ImageLevel, ImageType, ViewAngle


async def look_from_above(looking: Looking) -> None:
    """Fetch from the sources in their order until one has a picture; add what may only be shown."""
    providers = looking.resources.providers
    for vendor in providers.nadir_imagery(looking.services):
        with looking.asking(vendor.name, ImageType.SATELLITE):
            if await looking.may(vendor.source, "store", "ml", "sell"):
                looking.shots += await _pictures(looking, vendor)
        if looking.shots:
            break
    await _show(looking)


async def _pictures(looking: Looking, vendor: NadirImagery) -> list[Shot]:
    """The newest capture that can be analysed, with its further levels; the best of those looked at where none can."""
    settings = looking.resources.settings
    offers = await vendor.find(looking.house)
    fine = [offer for offer in offers if FINEST_M <= offer.metres_per_pixel <= settings.coarsest_m]
    if not fine:
        looking.passed_over.append(
            f"{vendor.source}: {'too coarse, or no real detail' if offers else 'no picture of this house'}"
        )
    best: tuple[NadirOffer, Shot] | None = None
    for offer in fine[: settings.captures]:
        shot = await _shot(looking, vendor, offer, ImageLevel.ROOF)
        if shot is not None and (best is None or shot.graded.quality.score > best[1].graded.quality.score):
            best = offer, shot
        if best is not None and best[1].graded.quality.score >= settings.usable_quality:
            break
    if best is None:
        return []
    offer, roof = best
    levels = further_levels(settings.levels, offer.levels)
    others = [await _shot(looking, vendor, offer, level) for level in levels]
    return [roof, *(shot for shot in others if shot is not None)]


async def _shot(looking: Looking, vendor: NadirImagery, offer: NadirOffer, level: ImageLevel) -> Shot | None:
    """A picture with its grade; None for a file that is no picture."""
    graded = await looking.graded(await vendor.fetch(offer, level), ViewAngle.OVERHEAD)
    if graded is None:
        return None
    return Shot(
        graded=graded,
        image_type=ImageType.SATELLITE,
        angle=ViewAngle.OVERHEAD,
        captured_on=offer.captured_on,
        gsd_m=round(graded.image.metres_per_pixel or offer.metres_per_pixel, 4),
        level=level,
    )


async def _show(looking: Looking) -> None:
    """The views of the first vendor whose pictures may be shown."""
    wanted = looking.resources.settings.levels
    for vendor in looking.resources.providers.live_imagery:
        if await looking.may(vendor.source, "display"):
            for level in (level for level in ImageLevel if level in wanted):
                view = vendor.view(looking.house, level)
                detail = round(view.metres_per_pixel, 4)
                looking.shown.append(
                    Shown(view, ImageType.SATELLITE, ViewAngle.OVERHEAD, detail, level=level)
                )
            return
