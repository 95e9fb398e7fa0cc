"""The marketplace's steps of an erasure: find and shred, clear its own tables, keep the proof."""

from __future__ import annotations

from services.marketplace.repository.privacy import PrivacyRepository
from services.marketplace.service.privacy import shred
from shared.compliance.erasure import erase
from shared.errors import PermanentError
from shared.runtime import StepContext
from shared.schemas.workflow_inputs import ErasureInput


async def shred_person(ctx: StepContext, input: ErasureInput) -> None:
    """Suppress house and person for good, then destroy the keys of everything we hold of them."""
    async with ctx.commit() as tx:
        tx.output = await shred(tx, ctx.resources.keys, input.subject_id)


async def erase_sales(ctx: StepContext, input: ErasureInput) -> None:
    """Clear what the marketplace holds of them."""
    async with ctx.commit() as tx:
        tx.output = await erase(tx.session, "marketplace", input.subject_id)


async def prove_erasure(ctx: StepContext, input: ErasureInput) -> None:
    """End the request with the counts of rows that every service cleared."""
    async with ctx.commit() as tx:
        if not await PrivacyRepository(tx.session).close(input.subject_id, ctx.workflow_id):
            raise PermanentError(f"privacy request {input.subject_id} is not being erased")
