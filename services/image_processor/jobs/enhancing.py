"""Enlarge one picture by super-resolution."""

from __future__ import annotations

from pydantic import BaseModel

from services.image_processor.domain.quality import PictureRefused
from services.image_processor.networks import NetworkMissing
from services.image_processor.repository import ProcessingRepository
from services.image_processor.service import enhancing
from services.image_processor.service.making import GONE, PictureGone
from shared.errors import Conflict, NotAllowed, NotFound, Skip
from shared.runtime import StepContext
from shared.schemas.workflow_inputs import ImageInput


class Enlarged(BaseModel):
    """The pictures made, or made before: their keys by enlargement."""

    made: dict[str, str]
    known: int


async def enhance_image(ctx: StepContext, input: ImageInput) -> None:
    """Make both enlargements of a picture; skipped with the reason where it cannot or need not be enlarged."""
    resources = ctx.resources
    try:
        original = await enhancing.workable(resources, input.subject_id, workflow_id=ctx.workflow_id)
        box = enhancing.part_to_enlarge(original, resources.settings.super_resolution_tiles)
        outcome = await enhancing.enlarge(resources, original, box)
    except (NotFound, NotAllowed, Conflict, NetworkMissing) as refused:
        raise Skip(refused.detail) from refused
    except PictureGone as gone:
        raise Skip(GONE) from gone
    except PictureRefused as refused:
        raise Skip(refused.reason) from refused
    keys = {made.variant: str(made.values["s3_key"]) for made in outcome.made}
    async with ctx.commit(Enlarged(made=keys, known=len(outcome.known))) as tx:
        repository = ProcessingRepository(tx.session)
        for made in outcome.made:
            await repository.store(made.original_id, made.values)
