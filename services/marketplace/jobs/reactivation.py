"""The step that hands one uploaded lead to its company's CRM, once."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import Row

from services.marketplace import metrics
from services.marketplace.jobs.handover import Handover, Outcome, attempted, hand_over
from services.marketplace.repository.reactivation import ReactivationRepository
from shared.errors import Skip
from shared.providers.context import calling_for
from shared.providers.crm import CrmPerson
from shared.runtime import StepContext
from shared.security.subject_keys import SubjectKeys

TAGS = ("roofing-reactivation",)
SUPPRESSED = "not sent: this person asked not to be contacted"
CONFLICTED = "not sent: phone and e-mail belong to several contacts; an operator chooses"


class ReactivationInput(BaseModel):
    """A lead, and the contact that an operator says it is."""

    subject_id: UUID
    contact_id: str | None = None


async def reactivate_lead(ctx: StepContext, input: ReactivationInput) -> None:
    """Find the lead's contact, create or update it, and tag it; tried again after 1, 2 and 4 seconds."""
    lead = await _begun(ctx, input.subject_id)

    async def work() -> Outcome:
        handover = await _opened(ctx, lead, input.contact_id)
        if handover is None:
            return Outcome(error=SUPPRESSED)
        with calling_for("reactivation_lead", input.subject_id):
            return await hand_over(ctx, handover)

    outcome = await attempted(ctx, work)
    await _end(ctx, lead, outcome)


async def _begun(ctx: StepContext, lead_id: UUID) -> Row[Any]:
    """The lead, noted as in work."""
    async with ctx.resources.unit_of_work() as uow:
        repository = ReactivationRepository(uow.session)
        lead = await repository.begin(lead_id, worker_id=ctx.lease.worker, attempt_count=ctx.attempt - 1)
    if lead is None:
        raise Skip("the lead is handed over already, or gone")
    return lead


async def _opened(ctx: StepContext, lead: Row[Any], chosen: str | None) -> Handover | None:
    """The person behind the lead and where it goes; None where it must not be contacted."""
    async with ctx.resources.unit_of_work() as uow:
        hashes = [key for key in (lead.phone_hash, lead.email_hash) if key]
        if await ReactivationRepository(uow.session).suppressed(hashes):
            return None
        cipher = await SubjectKeys(uow.session, ctx.resources.keys).load(lead.subject_id)
    person = CrmPerson(
        name=cipher.decrypt("name", lead.name),
        phone=cipher.decrypt("phone", lead.phone),
        email=cipher.decrypt_optional("email", lead.email),
        source=lead.company_name,
    )
    crm = ctx.resources.providers.crm_at(lead.ghl_location_id)
    return Handover(lead.id, person, crm, TAGS, chosen)


async def _end(ctx: StepContext, lead: Row[Any], outcome: Outcome) -> None:
    """Write how the lead ended, together with its place in the queue of conflicts."""
    status = "success" if outcome.contact_id else "failed"
    error = CONFLICTED if outcome.contact_ids else outcome.error
    async with ctx.commit({"outcome": status, "contact": outcome.contact_id}) as tx:
        repository = ReactivationRepository(tx.session)
        await repository.finish(lead.id, status, contact_id=outcome.contact_id, error=error)
        if outcome.contact_ids:
            await repository.add_conflict(lead.id, lead.company_id, outcome.contact_ids)
    metrics.REACTIVATED.labels("conflict" if outcome.contact_ids else status).inc()
