"""Plans are sold where the supply of leads covers them; who comes too late waits, and is told in turn (G-56)."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.domain.notices import NoticeName
from services.marketplace.domain.plans import NAMES
from services.marketplace.domain.supply import (
    HELD_DAYS,
    Supply,
    SupplyView,
    WaitView,
    fits,
    forecast,
)
from services.marketplace.repository.locks import lock_contractor
from services.marketplace.repository.notices import NoticeRepository
from services.marketplace.repository.plans import PlanRepository
from services.marketplace.repository.supply import SupplyRepository
from services.marketplace.service.sessions import own_company, signed_in
from shared.db.rows import all_rows
from shared.errors import Conflict, NotFound
from shared.runtime import Resources
from shared.schemas.plan_enums import PlanCode
from shared.security.policy import Action, Actor

MINUTES_OF_A_DAY: Final = 24 * 60


class NoSupply(Conflict):
    """The leads of the buyer's cities do not cover this plan beside those that are sold already."""

    code = "no-supply"


class SupplyEnough(Conflict):
    """There is nothing to wait for: the plan can be begun, or the company has one."""

    code = "supply-enough"


async def claim(session: AsyncSession, contractor_id: UUID, leads: int) -> None:
    """Return if so many leads a month can be promised to the buyer; nobody else is promised any until the caller commits.

    The caller sees everybody's rows. NoSupply otherwise.
    """
    repository = SupplyRepository(session)
    supply, cities = await _locked(session, contractor_id)
    kept = await repository.wait_of(contractor_id)
    if kept is not None and kept.held_until is not None and kept.leads >= leads:
        return
    if not fits(supply.spare, leads, await repository.ahead(cities, contractor_id)):
        raise NoSupply(
            f"Your cities bring {supply.low} leads a month by our forecast and {supply.promised} are promised to others: "
            "this plan would not be filled. You can wait for it.",
            low=supply.low,
            promised=supply.promised,
        )


async def own(resources: Resources, actor: Actor) -> SupplyView:
    """What the cities of the actor's company hold, and which plans they cover."""
    contractor_id = own_company(actor, Action.SALE_REPORT)
    with all_rows():
        async with resources.unit_of_work() as uow:
            await signed_in(uow.session, actor)
            repository = SupplyRepository(uow.session)
            cities = await repository.cities(contractor_id)
            supply = await _look(repository, cities, contractor_id)
            ahead = await repository.ahead([city.id for city in cities], contractor_id)
            wait = await repository.wait_of(contractor_id)
            plans = await PlanRepository(uow.session).on_sale()
    kept = wait.leads if wait is not None and wait.held_until is not None else 0
    found = [PlanCode(row.code) for row in plans]
    leads = {PlanCode(row.code): row.included_leads for row in plans}
    return SupplyView(
        **supply.model_dump(),
        fits=[code for code in found if leads[code] <= kept or fits(supply.spare, leads[code], ahead)],
        wait=WaitView.model_validate(wait, from_attributes=True) if wait else None,
    )


async def wait(resources: Resources, actor: Actor, code: PlanCode) -> None:
    """Put the actor's company on the waiting list for a plan. SupplyEnough where there is nothing to wait for."""
    contractor_id = own_company(actor, Action.CONTRACTOR_UPDATE)
    with all_rows():
        async with resources.unit_of_work() as uow:
            await signed_in(uow.session, actor)
            await lock_contractor(uow.session, contractor_id)
            if await PlanRepository(uow.session).live(contractor_id) is not None:
                raise SupplyEnough("Your company has a plan, or a checkout is open.")
            plan = await _plan(uow.session, code)
            try:
                await claim(uow.session, contractor_id, plan.included_leads)
            except NoSupply:
                await SupplyRepository(uow.session).wait(contractor_id, code, plan.included_leads)
            else:
                raise SupplyEnough("There are enough leads for this plan: begin it now.")


async def leave(resources: Resources, actor: Actor) -> None:
    """Take the actor's company off the waiting list; NotFound where it is not on it."""
    contractor_id = own_company(actor, Action.CONTRACTOR_UPDATE)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        if not await SupplyRepository(uow.session).leave(contractor_id):
            raise NotFound("Your company waits for no plan.")


async def waiting(resources: Resources, actor: Actor) -> list[Any]:
    """Who waits for which plan, the oldest wish first."""
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        return list(await SupplyRepository(uow.session).waiting())


async def offer(resources: Resources) -> int:
    """Keep plans for those who wait and whose cities can fill them now, the oldest wish first; how many were told.

    A right that nobody used in time has lapsed.
    """
    async with resources.unit_of_work() as uow:
        await SupplyRepository(uow.session).forget_lapsed()
        waiting = await SupplyRepository(uow.session).waiting()
    return sum([await _offer_one(resources, row) for row in waiting])


async def _offer_one(resources: Resources, row: Row[Any]) -> bool:
    async with resources.unit_of_work() as uow:
        await lock_contractor(uow.session, row.contractor_id)
        supply, _ = await _locked(uow.session, row.contractor_id)
        repository = SupplyRepository(uow.session)
        wish = await repository.wait_of(row.contractor_id)
        if wish is None or wish.held_until is not None or not fits(supply.spare, wish.leads):
            return False
        await repository.hold(row.contractor_id, wish.code, wish.leads, HELD_DAYS * MINUTES_OF_A_DAY)
        words = f"Your cities can fill the plan {NAMES[PlanCode(wish.code)]} now. It is kept for you for {HELD_DAYS} days."
        await NoticeRepository(uow.session).leave(row.contractor_id, NoticeName.PLAN_OFFERED, words)
    return True


async def _locked(session: AsyncSession, contractor_id: UUID) -> tuple[Supply, list[UUID]]:
    """The supply of a buyer's cities, in which no plan is sold to anybody else until the caller commits."""
    repository = SupplyRepository(session)
    cities = await repository.cities(contractor_id)
    ids = [city.id for city in cities]
    await repository.lock(ids)
    return await _look(repository, cities, contractor_id), ids


async def _look(repository: SupplyRepository, cities: Any, contractor_id: UUID) -> Supply:
    ids = [city.id for city in cities]
    found = await repository.holdings(ids, contractor_id)
    return forecast(
        [city.name for city in cities],
        on_sale=found.on_sale,
        in_work=found.in_work,
        published=found.published,
        decided=found.decided,
        promised=await repository.promised(ids, contractor_id),
    )


async def _plan(session: AsyncSession, code: PlanCode) -> Row[Any]:
    return next(each for each in await PlanRepository(session).on_sale() if each.code == code)
