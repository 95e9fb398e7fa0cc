"""How a person is handed to a CRM: found, written and tagged once, at the source document's pace."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.marketplace.domain.reactivation import Target, retry_delay, target_of
from shared.errors import (
    BudgetExceeded,
    InvalidInput,
    ProviderError,
    ProviderRateLimited,
    ProviderRejected,
    Retry,
)
from shared.providers.crm import Crm, CrmPerson
from shared.runtime import StepContext
from shared.security.subject_keys import SubjectErased

LONG_WAIT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Handover:
    """A person on the way to a CRM; `chosen` is the contact that an operator says it is."""

    lead_id: UUID
    person: CrmPerson
    crm: Crm
    tags: tuple[str, ...]
    chosen: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a lead ended: as a contact, as an error, or as several contacts among which a person chooses."""

    contact_id: str | None = None
    error: str | None = None
    contact_ids: tuple[str, ...] = ()


async def attempted(ctx: StepContext, work: Callable[[], Awaitable[Outcome]]) -> Outcome:
    """The outcome of the work; Retry while another try may help, an error as outcome where none does."""
    try:
        return await work()
    except (ProviderRateLimited, BudgetExceeded) as busy:
        # The vendor's pace, or ours, is no failure of this lead.
        wait = float(busy.fields.get("retry_after", LONG_WAIT_SECONDS))
        raise Retry(wait, busy.detail, free=True) from busy
    except ProviderError as failed:
        delay = retry_delay(ctx.attempt) if failed.retryable else None
        if delay is not None:
            raise Retry(delay, failed.detail) from failed
        return Outcome(error=_words(failed))
    except (InvalidInput, SubjectErased) as refused:
        return Outcome(error=refused.detail)


async def hand_over(ctx: StepContext, handover: Handover) -> Outcome:
    """The person's contact, written and tagged; each is an effect, so that neither is done anew for the other."""
    target = await _target(handover)
    if target.conflict:
        return Outcome(contact_ids=target.contact_ids)

    async def write(_: str) -> dict[str, Any]:
        return {"id": await _written(handover)}

    async def tag(_: str) -> dict[str, Any]:
        await handover.crm.tag(contact["id"], handover.tags)
        return {"id": contact["id"], "tags": list(handover.tags)}

    request = {"lead_id": str(handover.lead_id)}
    contact = await ctx.effect("contact", "crm.contact", request, write, idempotent=True)
    await ctx.effect("tags", "crm.tags", {**request, "tags": list(handover.tags)}, tag, idempotent=True)
    return Outcome(contact_id=str(contact["id"]))


async def _target(handover: Handover) -> Target:
    """The contact that the person is at this moment, or the one that an operator chose."""
    if handover.chosen is not None:
        return Target((handover.chosen,))
    crm, person = handover.crm, handover.person
    by_phone = await crm.find("phone", person.phone) if person.phone else ()
    by_email = await crm.find("email", person.email) if person.email else ()
    return target_of(by_phone, by_email)


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


def _words(failed: ProviderError) -> str:
    if failed.fields.get("reason") == "auth":
        return "HighLevel refused our API key for this location: check the two"
    return failed.detail
