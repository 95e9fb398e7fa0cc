"""Bring the stored pictures of houses into the standard form."""

from __future__ import annotations

from services.image_processor.domain.keys import STANDARD, VERSIONS, Stage
from services.image_processor.repository import ProcessingRepository
from services.image_processor.service.making import Outcome, standard_forms
from shared.db.unit_of_work import UnitOfWork
from shared.errors import Skip
from shared.events.leads import ImagesProcessed
from shared.runtime import StepContext
from shared.schemas.workflow_inputs import ProcessImagesInput, PropertyInput
from shared.workflow.catalogue import PREPROCESS_IMAGES


async def preprocess(ctx: StepContext, input: PropertyInput) -> None:
    """Bring every usable picture into the standard form; skipped when there is none."""
    fetched = ctx.results.get("imagery")
    if fetched is None or not fetched.done:
        raise Skip(f"no pictures: {fetched.reason if fetched else 'imagery did not run'}")
    await preprocess_images(ctx, input)


async def preprocess_images(ctx: StepContext, input: PropertyInput) -> None:
    """The same for a house that somebody asked for, from what is stored of it."""
    async with ctx.resources.unit_of_work() as uow:
        originals = await ProcessingRepository(uow.session).originals(input.subject_id)
    usable = [original for original in originals if original.usable_for_analysis]
    if not usable:
        raise Skip("no picture is good enough to look at")
    outcome = await standard_forms(ctx.resources, usable)
    ready = [*outcome.known, *(made.original_id for made in outcome.made)]
    if not ready:
        raise Skip("; ".join(sorted(set(outcome.skipped.values()))))
    async with ctx.commit({"usable": len(ready), **outcome.counts()}) as tx:
        await _record(tx, outcome, pixels=ctx.resources.settings.standard_pixels)
        tx.publish(ImagesProcessed(base_lead_id=input.subject_id, usable=len(ready)))


async def process_images(ctx: StepContext, input: ProcessImagesInput) -> None:
    """The pictures of many houses, a workflow each."""
    await ctx.spawn_children(PREPROCESS_IMAGES.kind, [(lead_id, {}) for lead_id in input.lead_ids])
    await ctx.wait_for_children()


async def _record(tx: UnitOfWork, outcome: Outcome, *, pixels: int) -> None:
    repository = ProcessingRepository(tx.session)
    for made in outcome.made:
        await repository.store(made.original_id, made.values)
    done = {"standard_pixels": pixels, STANDARD: VERSIONS[Stage.PREPROCESSED]}
    await repository.mark_processed([made.original_id for made in outcome.made], done)
