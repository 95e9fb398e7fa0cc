"""Enlarging a picture by super-resolution: whether it may be, and the two pictures that come of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from services.image_processor.domain.enlarging import Box, is_worth_it, roof_part
from services.image_processor.domain.keys import Enlargement
from services.image_processor.networks import NetworkFile, enlarged, find_network
from services.image_processor.repository import ProcessingRepository
from services.image_processor.service.making import Made, Outcome, body_of, enlarged_variant, keep, missing
from shared.compliance.loader import decide_image
from shared.errors import Conflict, NotAllowed, NotFound
from shared.runtime import Resources

FOR_EYES = "for human eyes: the network invents texture, no score is taken from it"


class FineEnough(Conflict):
    """The picture shows the roof well as it is."""

    code = "picture-fine-enough"


class TooManyTiles(Conflict):
    """The part to enlarge would take the network more tiles than are allowed."""

    code = "too-many-tiles"


class LicenceForbids(NotAllowed):
    """The picture's licence does not let us work on it."""

    code = "imagery-licence"


async def workable(resources: Resources, image_id: UUID, *, workflow_id: UUID | None = None) -> Row[Any]:
    """A fetched picture of which others may be made; NotFound, or LicenceForbids with the decision stored."""
    async with resources.unit_of_work() as uow:
        original = await ProcessingRepository(uow.session).original(image_id)
        if original is None:
            raise NotFound(f"there is no fetched picture {image_id}")
        decision = await decide_image(uow.session, original.source, "ml", workflow_id=workflow_id)
    if not decision.allow:
        raise LicenceForbids(f"pictures of {original.source} may be shown, not worked on")
    return original


def part_to_enlarge(original: Row[Any], most_tiles: int) -> Box:
    """The roof in a picture; FineEnough or TooManyTiles where it is not to be enlarged."""
    gsd = float(original.gsd_m) if original.gsd_m is not None else None
    width, height = original.image_width, original.image_height
    if not is_worth_it(width, height, gsd):
        raise FineEnough(f"{width} x {height} pixels of {gsd} m show the roof without it")
    box = roof_part(width, height, gsd)
    if box.tiles > most_tiles:
        raise TooManyTiles(
            f"{box.width} x {box.height} pixels take {box.tiles} tiles, {most_tiles} are allowed"
        )
    return box


async def enlarge(resources: Resources, original: Row[Any], box: Box) -> Outcome:
    """Both enlargements of a part of a picture, made once for these bytes and this network."""
    settings = resources.settings
    network = find_network(settings.networks_folder, settings.super_resolution)
    variants = [(original, enlarged_variant(original, size, network.sha256)) for size in Enlargement]
    todo, done = await missing(resources, variants)
    outcome = Outcome(known=[original.id for _ in done])
    if todo:
        body = await body_of(resources, original)
        pictures = await resources.own.networks.run(enlarged, body, network, box)
        outcome.made = [
            await _keep(resources, original, size, pictures[size], box, network) for size in Enlargement
        ]
    return outcome


async def _keep(  # noqa: PLR0917 - one caller, all of it the picture
    resources: Resources,
    original: Row[Any],
    size: Enlargement,
    body: bytes,
    box: Box,
    network: NetworkFile,
) -> Made:
    details = {
        "scale": size.scale,
        "part": asdict(box),
        "tiles": box.tiles,
        "network": network.name,
        "network_sha256": network.sha256,
        "licence": network.licence,
        "use": FOR_EYES,
    }
    return await keep(
        resources,
        original,
        enlarged_variant(original, size, network.sha256),
        body,
        size=(box.width * size.scale, box.height * size.scale),
        gsd_m=float(original.gsd_m) / size.scale if original.gsd_m is not None else None,
        details=details,
    )
