"""The guarantee: where a buyer stands, and the settlement of a period, booked once."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.domain import guarantee
from services.marketplace.domain.guarantee import Facts, PeriodView, Settlement, Standing
from services.marketplace.domain.ledger import guarantee_postings
from services.marketplace.repository.guarantee import GuaranteeRepository
from services.marketplace.repository.locks import lock_contractor
from services.marketplace.repository.sales import SaleRepository
from services.marketplace.service.sessions import signed_in
from shared.errors import Conflict, NotAllowed, NotFound
from shared.runtime import Resources
from shared.security import audit
from shared.security.policy import Action, Actor, visible_contractor


class NotDue(Conflict):
    """This period cannot be settled yet."""

    code = "guarantee-not-due"


async def own_standing(resources: Resources, actor: Actor) -> list[PeriodView]:
    """Every period of the actor's company in which it bought a lead, oldest first, with every term."""
    contractor_id = visible_contractor(actor, Action.SALE_REPORT)
    if contractor_id is None:
        raise NotAllowed("Only a contractor has a guarantee.")
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        rows = await GuaranteeRepository(uow.session).periods(contractor_id)
    return [_view(row) for row in rows]


async def settle(resources: Resources, actor: Actor, contractor_id: UUID, period: int) -> Settlement:
    """Settle a due period and book its credit; once more returns what was settled.

    Raises NotFound for a contractor or a period without leads, NotDue.
    """
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        repository = GuaranteeRepository(uow.session)
        if not await lock_contractor(uow.session, contractor_id):
            raise NotFound("There is no such contractor.")
        if await repository.settlement(contractor_id, period) is None:
            await _settle(uow.session, actor, contractor_id, period)
        row = await repository.settlement(contractor_id, period)
    return Settlement.model_validate(row, from_attributes=True)


async def _settle(session: AsyncSession, actor: Actor, contractor_id: UUID, period: int) -> None:
    repository = GuaranteeRepository(session)
    found = {row.period: row for row in await repository.periods(contractor_id)}
    if period not in found:
        raise NotFound(f"This contractor bought no lead in period {period}.")
    facts, view = _facts(found[period]), _view(found[period])
    if view.standing is not Standing.DUE:
        raise NotDue(
            f"Period {period} is {view.standing}; it is due at {view.due_at.isoformat()} without an open return.",
            open_returns=facts.open_returns,
        )
    counts = {name: getattr(facts, name) for name in ("leads", "tried", "ended", "won", "spent_cents")}
    owner = {"contractor_id": contractor_id, "period": period, "user_id": actor.user_id}
    await repository.insert({**counts, **owner, "credit_cents": view.credit_cents})
    if view.credit_cents:
        await SaleRepository(session).post(
            guarantee_postings(view.credit_cents, contractor_id),
            sale_id=None,
            payment_id=None,
            words=f"guarantee, period {period}",
        )
    await audit.record(
        session,
        actor,
        "guarantee.settle",
        service="marketplace",
        object_type="contractor",
        object_id=contractor_id,
        details={"period": period, "credit_cents": view.credit_cents},
    )


def _facts(row: Row[Any]) -> Facts:
    return Facts(row.leads, row.tried, row.ended, row.won, row.spent_cents, row.open_returns)


def _view(row: Row[Any]) -> PeriodView:
    facts, settled = _facts(row), row.settled_at is not None
    starts, ends, due = guarantee.bounds(row.first, row.period)
    return PeriodView(
        period=row.period,
        starts_at=starts,
        ends_at=ends,
        due_at=due,
        standing=guarantee.standing(
            row.first, row.period, row.now, open_returns=facts.open_returns, settled=settled
        ),
        terms=guarantee.terms(facts),
        won=facts.won,
        jobs_promised=guarantee.jobs_promised(facts.leads),
        spent_cents=facts.spent_cents,
        cap_cents=guarantee.cap_cents(facts),
        credit_cents=row.settled_cents if settled else guarantee.credit_cents(facts),
        settled_at=row.settled_at,
    )
