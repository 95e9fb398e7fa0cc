"""California's deletion list, every night: taken when due, held against everybody, answered; and what decisions owe."""

from __future__ import annotations

from services.marketplace.service import drop
from shared.runtime import StepContext
from shared.schemas.workflow_inputs import JobInput


async def take_drop(ctx: StepContext, _: JobInput) -> None:
    """Take the list where the newest is 30 days old; a file that is not whole changes nothing."""
    taken = await drop.take_list(ctx.resources)
    async with ctx.commit(taken):
        pass


async def match_drop(ctx: StepContext, _: JobInput) -> None:
    """Hold everybody we hold against the list; erasures begin for whom it means, once."""
    found = await drop.match_everybody(ctx.resources)
    async with ctx.commit(found):
        pass


async def report_drop(ctx: StepContext, _: JobInput) -> None:
    """Tell the agency of requests that have ended."""
    told = await drop.report_ended(ctx.resources)
    async with ctx.commit(told):
        pass


async def queue_erasures(ctx: StepContext, _: JobInput) -> None:
    """Begin the erasures that decisions on sales asked for."""
    begun = await drop.queue_owed(ctx.resources)
    async with ctx.commit(begun):
        pass
