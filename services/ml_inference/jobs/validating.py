"""The step that decides which way an analysis goes."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from services.ml_inference import metrics
from services.ml_inference.domain.gate import Gate, gate_of
from services.ml_inference.repository import AnalysisRepository, ReviewRepository
from shared.errors import PermanentError, Skip
from shared.runtime import StepContext
from shared.schemas.workflow_inputs import PropertyInput


async def validate(ctx: StepContext, input: PropertyInput) -> None:
    """Let the analysis pass, pass labelled, or wait for a person; what was not analysed is skipped, never guessed."""
    analysed = ctx.results.get("ml")
    if analysed is None or not analysed.done:
        raise Skip(f"no analysis: {analysed.reason if analysed else 'ml did not run'}")
    answer = analysed.output
    rendered = answer.get("domain") == "rendered"
    flag = "allow_onsite_check" if rendered else "allow_onsite_check_real"
    allow = await ctx.resources.flags.enabled(flag, default=rendered)
    way = gate_of(answer["confidence"], allow_onsite_check=allow, familiar=answer.get("familiar", True))
    metrics.GATES.labels(way).inc()
    async with ctx.resources.unit_of_work() as uow:
        current = await AnalysisRepository(uow.session).current(input.subject_id)
    if current is None:
        raise PermanentError("the analysis is gone")
    if way is Gate.REVIEW:
        await _ask_a_person(ctx, input.subject_id, current.id, answer)
        return
    async with ctx.commit({"gate": way, "confidence": answer["confidence"], "review": "none"}) as tx:
        status = "approved" if way is Gate.PASS else "needs_review"
        await ReviewRepository(tx.session).set_validation(current.id, status)


async def _ask_a_person(ctx: StepContext, lead_id: UUID, analysis_id: UUID, answer: dict[str, Any]) -> None:
    reasons = [f"calibrated confidence {answer['confidence']:.2f}"]
    if not answer.get("familiar", True):
        reasons.append("the pictures look unlike the training data")
    async with ctx.park("review") as tx:
        repository = ReviewRepository(tx.session)
        await repository.set_validation(analysis_id, "needs_review")
        await repository.open_task(
            lead_id, analysis_id, ctx.workflow_id, reasons, ctx.resources.settings.review_days
        )
