"""Steps the orchestrator runs: a city's properties, expansion, the weekly report, housekeeping."""

from __future__ import annotations

from services.orchestrator.domain.expansion import ExpansionFacts, may_expand
from services.orchestrator.domain.skips import skipped_parts
from services.orchestrator.repository import CityRepository, SystemRepository
from services.orchestrator.service.cities import SERVICE, begin_activation
from shared.providers.source_choice import ASKED, PERMIT_KINDS
from shared.runtime import StepContext
from shared.schemas.workflow_inputs import CityInput, JobInput
from shared.security.policy import Actor, Role

EXPANSION = Actor(Role.SERVICE, "job expand_cities", service=SERVICE)

FORGET_BATCH = 5000


async def properties(ctx: StepContext, input: CityInput) -> None:
    """Start a property workflow for every prospect of the city, and wait until none needs a machine."""
    async with ctx.resources.unit_of_work() as uow:
        repository = CityRepository(uow.session)
        prospects = await repository.prospects_without_workflow(input.subject_id)
        await repository.set_status(input.subject_id, "active", active=True)
        city = await repository.one(input.subject_id)
    skip = skipped_parts(input.sources or (city.sources if city else None) or {})
    subjects = [(lead_id, {"city_id": str(input.subject_id), "skip": skip}) for lead_id in prospects]
    await ctx.spawn_children("property", subjects)
    await ctx.wait_for_children()


async def expand_cities(ctx: StepContext, _: JobInput) -> None:
    """Activate the next city when the expansion criteria hold; the reasons against it are the output."""
    resources = ctx.resources
    budget = await resources.flags.value("expansion.budget_usd", resources.settings.expansion_budget_usd)
    wanted = await resources.flags.value(
        "expansion.leads_per_month", resources.settings.expansion_leads_per_month
    )
    enabled = await resources.flags.enabled("city_expansion")
    async with ctx.commit() as tx:
        repository = CityRepository(tx.session)
        row = await repository.expansion_facts()
        facts = ExpansionFacts(
            row.tier_one_inactive, row.active_cities, row.leads, float(budget), int(wanted), enabled
        )
        expand, reasons = may_expand(facts)
        city = await repository.next_city(ASKED, sorted(PERMIT_KINDS)) if expand else None
        tx.output = {"activated": None, "reasons": reasons}
        if city is not None:
            await begin_activation(tx, EXPANSION, city)
            tx.output = {"activated": f"{city.city}, {city.state}", "reasons": []}


async def weekly_report(ctx: StepContext, input: JobInput) -> None:
    """Keep the week's numbers as a system event."""
    async with ctx.commit() as tx:
        repository = SystemRepository(tx.session)
        report = await repository.week()
        await repository.store_event("weekly_report", f"week {input.slot}", report)
        tx.output = report


async def housekeeping(ctx: StepContext, _: JobInput) -> None:
    """Make coming partitions, drop old ones, and forget what expired, each batch in a short transaction."""
    forgotten, last = 0, FORGET_BATCH
    while last >= FORGET_BATCH:
        async with ctx.resources.unit_of_work() as uow:
            last = await SystemRepository(uow.session).forget_expired(FORGET_BATCH)
        forgotten += last
    async with ctx.commit({"forgotten": forgotten}) as tx:
        await SystemRepository(tx.session).housekeeping()
