"""The steps that look at houses' pictures."""

from __future__ import annotations

from services.ml_inference import metrics
from services.ml_inference.repository import AnalysisRepository
from services.ml_inference.service.evidence import RoofAnswer, roof_answer
from services.ml_inference.service.looking import LookedAt, allowed_pictures, look_at
from shared.errors import PermanentError, Skip
from shared.events.leads import MlInferenceCompleted
from shared.runtime import StepContext
from shared.schemas.workflow_inputs import AnalyzeInput, PropertyInput
from shared.workflow.catalogue import ANALYZE_LEAD


async def ml(ctx: StepContext, input: PropertyInput) -> None:
    """Analyse a roof by the pictures whose licences allow it; the calibrated answer is stored with all it rests on."""
    ready = ctx.results.get("preprocess")
    if ready is not None and not ready.done:
        raise Skip(f"no pictures to look at: {ready.reason}")
    async with ctx.resources.unit_of_work() as uow:
        repository = AnalysisRepository(uow.session)
        house = await repository.house(input.subject_id)
        rows = await repository.pictures(input.subject_id)
        # What a lead's analysis says is sold with it.
        allowed = await allowed_pictures(uow.session, rows, ("ml", "sell"), workflow_id=ctx.workflow_id)
    if house is None:
        raise PermanentError(f"there is no lead {input.subject_id}")
    if not allowed:
        raise Skip("no picture may be analysed and sold under its licence" if rows else "no usable picture")
    looked, loaded = await look_at(ctx.resources, allowed, house)
    answer = roof_answer(house, looked, loaded)
    if answer is None:
        raise Skip(_why_nothing(looked))
    output = answer.output()
    async with ctx.commit(output) as tx:
        await AnalysisRepository(tx.session).store(input.subject_id, ctx.workflow_id, answer.columns(house))
        tx.publish(
            MlInferenceCompleted(
                base_lead_id=input.subject_id, condition=answer.condition, confidence=output["confidence"]
            )
        )
    _count(answer)


async def analyze_leads(ctx: StepContext, input: AnalyzeInput) -> None:
    """Analyse the leads named, else those whose pictures the weights in use have not seen, each in a workflow of its own."""
    leads = input.lead_ids
    if not leads:
        loaded = await ctx.resources.own.models.loaded()
        versions = {role.value: identity.version for role, identity in loaded.identities.items()}
        async with ctx.resources.unit_of_work() as uow:
            leads = await AnalysisRepository(uow.session).in_need(
                versions, limit=ctx.resources.settings.hourly_leads
            )
    await ctx.spawn_children(ANALYZE_LEAD.kind, [(lead_id, {}) for lead_id in leads])
    await ctx.wait_for_children()


def _why_nothing(looked: list[LookedAt]) -> str:
    refused = sorted({one.refused for one in looked if one.refused})
    return f"no picture shows the roof: {'; '.join(refused)}" if refused else "no picture shows the roof"


def _count(answer: RoofAnswer) -> None:
    metrics.ANALYSES.labels(answer.condition).inc()
    metrics.CONFIDENCE.observe(answer.confidence)
