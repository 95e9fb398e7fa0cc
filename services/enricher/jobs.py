"""The enricher's step: vendor after vendor until an address is verified, kept sealed with its source and cost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from services.enricher import metrics, service
from services.enricher.domain.refusals import refusal_words
from services.enricher.domain.search import Found, Search
from services.enricher.domain.waterfall import is_open, well_formed
from services.enricher.service import Owner
from shared.errors import PolicyViolation, ProviderError, Skip
from shared.events.leads import EnrichmentCompleted
from shared.providers.context import calling_for
from shared.providers.email_finder import OPTED_OUT
from shared.runtime import StepContext
from shared.runtime.limits import spending_caps
from shared.schemas.workflow_inputs import PropertyInput


async def enrich_contact(ctx: StepContext, input: PropertyInput) -> None:
    """Find and verify the owner's e-mail once; skipped, with the reason, where that is not possible or not lawful.

    A vendor that is down or slow passes the question on and is asked again later where nobody else could answer;
    a spent budget, a refused key or nobody found ends the step.
    """
    if "contacts" in input.skip:
        raise Skip(input.skip["contacts"])
    owner = await service.load_owner(ctx.resources, input.subject_id)
    search, asking = Search(), _Asking(ctx, owner)
    caps = await spending_caps(ctx.resources, owner.lead)
    with calling_for("lead", owner.lead.id, caps=caps, workflow_id=ctx.workflow_id):
        await _search(asking, owner, search)
    if search.best is not None:
        await _keep(ctx, owner, search, search.best)
    elif asking.waiting is not None and not search.opted_out:
        await service.store_cost(ctx.resources, owner.lead.id, search)
        raise asking.waiting
    else:
        await _end_without(ctx, owner, search)


class _Asking:
    """Asks vendors, each at most once over all attempts of the step, and keeps the first that may answer later."""

    def __init__(self, ctx: StepContext, owner: Owner) -> None:
        self.ctx, self.lead_id = ctx, owner.lead.id
        self.waiting: ProviderError | None = None

    async def ask(
        self, what: str, vendor: str, search: Search, call: Callable[[], Awaitable[dict[str, Any]]]
    ) -> dict[str, Any] | None:
        """The vendor's answer, from its effect where an earlier attempt has paid for it; None without one."""
        try:
            request = {"lead": str(self.lead_id), "vendor": vendor}
            return await self.ctx.effect(
                f"{what}:{vendor}", f"email.{what}", request, lambda _: call(), idempotent=True
            )
        except ProviderError as error:
            if error.retryable:
                self.waiting = self.waiting or error
            else:
                search.refusals.append(
                    refusal_words(error.provider, error.fields.get("reason"), error.detail)
                )
                search.opted_out |= error.fields.get("status") == OPTED_OUT
        except PolicyViolation as closed:
            search.passed_over[vendor] = closed.detail
        return None


async def _search(asking: _Asking, owner: Owner, search: Search) -> None:
    """The waterfall: finders in order, each address verified at once, to the first that is."""
    resources = asking.ctx.resources
    for finder in await service.waterfall(resources, owner, search):
        if search.verified or search.opted_out:
            return
        answer = await asking.ask("find", finder.name, search, lambda f=finder: service.find(f, owner))  # type: ignore[misc]
        if answer is None:
            continue
        search.found.append(Found(answer))
        if answer.get("refused"):
            search.refusals.append(answer["refused"])
        if answer.get("email"):
            await _verify(asking, owner, search, search.found[-1])


async def _verify(asking: _Asking, owner: Owner, search: Search, found: Found) -> None:
    """Ask verifiers until one can tell; an address of wrong form is told without asking."""
    email = owner.cipher.decrypt("owner_email", found.answer["email"])
    if not well_formed(email):
        found.verdicts.append(service.malformed())
        return
    for verifier in asking.ctx.resources.providers.email_verifiers:
        said = await asking.ask(
            f"verify:{found.answer['provider']}",
            verifier.name,
            search,
            lambda v=verifier: service.verify(v, email),  # type: ignore[misc]
        )
        if said is None:
            continue
        found.verdicts.append(said)
        if not is_open(found.status):
            return


async def _keep(ctx: StepContext, owner: Owner, search: Search, best: Found) -> None:
    email = owner.cipher.decrypt("owner_email", best.answer["email"])
    phone = await service.offerable_phone(ctx.resources, owner, search)
    async with ctx.commit({"found": True, "status": best.status, "cost_usd": str(search.cost)}) as tx:
        await service.store_contact(tx.session, ctx.resources, owner, search, best, email=email)
        if phone is not None:
            await service.store_phone(tx.session, owner, phone)
        if await service.store_search(tx.session, owner.lead.id, ctx.lease, search):
            tx.publish(EnrichmentCompleted(base_lead_id=owner.lead.id, email_found=True))
    metrics.CONTACTS.labels("verified" if best.status == "valid" else "found").inc()


async def _end_without(ctx: StepContext, owner: Owner, search: Search) -> None:
    """Keep what was searched and paid for, a phone too, then skip the step with the reason."""
    phone = await service.offerable_phone(ctx.resources, owner, search)
    async with ctx.resources.unit_of_work() as uow:
        if phone is not None:
            await service.store_phone(uow.session, owner, phone)
        if await service.store_search(uow.session, owner.lead.id, ctx.lease, search):
            uow.publish(EnrichmentCompleted(base_lead_id=owner.lead.id, email_found=False))
    metrics.CONTACTS.labels("refused" if search.refusal else "none").inc()
    raise Skip(search.why_empty)
