"""The hourly look at territories: offers that ran out, holders that are idle, places to offer on."""

from __future__ import annotations

from services.marketplace.service.territories import watch
from shared.runtime import StepContext
from shared.schemas.workflow_inputs import JobInput


async def watch_territories(ctx: StepContext, _: JobInput) -> None:
    """Warn idle holders, end what ran out and offer it on; once more finds nothing left to do."""
    counted = await watch(ctx.resources)
    async with ctx.commit(dict(counted)):
        pass
