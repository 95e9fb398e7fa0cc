"""The enricher's step: find the owner's e-mail, verify it, keep it encrypted with its source and cost."""

from __future__ import annotations

from services.enricher import metrics, service
from services.enricher.domain.refusals import refusal_words
from services.enricher.service import Owner, Search
from shared.errors import ProviderError, Skip
from shared.events.leads import EnrichmentCompleted
from shared.providers.context import calling_for
from shared.runtime import StepContext
from shared.runtime.limits import spending_caps
from shared.schemas.workflow_inputs import PropertyInput


async def enrich_contact(ctx: StepContext, input: PropertyInput) -> None:
    """Find and verify the owner's e-mail once; skipped, with the reason, where that is not possible or not lawful.

    A vendor that is down or slow is asked again later; a spent budget, a refused key or nobody found ends the step.
    """
    if "contacts" in input.skip:
        raise Skip(input.skip["contacts"])
    owner = await service.load_owner(ctx.resources, input.subject_id)
    search = Search()
    caps = await spending_caps(ctx.resources, owner.lead)
    with calling_for("lead", owner.lead.id, caps=caps, workflow_id=ctx.workflow_id):
        try:
            await _ask(ctx, owner, search)
        except ProviderError as error:
            if error.retryable:
                raise
            search.refusal = refusal_words(error.provider, error.fields.get("reason"), error.detail)
    email = owner.cipher.decrypt_optional("owner_email", search.find.get("email"))
    if search.kept and email:
        await _keep(ctx, owner, search, email)
    else:
        await _end_without(ctx, owner, search)


async def _ask(ctx: StepContext, owner: Owner, search: Search) -> None:
    """Each vendor's answer is an effect: a step that runs again does not pay again."""
    request = {"lead": str(owner.lead.id)}
    search.find = await ctx.effect(
        "find_email",
        "email.find",
        request,
        lambda _: service.find(ctx.resources, owner),
        idempotent=True,
    )
    email = owner.cipher.decrypt_optional("owner_email", search.find["email"])
    if email:
        search.verdict = await ctx.effect(
            "verify_email",
            "email.verify",
            request,
            lambda _: service.verify(ctx.resources, email),
            idempotent=True,
        )


async def _keep(ctx: StepContext, owner: Owner, search: Search, email: str) -> None:
    async with ctx.commit({"found": True, "status": search.status, "cost_usd": str(search.cost)}) as tx:
        await service.store_contact(tx.session, ctx.resources, owner, search, email=email)
        if await service.store_search(tx.session, owner.lead.id, ctx.lease, search):
            tx.publish(EnrichmentCompleted(base_lead_id=owner.lead.id, email_found=True))
    metrics.CONTACTS.labels("verified" if search.status == "valid" else "found").inc()


async def _end_without(ctx: StepContext, owner: Owner, search: Search) -> None:
    """Keep what was searched and paid for, then skip the step with the reason."""
    async with ctx.resources.unit_of_work() as uow:
        if await service.store_search(uow.session, owner.lead.id, ctx.lease, search):
            uow.publish(EnrichmentCompleted(base_lead_id=owner.lead.id, email_found=False))
    metrics.CONTACTS.labels("refused" if search.refusal else "none").inc()
    raise Skip(search.why_empty)
