"""What buyers made of their leads: one report at a time, in an order that can be."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.domain.outcomes import (
    OutcomeNotPossible,
    OutcomeView,
    Reported,
    check_details,
    check_next,
)
from services.marketplace.repository.outcomes import OutcomeRepository
from services.marketplace.repository.sales import SaleRepository
from services.marketplace.service.sessions import signed_in
from shared.errors import NotAllowed, NotFound
from shared.http.idempotency import Answer, answer_once
from shared.runtime import Resources
from shared.schemas.sale_enums import SaleOutcome
from shared.security.policy import Action, Actor, visible_contractor


async def report(
    resources: Resources, actor: Actor, sale_id: UUID, reported: Reported, *, key: str
) -> OutcomeView:
    """Keep what became of a bought lead; the same key returns the same report.

    Raises NotFound, InvalidInput, OutcomeNotPossible.
    """
    contractor_id = visible_contractor(actor, Action.SALE_REPORT)
    if contractor_id is None:
        raise NotAllowed("Only a contractor reports what became of a lead.")
    check_details(reported)
    said = {name: None if value is None else str(value) for name, value in asdict(reported).items()}
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        answer = await answer_once(
            uow.session,
            lambda: _keep(uow.session, actor.user_id, contractor_id, sale_id, reported),
            scope=f"outcome:{contractor_id}",
            key=key,
            request={"sale_id": str(sale_id), **said},
        )
        rows = await OutcomeRepository(uow.session).of_sale(sale_id, contractor_id)
    return next(_view(row) for row in rows if str(row.id) == answer.body["outcome_id"])


async def _keep(
    session: AsyncSession, user_id: UUID | None, contractor_id: UUID, sale_id: UUID, reported: Reported
) -> Answer:
    repository = OutcomeRepository(session)
    sale = await repository.sold(sale_id, contractor_id)
    if sale is None:
        raise NotFound("You bought no such lead.")
    if sale.status != "sold":
        raise OutcomeNotPossible("This lead was given back.")
    before = await repository.of_sale(sale_id, contractor_id)
    last = before[-1] if before else None
    check_next(
        reported,
        last=SaleOutcome(last.outcome) if last else None,
        last_at=last.happened_at if last else None,
        sold_at=sale.sold_at,
        now=sale.now,
    )
    owner = {"sale_id": sale_id, "contractor_id": contractor_id, "user_id": user_id}
    report_id = await repository.insert(owner | asdict(reported))
    await repository.sum_up(report_id)
    return Answer(201, {"outcome_id": str(report_id)})


async def history(resources: Resources, actor: Actor, sale_id: UUID) -> list[OutcomeView]:
    """Every report of a sale, oldest first; a foreign sale is NotFound like a missing one."""
    own = visible_contractor(actor, Action.SALE_READ)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        if await SaleRepository(uow.session).visible(sale_id, own) is None:
            raise NotFound("There is no such sale.")
        rows = await OutcomeRepository(uow.session).of_sale(sale_id, own)
    return [_view(row) for row in rows]


def _view(row: Any) -> OutcomeView:
    return OutcomeView.model_validate(row, from_attributes=True)
