"""Steps of the enricher: an owner's contact, the hourly round of leads in need, and where a city's houses lie."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Row

from services.enricher import metrics
from services.enricher.domain.search import Found, Search
from services.enricher.repository import ContactRepository
from services.enricher.repository.retention import RetentionRepository
from services.enricher.service import contacts, figures, owners, places
from services.enricher.service.asking import Asking
from services.enricher.service.owners import Owner
from shared.compliance.erasure import erase
from shared.errors import PolicyViolation, Skip
from shared.events.leads import EnrichmentCompleted
from shared.providers.context import calling_for
from shared.runtime import StepContext
from shared.runtime.limits import spending_caps
from shared.schemas.workflow_inputs import CityInput, EnrichInput, ErasureInput, JobInput, PropertyInput
from shared.workflow.catalogue import ENRICH_LEAD

FORGET_PAGE = 1000


async def enrich_contact(ctx: StepContext, input: PropertyInput) -> None:
    """Find and verify the owner's e-mail once; skipped, with the reason, where that is not possible or not lawful.

    A vendor that is down or slow passes the question on and is asked again later where nobody else could answer;
    a spent budget, a refused key or nobody found ends the step.
    """
    if "contacts" in input.skip:
        raise Skip(input.skip["contacts"])
    lead = await owners.load_lead(ctx.resources, input.subject_id)
    if lead.owner_email_verified:
        with calling_for("lead", lead.id, workflow_id=ctx.workflow_id):
            await places.validate_lead(ctx, lead)
        raise Skip("a verified address of the owner is known")
    search, asking = Search(), Asking(ctx.resources, ctx.effect, ctx.give_up_effects, str(lead.id))
    caps = await spending_caps(ctx.resources, lead)
    with calling_for("lead", lead.id, caps=caps, workflow_id=ctx.workflow_id):
        owner = await _owner(ctx, lead, asking, search)
        await contacts.search_email(asking, owner, search)
        phone = await contacts.offerable_phone(asking, owner, search)
        search.address = await places.validate_lead(ctx, owner.lead)
    if search.best is None and asking.waiting is not None and not search.opted_out:
        await contacts.store_cost(ctx.resources, input.subject_id, ctx.workflow_id, search)
        raise asking.waiting
    await asking.end()
    if search.best is not None:
        await _keep(ctx, lead.id, owner, search, best=search.best, phone=phone)
    else:
        await _end_without(ctx, lead.id, search, phone)


async def _owner(ctx: StepContext, lead: Row[Any], asking: Asking, search: Search) -> Owner:
    """The owner, looked up in the licensed records where the county names nobody; what that cost is kept."""
    if lead.owner_name is None and not lead.owner_is_company:
        await owners.look_up_owner(asking, lead, search)
    try:
        return await owners.load_owner(ctx.resources, lead.id)
    except Skip as nobody:
        if asking.waiting is not None:
            await contacts.store_cost(ctx.resources, lead.id, ctx.workflow_id, search)
            raise asking.waiting from None
        await asking.end()
        if search.records or search.passed_over:
            reasons = "; ".join(f"{name}: {why}" for name, why in search.passed_over.items())
            await _end_without(
                ctx, lead.id, search, None, why=reasons or "no record names an owner who may be asked for"
            )
        raise nobody from None


async def _keep(
    ctx: StepContext,
    lead_id: UUID,
    owner: Owner,
    search: Search,
    *,
    best: Found,
    phone: contacts.Phone | None,
) -> None:
    email = owner.cipher.decrypt("owner_email", best.answer["email"])
    async with ctx.commit({"found": True, "status": best.status, "cost_usd": str(search.cost)}) as tx:
        await contacts.store_contact(tx.session, ctx.resources, lead_id, search, best=best, email=email)
        if phone is not None:
            await contacts.store_phone(tx.session, lead_id, phone)
        if await contacts.store_search(tx.session, lead_id, ctx.lease, search):
            tx.publish(EnrichmentCompleted(base_lead_id=lead_id, email_found=True))
    metrics.CONTACTS.labels("verified" if best.status == "valid" else "found").inc()


async def _end_without(
    ctx: StepContext,
    lead_id: UUID,
    search: Search,
    phone: contacts.Phone | None,
    *,
    why: str | None = None,
) -> None:
    """Keep what was searched and paid for, a phone too, then skip the step with the reason."""
    async with ctx.resources.unit_of_work() as uow:
        if phone is not None:
            await contacts.store_phone(uow.session, lead_id, phone)
        if await contacts.store_search(uow.session, lead_id, ctx.lease, search):
            uow.publish(EnrichmentCompleted(base_lead_id=lead_id, email_found=False))
    metrics.CONTACTS.labels("refused" if search.refusal else "none").inc()
    raise Skip(why or search.why_empty)


async def enrich_leads(ctx: StepContext, input: EnrichInput) -> None:
    """Look for the owners of the leads named, else of the best that are in need, each in a workflow of its own."""
    settings, vendors = ctx.resources.settings, ctx.resources.providers.settings
    await figures.measure(ctx.resources)
    leads = input.lead_ids
    if not leads:
        async with ctx.resources.unit_of_work() as uow:
            leads = list(
                await ContactRepository(uow.session).in_need(
                    limit=settings.hourly_leads,
                    again_after_days=settings.search_again_days,
                    validating=vendors.can_ask(vendors.address_validator),
                )
            )
    await ctx.spawn_children(ENRICH_LEAD.kind, [(lead_id, {}) for lead_id in leads])
    await ctx.wait_for_children()


async def geocode(ctx: StepContext, input: CityInput) -> None:
    """Give points to the city's parcels and permits whose sources gave none, as far as matches are sure."""
    try:
        with calling_for("city", input.subject_id, workflow_id=ctx.workflow_id):
            counts = await places.geocode_city(ctx, input.subject_id)
    except PolicyViolation as closed:
        raise Skip(closed.detail) from closed
    async with ctx.commit() as tx:
        tx.output = {**counts, **await places.place_city(tx.session, input.subject_id)}


async def erase_contacts(ctx: StepContext, input: ErasureInput) -> None:
    """Clear what this service holds of the people whose keys a privacy request destroyed."""
    async with ctx.commit() as tx:
        tx.output = await erase(tx.session, "enricher", input.subject_id)


async def forget_contacts(ctx: StepContext, _: JobInput) -> None:
    """Clear the owners of leads whose keeping time is over, page by page, so that no lead is held for long."""
    forgotten, page = 0, FORGET_PAGE
    while page == FORGET_PAGE:
        async with ctx.resources.unit_of_work() as uow:
            page = await RetentionRepository(uow.session).forget_contacts(ctx.resources.clock(), FORGET_PAGE)
        forgotten += page
    async with ctx.commit({"forgotten": forgotten}):
        pass
