"""Steps of the plans: apply what Stripe says, and settle what nobody told us."""

from __future__ import annotations

from pydantic import BaseModel

from services.marketplace.service.billing import reconcile, refresh
from services.marketplace.service.cases import book_losses
from services.marketplace.service.early_news import sweep
from services.marketplace.service.supply import offer
from shared.runtime import StepContext
from shared.schemas.workflow_inputs import JobInput


class PlanEventInput(BaseModel):
    """A subscription that Stripe says has changed."""

    subscription_ref: str
    event_id: str


async def plan_event(ctx: StepContext, input: PlanEventInput) -> None:
    """Read the subscription and its invoices as they stand now and apply them."""
    outcome = await refresh(ctx.resources, input.subscription_ref)
    async with ctx.commit({"outcome": outcome}):
        pass


async def settle_plans(ctx: StepContext, _: JobInput) -> None:
    """Ask about plans in doubt, take what was told too early, book losses, close ended periods, offer what can be filled."""
    outcomes = await reconcile(ctx.resources)
    outcomes["early_news"] = await sweep(ctx.resources)
    outcomes["losses"] = await book_losses(ctx.resources)
    outcomes["offered"] = await offer(ctx.resources)
    async with ctx.commit(outcomes):
        pass
