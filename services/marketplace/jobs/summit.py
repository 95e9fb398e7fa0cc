"""The step that hands one HVAC lead to Summit.AI, our own CRM."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import Row

from services.marketplace.jobs.handover import Handover, Outcome, attempted, hand_over
from services.marketplace.jobs.reactivation import SUPPRESSED
from services.marketplace.repository.reactivation import ReactivationRepository
from services.marketplace.repository.summit import SummitRepository
from shared.errors import Skip
from shared.providers.context import calling_for
from shared.providers.crm import CrmPerson
from shared.runtime import StepContext
from shared.schemas.text import parse_email, parse_phone
from shared.security.fields import SubjectCipher
from shared.security.subject_keys import SubjectKeys

TAGS = ("hvac-lead",)
UNKNOWN = "not sent: the permit tells no phone and no e-mail address"
CONFLICTED = "not sent: phone and e-mail are several contacts of Summit.AI; merge them there and sync again"


class HvacLeadInput(BaseModel):
    """An HVAC lead."""

    subject_id: UUID


async def sync_hvac_lead(ctx: StepContext, input: HvacLeadInput) -> None:
    """Find the owner's contact, create or update it, and tag it; tried again after 1, 2 and 4 seconds."""
    async with ctx.resources.unit_of_work() as uow:
        lead = await SummitRepository(uow.session).person(input.subject_id)
    if lead is None or lead.sync_status == "synced":
        raise Skip("the lead is handed over already, or is none any more")

    async def work() -> Outcome:
        if await _suppressed(ctx, lead):
            return Outcome(error=SUPPRESSED)
        person = await _person(ctx, lead)
        if person is None:
            return Outcome(error=UNKNOWN)
        with calling_for("hvac_lead", lead.id):
            return await hand_over(ctx, Handover(lead.id, person, ctx.resources.providers.summit, TAGS))

    outcome = await attempted(ctx, work)
    status = "conflict" if outcome.contact_ids else "synced" if outcome.contact_id else "failed"
    error = CONFLICTED if outcome.contact_ids else outcome.error
    async with ctx.commit({"outcome": status, "contact": outcome.contact_id}) as tx:
        repository = SummitRepository(tx.session)
        await repository.finish(lead.id, status, contact_id=outcome.contact_id, error=error)


async def _suppressed(ctx: StepContext, lead: Row[Any]) -> bool:
    hashes = [key for key in (lead.owner_phone_hash, lead.owner_email_hash) if key]
    async with ctx.resources.unit_of_work() as uow:
        return await ReactivationRepository(uow.session).suppressed(hashes)


async def _person(ctx: StepContext, lead: Row[Any]) -> CrmPerson | None:
    """The owner as the permit tells; None without a way to reach one."""
    if lead.subject_id is None:
        return None
    async with ctx.resources.unit_of_work() as uow:
        cipher = await SubjectKeys(uow.session, ctx.resources.keys).load(lead.subject_id)
    phone = _readable(cipher, "owner_phone", lead.owner_phone, parse_phone)
    email = _readable(cipher, "owner_email", lead.owner_email, parse_email)
    if phone is None and email is None:
        return None
    return CrmPerson(cipher.decrypt_optional("owner_name", lead.owner_name) or "Owner", phone, email)


def _readable(
    cipher: SubjectCipher, field: str, value: str | None, parse: Callable[[str], str]
) -> str | None:
    """A field of the permit in its one form; None where the county wrote something else into it."""
    given = cipher.decrypt_optional(field, value)
    try:
        return parse(given.strip()) if given else None
    except ValueError:
        return None
