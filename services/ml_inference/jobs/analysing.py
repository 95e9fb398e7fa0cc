"""The step that looks at a house's pictures."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from services.ml_inference import metrics
from services.ml_inference.domain.costs import CostEstimate, replacement_cost, roof_area_sqft
from services.ml_inference.models import ClassPrediction
from services.ml_inference.predicting import Picture
from services.ml_inference.repository import AnalysisRepository
from shared.compliance.loader import decide_image
from shared.errors import PermanentError, Skip
from shared.events.leads import MlInferenceCompleted
from shared.runtime import StepContext
from shared.schemas.enums import RoofMaterial, ViewAngle
from shared.schemas.workflow_inputs import PropertyInput


async def ml(ctx: StepContext, input: PropertyInput) -> None:
    """Analyse a roof's pictures, as far as their licences allow; the answer is calibrated and stored with its model."""
    ready = ctx.results.get("preprocess")
    if ready is None or not ready.done:
        raise Skip(f"no pictures to look at: {ready.reason if ready else 'preprocess did not run'}")
    async with ctx.resources.unit_of_work() as uow:
        repository = AnalysisRepository(uow.session)
        house = await repository.house(input.subject_id)
        rows = await repository.pictures(input.subject_id)
    if house is None:
        raise PermanentError(f"there is no lead {input.subject_id}")
    allowed = [row for row in rows if await _may_analyse(ctx, row.source)]
    if not allowed:
        raise Skip("no picture may be analysed under its licence" if rows else "no usable picture")
    began = time.perf_counter()
    prediction = await ctx.resources.own.predict(await _load(ctx, input.subject_id, allowed))
    seconds = time.perf_counter() - began
    if prediction is None:
        raise Skip("no picture shows the roof")
    await _store(ctx, input.subject_id, house, allowed, prediction, seconds)
    metrics.INFERENCE_SECONDS.observe(seconds)
    metrics.ANALYSES.labels(prediction.condition).inc()
    metrics.CONFIDENCE.observe(prediction.confidence)


async def _may_analyse(ctx: StepContext, source: str) -> bool:
    async with ctx.resources.unit_of_work() as uow:
        decision = await decide_image(uow.session, source, "ml", workflow_id=ctx.workflow_id)
    return decision.allow


async def _load(ctx: StepContext, lead_id: UUID, rows: Sequence[Row[Any]]) -> list[Picture]:
    own = ctx.resources.own
    pictures: list[Picture] = []
    for row in rows:
        key = f"images/{lead_id}/preprocessed/{row.image_type}_{row.view_angle}.jpg"
        body = await own.store.get(key)
        if body is None:
            raise PermanentError(f"the picture {key} is gone from the store")
        side = min(row.image_width or 1024, row.image_height or 1024)
        detail = float(row.gsd_m) if row.gsd_m is not None else own.street_detail_m
        pictures.append(Picture(ViewAngle(row.view_angle), body, detail, original_side=side))
    return pictures


async def _store(  # noqa: PLR0917 - one caller, all of it the answer
    ctx: StepContext,
    lead_id: UUID,
    house: Row[Any],
    rows: Sequence[Row[Any]],
    prediction: ClassPrediction,
    seconds: float,
) -> None:
    cost, answer = _cost(house), _answer(prediction, str(rows[0].image_domain))
    results = {
        **answer,
        "probabilities": _chances(prediction),
        "pictures": [str(row.id) for row in rows],
        "cost": cost.terms() if cost else None,
    }
    async with ctx.commit(answer) as tx:
        repository = AnalysisRepository(tx.session)
        await repository.store(
            lead_id, ctx.workflow_id, _analysis(prediction, house, cost, rows[0].image_domain)
        )
        await repository.store_run(
            lead_id,
            {
                "name": prediction.model.name,
                "version": prediction.model.version,
                "started_at": ctx.lease.started_at,
                "seconds": round(seconds),
                "confidence": round(prediction.confidence * 100, 2),
                "results": results,
            },
        )
        tx.publish(
            MlInferenceCompleted(
                base_lead_id=lead_id, condition=prediction.condition, confidence=answer["confidence"]
            )
        )


def _answer(prediction: ClassPrediction, domain: str) -> dict[str, Any]:
    """The step's output: what the gate and the score look at."""
    return {
        "condition": prediction.condition.value,
        "confidence": round(prediction.confidence, 4),
        "familiar": prediction.familiar,
        "agreement": prediction.agreement,
        "domain": domain,
    }


def _chances(prediction: ClassPrediction) -> dict[str, float]:
    return {condition.value: round(value, 4) for condition, value in prediction.probabilities.items()}


def _analysis(
    prediction: ClassPrediction, house: Row[Any], cost: CostEstimate | None, domain: str
) -> dict[str, Any]:
    """The row of roof_analysis."""
    return {
        "condition": prediction.condition,
        "score": round(prediction.confidence * 100, 2),
        "confidence": round(prediction.confidence, 4),
        "probabilities": _chances(prediction),
        "model": prediction.model.name,
        "version": prediction.model.version,
        "sha256": prediction.model.sha256,
        "domain": domain,
        "roof_sqft": cost.roof_sqft if cost else None,
        "cost_low": cost.low if cost else None,
        "cost_high": cost.high if cost else None,
        "age": house.roof_age_mid,
    }


def _cost(house: Row[Any]) -> CostEstimate | None:
    if not house.sqft:
        return None
    stories = float(house.stories) if house.stories else None
    return replacement_cost(
        roof_area_sqft(int(house.sqft), stories),
        material=RoofMaterial(house.roof_material) if house.roof_material else None,
        material_index=float(house.material_cost_index or 1),
        labour_index=float(house.labour_cost_index or 1),
        two_storeys=bool(stories and stories >= 2),
    )
