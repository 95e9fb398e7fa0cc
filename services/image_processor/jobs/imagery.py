"""Fetch and keep a house's pictures: in its first workflow, and when somebody asks for them."""

from __future__ import annotations

from services.image_processor.repository import ImageRepository
from services.image_processor.service.above import look_from_above
from services.image_processor.service.keeping import keep
from services.image_processor.service.looking import Looking, begin
from services.image_processor.service.street import look_from_street
from shared.errors import Skip
from shared.providers.context import calling_for
from shared.runtime import StepContext
from shared.runtime.limits import spending_caps
from shared.schemas.enums import ImageType
from shared.schemas.workflow_inputs import ImageBatchInput, ImagesInput, PropertyInput
from shared.workflow.catalogue import FETCH_IMAGES


async def imagery(ctx: StepContext, input: PropertyInput) -> None:
    """Fetch the newest good picture from above and four from the street, as far as licences let us keep them."""
    if "imagery" in input.skip:
        raise Skip(input.skip["imagery"])
    looking = await begin(ctx.resources, input.subject_id, ctx.workflow_id)
    await _look(ctx, looking, ImagesInput(subject_id=input.subject_id))


async def fetch_images(ctx: StepContext, input: ImagesInput) -> None:
    """The same for one lead that somebody asks for: other views, other sides, or from another point."""
    looking = await begin(ctx.resources, input.subject_id, ctx.workflow_id, at=input.at)
    await _look(ctx, looking, input)


async def fetch_image_batch(ctx: StepContext, input: ImageBatchInput) -> None:
    """Pictures of the leads named, each in a workflow of its own."""
    given = {"views": input.views}
    await ctx.spawn_children(FETCH_IMAGES.kind, [(lead_id, given) for lead_id in input.lead_ids])
    await ctx.wait_for_children()


async def _look(ctx: StepContext, looking: Looking, wanted: ImagesInput) -> None:
    caps = await spending_caps(ctx.resources, looking.place)
    with calling_for("lead", looking.place.id, caps=caps, workflow_id=ctx.workflow_id):
        if ImageType.SATELLITE in wanted.views:
            await look_from_above(looking)
            if not looking.shots and looking.waiting is not None:
                raise looking.waiting
        looking.waiting = None
        if ImageType.STREET_VIEW in wanted.views:
            await look_from_street(looking, wanted.angles)
            if looking.waiting is not None:
                raise looking.waiting
    await _end(ctx, looking)


async def _end(ctx: StepContext, looking: Looking) -> None:
    """Store the rows; skipped, with every source's reason, where nothing could be kept."""
    rows = await keep(looking)
    lead_id, kept = looking.place.id, [row for row in rows if row["s3_key"]]
    if not kept:
        async with ctx.resources.unit_of_work() as uow:
            await ImageRepository(uow.session).store_all(lead_id, rows)
        raise Skip(looking.reasons)
    output = {
        "images": len(kept),
        "usable": sum(1 for row in kept if row["usable"]),
        "shown": len(rows) - len(kept),
        "denied": looking.denied,
        "passed_over": looking.passed_over,
    }
    async with ctx.commit(output) as tx:
        await ImageRepository(tx.session).store_all(lead_id, rows)
