"""The operators' money page, read in one transaction so that its figures agree."""

from __future__ import annotations

from services.marketplace.domain.desk_money import DeskMoney
from services.marketplace.repository.money import MoneyRepository
from services.marketplace.service.sessions import signed_in
from shared.runtime import Resources
from shared.security.policy import Actor


async def desk_money(resources: Resources, actor: Actor) -> DeskMoney:
    """Balances, sales by state, payments of unknown fate, and stray refunds."""
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        repository = MoneyRepository(uow.session)
        accounts = await repository.accounts()
        found = {
            "accounts": accounts,
            "difference_cents": sum(row.balance_cents for row in accounts),
            "sales": await repository.sales(),
            "unknown": await repository.unknown(),
            "strays": await repository.strays(),
        }
    return DeskMoney.model_validate(found, from_attributes=True)
