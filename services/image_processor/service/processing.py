"""What somebody asks of stored pictures: the standard form, an enlargement, damage views, many houses at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from services.image_processor.domain.keys import DamageView, Enlargement
from services.image_processor.domain.pixels import damage_views
from services.image_processor.domain.quality import PictureRefused
from services.image_processor.networks import find_network
from services.image_processor.repository import ImageRepository, ProcessingRepository
from services.image_processor.service import enhancing
from services.image_processor.service.making import (
    GONE,
    Made,
    PictureGone,
    body_of,
    damage_variant,
    enlarged_variant,
    keep,
    missing,
)
from shared.db.unit_of_work import UnitOfWork
from shared.errors import Conflict, InvalidInput, NotFound
from shared.http.idempotency import Answer, answer_once
from shared.runtime import Resources
from shared.security.policy import Actor
from shared.workflow import Started
from shared.workflow.catalogue import ENHANCE_IMAGE, PREPROCESS_IMAGES, PROCESS_IMAGES
from shared.workflow.ordering import start_ordered

SERVICE = "image_processor"


class PictureUnreadable(Conflict):
    """The stored picture cannot be read any more."""

    code = "picture-unreadable"


async def preprocess(resources: Resources, actor: Actor, property_id: UUID, *, key: str) -> dict[str, Any]:
    """The job that brings a house's stored pictures into the standard form."""

    async def begin(uow: UnitOfWork) -> dict[str, Any]:
        leads = await ImageRepository(uow.session).leads_of([property_id])
        if property_id not in leads:
            raise NotFound(f"there is no lead of property {property_id}")
        subject = leads[property_id]
        run = await start_ordered(
            uow.session, actor, PREPROCESS_IMAGES.kind, service=SERVICE, subject_id=subject
        )
        return _told(run)

    return await _once(
        resources,
        f"{SERVICE}.{PREPROCESS_IMAGES.kind}:{actor.name}",
        key,
        {"property_id": str(property_id)},
        begin,
    )


async def process_batch(
    resources: Resources, actor: Actor, property_ids: Sequence[UUID], *, key: str
) -> dict[str, Any]:
    """The job that does so for many houses, a workflow each."""

    async def begin(uow: UnitOfWork) -> dict[str, Any]:
        leads = await ImageRepository(uow.session).leads_of(property_ids)
        if not leads:
            raise InvalidInput("none of the properties is a lead")
        chosen = sorted({str(lead_id) for lead_id in leads.values()})
        given = {"lead_ids": chosen}
        run = await start_ordered(uow.session, actor, PROCESS_IMAGES.kind, service=SERVICE, input=given)
        unknown = [str(one) for one in property_ids if one not in leads]
        return {**_told(run), "accepted": len(chosen), "unknown": unknown}

    asked = {"property_ids": [str(one) for one in property_ids]}
    return await _once(resources, f"{SERVICE}.{PROCESS_IMAGES.kind}:{actor.name}", key, asked, begin)


async def enhance(
    resources: Resources, actor: Actor, image_id: UUID, size: Enlargement, *, key: str
) -> dict[str, Any]:
    """The job that enlarges a picture, and where the result will be; refused by name where it cannot be done."""
    settings = resources.settings
    network = find_network(settings.networks_folder, settings.super_resolution)
    original = await enhancing.workable(resources, image_id)
    box = enhancing.part_to_enlarge(original, settings.super_resolution_tiles)

    async def begin(uow: UnitOfWork) -> dict[str, Any]:
        run = await start_ordered(
            uow.session, actor, ENHANCE_IMAGE.kind, service=SERVICE, subject_id=image_id
        )
        return _told(run)

    asked = {"image_id": str(image_id), "scale": size.scale}
    job = await _once(resources, f"{SERVICE}.{ENHANCE_IMAGE.kind}:{actor.name}", key, asked, begin)
    return {
        **job,
        "key": enlarged_variant(original, size, network.sha256).key,
        "scale": size.scale,
        "part": {"left": box.left, "top": box.top, "width": box.width, "height": box.height},
        "width": box.width * size.scale,
        "height": box.height * size.scale,
        "network": network.name,
        "use": enhancing.FOR_EYES,
    }


async def transform(resources: Resources, image_id: UUID, views: Sequence[DamageView]) -> dict[str, Any]:
    """Damage views of a picture, each made once; they are ready when this answers."""
    original = await enhancing.workable(resources, image_id)
    wanted = [(original, damage_variant(original, view)) for view in dict.fromkeys(views)]
    todo, _ = await missing(resources, wanted)
    made = await _damage_views(resources, original, [DamageView(variant.name) for _, variant in todo])
    async with resources.unit_of_work() as uow:
        repository = ProcessingRepository(uow.session)
        for one in made:
            await repository.store(image_id, one.values)
        rows = await repository.made([image_id])
    told = [rows[image_id, variant.name] for _, variant in wanted]
    fresh = {one.variant for one in made}
    return {
        "image_id": image_id,
        "views": [
            {
                "transformation": row.variant,
                "image_id": row.id,
                "key": row.s3_key,
                "width": row.image_width,
                "height": row.image_height,
                "new": row.variant in fresh,
            }
            for row in told
        ],
    }


async def _damage_views(resources: Resources, original: Row[Any], views: Sequence[DamageView]) -> list[Made]:
    if not views:
        return []
    try:
        body = await body_of(resources, original)
        pictures = await resources.own.processes.run(damage_views, body, list(views))
    except PictureGone as gone:
        raise PictureUnreadable(GONE, reason=GONE) from gone
    except PictureRefused as refused:
        raise PictureUnreadable(refused.reason, reason=refused.reason) from refused
    return [
        await keep(
            resources,
            original,
            damage_variant(original, view),
            pictures[view],
            size=(original.image_width, original.image_height),
            gsd_m=float(original.gsd_m) if original.gsd_m is not None else None,
            details={"use": "for human eyes"},
        )
        for view in views
    ]


async def _once(
    resources: Resources,
    scope: str,
    key: str,
    asked: Mapping[str, Any],
    begin: Callable[[UnitOfWork], Awaitable[dict[str, Any]]],
) -> dict[str, Any]:
    """The answer to an order, begun once under its key."""
    async with resources.unit_of_work() as uow:

        async def act() -> Answer:
            return Answer(202, await begin(uow))

        return (await answer_once(uow.session, act, scope=scope, key=key, request=asked)).body


def _told(run: Started) -> dict[str, Any]:
    return {"job_id": str(run.workflow_id), "new": run.new}
