"""The job that lets a reviewed lead go on."""

from __future__ import annotations

from services.ml_inference.service import reviews
from shared.errors import Retry
from shared.runtime import StepContext
from shared.schemas.workflow_inputs import ReviewInput


async def settle_review(ctx: StepContext, input: ReviewInput) -> None:
    """Close a decided task once nobody can take a word back; one that was taken back stays in the queue."""
    async with ctx.commit() as tx:
        # Under the workflow's lock, which a word that comes meanwhile waits for.
        left = await reviews.seconds_to_settle(ctx.resources, tx.session, input.subject_id)
        if left:
            raise Retry(left, "the reviewer may still think again", free=True)
        tx.output = {"review": await reviews.settle(tx.session, input.subject_id)}
