"""Reminders of leads that nobody has tried."""

from __future__ import annotations

from services.marketplace.repository.notices import NoticeRepository
from shared.runtime import StepContext
from shared.schemas.workflow_inputs import JobInput


async def nudge_buyers(ctx: StepContext, _: JobInput) -> None:
    """Leave every due reminder, each once; once more finds none."""
    async with ctx.resources.unit_of_work() as uow:
        nudged = await NoticeRepository(uow.session).nudge(ctx.resources.clock())
    async with ctx.commit({"nudged": nudged}):
        pass
