"""The step that decides which way an analysis goes."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Row

from services.ml_inference import metrics
from services.ml_inference.domain.agreement import wants_second_opinion
from services.ml_inference.domain.gate import Gate
from services.ml_inference.domain.validation import Analysis, chances_of, validated
from services.ml_inference.repository import ReviewRepository, ValidationRepository
from services.ml_inference.service.validation import surroundings_of, way_of
from shared.errors import PermanentError, Skip
from shared.runtime import StepContext
from shared.schemas.enums import ImageDomain, ImageType, RoofCondition
from shared.schemas.review import ValidationEvidence
from shared.schemas.roof_evidence import RoofEvidence
from shared.schemas.workflow_inputs import PropertyInput


async def validate(ctx: StepContext, input: PropertyInput) -> None:
    """Let the analysis pass, pass labelled, or wait for a person; what was not analysed is skipped, never guessed."""
    analysed = ctx.results.get("ml")
    if analysed is None or not analysed.done:
        raise Skip(f"no analysis: {analysed.reason if analysed else 'ml did not run'}")
    async with ctx.resources.unit_of_work() as uow:
        repository = ValidationRepository(uow.session)
        row = await repository.analysis(input.subject_id)
        if row is None:
            raise PermanentError("the analysis is gone")
        around = await surroundings_of(
            repository, input.subject_id, domain=row.image_domain, weights=row.weights
        )
    analysis = _analysis(analysed.output, row)
    evidence = validated(analysis, around)
    way = await way_of(ctx.resources, analysis.domain, evidence)
    metrics.GATES.labels(way).inc()
    if way is Gate.REVIEW:
        await _ask_a_person(ctx, input.subject_id, row.id, evidence)
        return
    output = {"gate": way, "confidence": evidence.confidence, "review": "none"}
    async with ctx.commit(output) as tx:
        status = "approved" if way is Gate.PASS else "needs_review"
        await ValidationRepository(tx.session).store(row.id, evidence, status)


def _analysis(answer: dict[str, Any], row: Row[Any]) -> Analysis:
    """The models' answer; picture by picture where the analysis kept its evidence."""
    condition, confidence = RoofCondition(answer["condition"]), float(answer["confidence"])
    seen = RoofEvidence.model_validate(row.evidence) if row.evidence else None
    given = seen.probabilities if seen else row.class_probabilities
    pictures = [picture for picture in seen.pictures if picture.probabilities] if seen else []
    return Analysis(
        condition=condition,
        confidence=confidence,
        chances={RoofCondition(name): float(chance) for name, chance in given.items()}
        if given
        else chances_of(condition, confidence),
        above=[p.probabilities for p in pictures if p.image_type is ImageType.SATELLITE and p.probabilities],
        street=[
            p.probabilities for p in pictures if p.image_type is ImageType.STREET_VIEW and p.probabilities
        ],
        familiar=bool(answer.get("familiar", True)),
        domain=ImageDomain(row.image_domain),
    )


async def _ask_a_person(
    ctx: StepContext, lead_id: UUID, analysis_id: UUID, evidence: ValidationEvidence
) -> None:
    settings = ctx.resources.settings
    async with ctx.park("review") as tx:
        await ValidationRepository(tx.session).store(analysis_id, evidence, "needs_review")
        await ReviewRepository(tx.session).open_task(
            {
                "lead": lead_id,
                "analysis": analysis_id,
                "workflow": ctx.workflow_id,
                "reasons": evidence.reasons,
                "days": settings.review_days,
                "wanted": 2 if wants_second_opinion(analysis_id, settings.double_review_share) else 1,
            }
        )
