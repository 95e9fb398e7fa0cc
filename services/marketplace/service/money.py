"""The operators' money page, read in one transaction so that its figures agree."""

from __future__ import annotations

from services.marketplace.domain.desk_money import COST_DAYS, DeskMoney
from services.marketplace.domain.ledger import CREDIT
from services.marketplace.repository.money import MoneyRepository
from services.marketplace.service.sessions import signed_in
from shared.runtime import Resources
from shared.security.policy import Actor


async def desk_money(resources: Resources, actor: Actor) -> DeskMoney:
    """Balances, sales by state, payments of unknown fate, stray refunds, and the cost of a lead by city."""
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        repository = MoneyRepository(uow.session)
        accounts = await repository.accounts(CREDIT)
        found = {
            "accounts": accounts,
            "difference_cents": sum(row.balance_cents for row in accounts),
            "sales": await repository.sales(),
            "unknown": await repository.unknown(),
            "strays": await repository.strays(),
            "costs": await repository.costs(COST_DAYS),
        }
    return DeskMoney.model_validate(found, from_attributes=True)
