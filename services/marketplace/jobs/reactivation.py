"""The step that hands one uploaded lead to its company's CRM, once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from services.marketplace import metrics
from services.marketplace.domain.reactivation import Target, retry_delay, target_of
from services.marketplace.repository.reactivation import ReactivationRepository
from shared.errors import (
    BudgetExceeded,
    InvalidInput,
    ProviderError,
    ProviderRateLimited,
    ProviderRejected,
    Retry,
    Skip,
)
from shared.providers.context import calling_for
from shared.providers.crm import Crm, CrmPerson
from shared.runtime import Resources, StepContext
from shared.security.subject_keys import SubjectErased, SubjectKeys

TAGS = ("roofing-reactivation",)
SUPPRESSED = "not sent: this person asked not to be contacted"
CONFLICTED = "not sent: phone and e-mail belong to several contacts; an operator chooses"


class ReactivationInput(BaseModel):
    """A lead, and the contact that an operator says it is."""

    subject_id: UUID
    contact_id: str | None = None


@dataclass(frozen=True, slots=True)
class Handover:
    """A lead on its way: the person opened, and the location it goes to."""

    lead_id: UUID
    company_id: UUID
    person: CrmPerson
    crm: Crm
    chosen: str | None


async def reactivate_lead(ctx: StepContext, input: ReactivationInput) -> None:
    """Find the lead's contact, create or update it, and tag it; tried again after 1, 2 and 4 seconds."""
    try:
        handover = await _opened(ctx, input)
        if handover is None:
            await _end(ctx, input.subject_id, "failed", error=SUPPRESSED)
            return
        with calling_for("reactivation_lead", handover.lead_id):
            target = await _target(handover)
            if target.conflict:
                await _queue_conflict(ctx, handover, target)
                return
            contact_id = await _handed_over(ctx, handover)
    except (ProviderRateLimited, BudgetExceeded) as busy:
        # The vendor's pace, or ours, is no failure of this lead.
        raise Retry(float(busy.fields.get("retry_after", 60.0)), busy.detail, free=True) from busy
    except ProviderError as failed:
        delay = retry_delay(ctx.attempt) if failed.retryable else None
        if delay is not None:
            raise Retry(delay, failed.detail) from failed
        await _end(ctx, input.subject_id, "failed", error=_words(failed))
    except (InvalidInput, SubjectErased) as refused:
        await _end(ctx, input.subject_id, "failed", error=refused.detail)
    else:
        await _end(ctx, input.subject_id, "success", contact_id=contact_id)


async def _opened(ctx: StepContext, input: ReactivationInput) -> Handover | None:
    """The lead, noted as in work; None where the person must not be contacted."""
    resources: Resources = ctx.resources
    async with resources.unit_of_work() as uow:
        repository = ReactivationRepository(uow.session)
        lead = await repository.begin(
            input.subject_id, worker_id=ctx.lease.worker, attempt_count=ctx.attempt - 1
        )
        if lead is None:
            raise Skip("the lead is handed over already, or gone")
        if await repository.suppressed([key for key in (lead.phone_hash, lead.email_hash) if key]):
            return None
        cipher = await SubjectKeys(uow.session, resources.keys).load(lead.subject_id)
    person = CrmPerson(
        name=cipher.decrypt("name", lead.name),
        phone=cipher.decrypt("phone", lead.phone),
        email=cipher.decrypt_optional("email", lead.email),
        source=lead.company_name,
    )
    crm = resources.providers.crm(lead.ghl_location_id)
    return Handover(lead.id, lead.company_id, person, crm, input.contact_id)


async def _target(handover: Handover) -> Target:
    """The contact that the person is at this moment, or the one that an operator chose."""
    if handover.chosen is not None:
        return Target((handover.chosen,))
    crm, person = handover.crm, handover.person
    by_phone = await crm.find("phone", person.phone)
    by_email = await crm.find("email", person.email) if person.email else ()
    return target_of(by_phone, by_email)


async def _handed_over(ctx: StepContext, handover: Handover) -> str:
    """The contact's id; writing and tagging are an effect each, so that neither is done anew for the other."""

    async def write(_: str) -> dict[str, Any]:
        return {"id": await _written(handover)}

    async def tag(_: str) -> dict[str, Any]:
        await handover.crm.tag(contact["id"], TAGS)
        return {"id": contact["id"], "tags": list(TAGS)}

    request = {"lead_id": str(handover.lead_id)}
    contact = await ctx.effect("contact", "crm.contact", request, write, idempotent=True)
    await ctx.effect("tags", "crm.tags", {**request, "tags": list(TAGS)}, tag, idempotent=True)
    return str(contact["id"])


async def _written(handover: Handover) -> str:
    """Search again, then write: after a lost answer the search finds what the lost call made."""
    crm, person = handover.crm, handover.person
    if handover.chosen is not None:
        return await crm.rename(handover.chosen, person)
    target = await _target(handover)
    if target.contact_id is not None:
        return await crm.update(target.contact_id, person)
    try:
        return await crm.create(person)
    except ProviderRejected as refused:
        # A refused creation may have made the contact all the same (PITFALLS 17).
        made = await _target(handover) if refused.fields.get("status") == 422 else Target(())
        if made.contact_id is None:
            raise
        return made.contact_id


async def _queue_conflict(ctx: StepContext, handover: Handover, target: Target) -> None:
    async with ctx.commit({"outcome": "conflict"}) as tx:
        repository = ReactivationRepository(tx.session)
        await repository.finish(handover.lead_id, "failed", error=CONFLICTED)
        await repository.add_conflict(handover.lead_id, handover.company_id, target.contact_ids)
    metrics.REACTIVATED.labels("conflict").inc()


async def _end(
    ctx: StepContext, lead_id: UUID, status: str, *, contact_id: str | None = None, error: str | None = None
) -> None:
    async with ctx.commit({"outcome": status, "contact": contact_id}) as tx:
        await ReactivationRepository(tx.session).finish(lead_id, status, contact_id=contact_id, error=error)
    metrics.REACTIVATED.labels(status).inc()


def _words(failed: ProviderError) -> str:
    if failed.fields.get("reason") == "auth":
        return "HighLevel refused our key for this location: check GHL_API_KEY and ghl_location_id"
    return failed.detail
