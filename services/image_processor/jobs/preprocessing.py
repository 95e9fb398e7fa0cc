"""Bring the stored pictures of a house into the standard form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from services.image_processor.domain.keys import Stage, image_key
from services.image_processor.domain.pixels import standard_form
from services.image_processor.repository import ProcessingRepository
from shared.errors import PermanentError, Skip
from shared.events.leads import ImagesProcessed
from shared.runtime import StepContext
from shared.schemas.enums import ImageType, ViewAngle
from shared.schemas.workflow_inputs import PropertyInput


async def preprocess(ctx: StepContext, input: PropertyInput) -> None:
    """Bring every usable picture into the standard form; skipped when there is none."""
    fetched = ctx.results.get("imagery")
    if fetched is None or not fetched.done:
        raise Skip(f"no pictures: {fetched.reason if fetched else 'imagery did not run'}")
    async with ctx.resources.unit_of_work() as uow:
        images = await ProcessingRepository(uow.session).originals(input.subject_id)
    usable = [image for image in images if image.usable_for_analysis]
    if not usable:
        raise Skip("no picture is good enough to look at")
    done = await _standard_forms(ctx, input.subject_id, usable)
    async with ctx.commit({"usable": len(done)}) as tx:
        await ProcessingRepository(tx.session).mark_processed(
            done, {"standard_pixels": ctx.resources.settings.standard_pixels}
        )
        tx.publish(ImagesProcessed(base_lead_id=input.subject_id, usable=len(done)))


async def _standard_forms(ctx: StepContext, lead_id: UUID, images: Sequence[Row[Any]]) -> list[UUID]:
    own, pixels = ctx.resources.own, ctx.resources.settings.standard_pixels
    done: list[UUID] = []
    for image in images:
        body = await own.store.get(image.s3_key)
        if body is None:
            raise PermanentError(f"the picture {image.s3_key} is gone from the store")
        standard = await own.processes.run(standard_form, body, pixels)
        key = image_key(lead_id, Stage.PREPROCESSED, ImageType(image.image_type), ViewAngle(image.view_angle))
        await own.store.put(key, standard)
        done.append(image.id)
    return done
