"""Promo codes: made and ended by operators, redeemed by a company's owner for credit."""

from __future__ import annotations

from uuid import UUID

from services.marketplace.domain.ledger import promo_postings
from services.marketplace.domain.promos import Fault, NewPromo, PromoView, fault_of
from services.marketplace.repository.locks import lock_contractor
from services.marketplace.repository.promos import PromoRepository
from services.marketplace.repository.sales import SaleRepository
from services.marketplace.service.sessions import own_company, signed_in
from shared.db.rows import all_rows
from shared.errors import Conflict, NotFound
from shared.runtime import Resources
from shared.security import audit
from shared.security.policy import Action, Actor

SHOWN = 200


class PromoRefused(Conflict):
    """The company cannot redeem this code; the words say why."""

    code = "promo-refused"


class PromoExists(Conflict):
    """There is a code of that name already, or its end is in the past."""

    code = "promo-exists"


async def all_promos(resources: Resources, actor: Actor) -> list[PromoView]:
    """The newest codes with how often each was redeemed."""
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        rows = await PromoRepository(uow.session).all(SHOWN)
    return [PromoView.model_validate(row, from_attributes=True) for row in rows]


async def add_promo(resources: Resources, actor: Actor, new: NewPromo) -> PromoView:
    """A new code; raises PromoExists."""
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        row = await PromoRepository(uow.session).add({**new.model_dump(), "user_id": actor.user_id})
        if row is None:
            raise PromoExists(f"There is a code {new.code} already, or its end is in the past.")
        details = new.model_dump(mode="json", exclude={"reason"})
        await audit.record(
            uow.session, actor, "promo.add", service="marketplace", object_type="promo", object_id=row.id,
            reason=new.reason, details=details,
        )  # fmt: skip
    return PromoView.model_validate(row, from_attributes=True)


async def end_promo(resources: Resources, actor: Actor, promo_id: UUID) -> PromoView:
    """End a code now; what was given for it stays."""
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        row = await PromoRepository(uow.session).end(promo_id)
        if row is None:
            raise NotFound("There is no such code.")
        await audit.record(
            uow.session, actor, "promo.end", service="marketplace", object_type="promo", object_id=promo_id
        )
    return PromoView.model_validate(row, from_attributes=True)


async def redeem(resources: Resources, actor: Actor, code: str) -> int:
    """Give the actor's company the credit of a code, once, and say how many cents; raises PromoRefused."""
    contractor_id = own_company(actor, Action.CONTRACTOR_UPDATE)
    with all_rows():  # how often a code was redeemed is a question about every company
        async with resources.unit_of_work() as uow:
            await signed_in(uow.session, actor)
            await lock_contractor(uow.session, contractor_id)
            repository = PromoRepository(uow.session)
            row = await repository.locked(code, contractor_id)
            if row is None:
                raise PromoRefused(Fault.OVER)
            fault = fault_of(
                live=row.live,
                redeemed=row.redeemed,
                left=row.left,
                new_buyers=row.new_buyers,
                bought=row.bought,
            )
            if fault is not None:
                raise PromoRefused(fault)
            whose = {"contractor_id": contractor_id, "user_id": actor.user_id}
            await repository.redeem({"promo_id": row.id, "credit_cents": row.credit_cents, **whose})
            await SaleRepository(uow.session).post(
                promo_postings(row.credit_cents, contractor_id),
                sale_id=None,
                payment_id=None,
                words=f"code {code}",
            )
            return int(row.credit_cents)
