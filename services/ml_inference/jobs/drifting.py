"""The job that looks for drift."""

from __future__ import annotations

from services.ml_inference.repository import DriftRepository
from services.ml_inference.service import drift
from shared.runtime import StepContext
from shared.schemas.review_enums import DriftVerdict
from shared.schemas.workflow_inputs import JobInput


async def measure_drift(ctx: StepContext, input: JobInput) -> None:  # noqa: ARG001 - a scheduled job has no input
    """Keep how far every monitor lies from its reference today."""
    rows = await drift.measured(ctx.resources)
    async with ctx.commit() as tx:
        if rows:
            await DriftRepository(tx.session).add(rows)
        moved = [row["monitor"] for row in rows if row["verdict"] is DriftVerdict.DRIFTED]
        tx.output = {"measured": len(rows), "drifted": sorted(moved)}
