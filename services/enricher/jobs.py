"""The enricher's step: find the owner's e-mail, verify it, keep it encrypted with its source and cost."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import Row

from services.enricher import metrics
from services.enricher.domain.confidence import confidence_of, is_kept
from services.enricher.repository import ContactRepository
from shared.errors import BudgetExceeded, PermanentError, Skip
from shared.events.leads import EnrichmentCompleted
from shared.providers.context import calling_for
from shared.providers.email_finder import Person, PersonOptedOut, find_email
from shared.runtime import StepContext
from shared.security.fields import SubjectCipher
from shared.security.subject_keys import SubjectErased, SubjectKeys


class PropertyInput(BaseModel):
    """What every property step is started with."""

    subject_id: UUID
    skip: dict[str, str] = {}


async def enrich_contact(ctx: StepContext, input: PropertyInput) -> None:
    """Find and verify the owner's e-mail once; skipped, with the reason, where that is not possible or not lawful."""
    if "contacts" in input.skip:
        raise Skip(input.skip["contacts"])
    lead, cipher = await _owner(ctx, input.subject_id)
    name = cipher.decrypt("owner_name", lead.owner_name)
    # Finders want a name and where it belongs; for a homeowner that is the household's address.
    household = f"{lead.address}, {lead.city}, {lead.state}"
    caps = {
        f"lead:{lead.id}": ctx.resources.settings.lead_cap_usd,
        f"city:{lead.city_id}:{lead.today}": ctx.resources.settings.city_daily_cap_usd,
    }
    with calling_for("lead", lead.id, caps=caps):
        found = await ctx.effect(
            "find_email",
            "email.find",
            {"lead": str(lead.id)},
            lambda _: _find(ctx, cipher, Person(name, company=household)),
            idempotent=True,
        )
        verdict: dict[str, Any] = {"status": "none", "cost": 0}
        email = cipher.decrypt_optional("owner_email", found["email"])
        if email:
            verdict = await ctx.effect(
                "verify_email",
                "email.verify",
                {"lead": str(lead.id)},
                lambda _: _verify(ctx, email),
                idempotent=True,
            )
    await _store(ctx, lead, found, verdict, email=email)


async def _owner(ctx: StepContext, lead_id: UUID) -> tuple[Row[Any], SubjectCipher]:
    async with ctx.resources.unit_of_work() as uow:
        lead = await ContactRepository(uow.session).lead(lead_id)
        if lead is None:
            raise PermanentError(f"there is no lead {lead_id}")
        if lead.owner_name is None or lead.subject_id is None:
            raise Skip("the owner is not known, or may not be used")
        if lead.owner_is_company:
            raise Skip("the owner is a company")
        try:
            cipher = await SubjectKeys(uow.session, ctx.resources.keys).load(lead.subject_id)
        except SubjectErased as erased:
            raise Skip("the owner was erased") from erased
    return lead, cipher


async def _find(ctx: StepContext, cipher: SubjectCipher, person: Person) -> dict[str, Any]:
    """The waterfall's result sealed; a search that failed everywhere is tried again later."""
    providers = ctx.resources.providers
    try:
        tries = await find_email(providers.email_finders, person)
    except PersonOptedOut as refused:
        raise Skip("the person asked not to be looked for") from refused
    found = tries[-1].found if tries else None
    failures = [t.failure for t in tries if t.failure]
    if found is None and failures and len(failures) == len(tries):
        raise BudgetExceeded("every finder failed: " + ", ".join(failures))
    answered = sum(1 for t in tries if t.failure is None)
    return {
        "email": cipher.encrypt("owner_email", found.email) if found else None,
        "confidence": found.confidence if found else 0,
        "provider": found.provider if found else None,
        "tried": [t.provider for t in tries],
        "calls": len(tries),
        "cost": str(
            providers.settings.hunter_find_cost_usd * (1 if found else 0) if answered else Decimal(0)
        ),
    }


async def _verify(ctx: StepContext, email: str) -> dict[str, Any]:
    providers = ctx.resources.providers
    verification = await providers.email_verifier.verify(email)
    facts = {k: v for k, v in asdict(verification).items() if k in ("detail", "provider")}
    return {
        **facts,
        "status": verification.status.value,
        "cost": str(providers.settings.zerobounce_verify_cost_usd),
    }


async def _store(
    ctx: StepContext, lead: Row[Any], found: dict[str, Any], verdict: dict[str, Any], *, email: str | None
) -> None:
    cost = Decimal(str(found["cost"])) + Decimal(str(verdict["cost"]))
    kept = email is not None and is_kept(verdict["status"])
    confidence = confidence_of(found["confidence"], verdict["status"]) if kept else None
    async with ctx.commit({"found": kept, "status": verdict["status"], "cost_usd": str(cost)}) as tx:
        repository = ContactRepository(tx.session)
        if kept and email is not None:
            await repository.store_email(
                lead.id,
                {
                    "email": found["email"],
                    "hash": ctx.resources.keys.blind_index(email, "email"),
                    "confidence": confidence,
                    "source": found["provider"],
                    "verified": verdict["status"] == "valid",
                    "cost": cost,
                },
            )
            await repository.store_provenance(
                lead.id, found["provider"], f"{found['provider']}_terms", (confidence or 0) / 100
            )
        else:
            await repository.store_cost(lead.id, cost)
        await repository.store_job(
            lead.id,
            ctx.workflow_id,
            {
                "started_at": ctx.lease.started_at,
                "found": kept,
                "confidence": confidence,
                "cost": cost,
                "calls": found["calls"] + (1 if found["email"] else 0),
                "tried": found["tried"],
                "source": found["provider"] if kept else None,
                "data": {"verification": verdict["status"]},
            },
        )
        tx.publish(EnrichmentCompleted(base_lead_id=lead.id, email_found=kept))
    metrics.CONTACTS.labels("verified" if verdict["status"] == "valid" else "found" if kept else "none").inc()
