"""Aged leads grow older: the hourly job that moves them from bucket to bucket."""

from __future__ import annotations

from services.marketplace.service.aged_stock import assign_now
from shared.runtime import StepContext
from shared.schemas.workflow_inputs import JobInput


async def assign_aged(ctx: StepContext, _: JobInput) -> None:
    """Put every lead on sale in the bucket it has reached and take unsold items out of those they left."""
    async with ctx.resources.unit_of_work() as uow:
        moved = await assign_now(uow.session, await uow.database_now())
    async with ctx.commit(moved):
        pass
