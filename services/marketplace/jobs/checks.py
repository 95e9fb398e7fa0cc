"""The nightly look at every buyer's checklist."""

from __future__ import annotations

from services.marketplace.service.checks import recheck_all
from shared.runtime import StepContext
from shared.schemas.workflow_inputs import JobInput


async def recheck_buyers(ctx: StepContext, _: JobInput) -> None:
    """Take the credentials of buyers whose checks have run out; once more finds nobody left."""
    counted = await recheck_all(ctx.resources)
    async with ctx.commit(dict(counted)):
        pass
