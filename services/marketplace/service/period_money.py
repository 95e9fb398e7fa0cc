"""Money of a plan that does not stay: refunds, lost disputes, what they leave of a lead that is not bought or comes back.

Everything here waits for the contractor's lock, so that what is used and what went back are read of one moment.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.domain.ledger import (
    Posting,
    included_return_postings,
    plan_refund_postings,
    return_postings,
)
from services.marketplace.domain.plans import PeriodMoney, PeriodRefund, freed_by, paid_back_of, refund_of
from services.marketplace.repository.locks import lock_contractor
from services.marketplace.repository.plans import PlanRepository
from services.marketplace.repository.sales import SaleRepository


async def take_refund(session: AsyncSession, payment_ref: str, refunded_cents: int) -> bool:
    """Book what has gone back of a plan's payment, of which `refunded_cents` are gone by now; False where it is none.

    The processor tells the sum of all refunds each time, so that events may come twice, late or in any order.
    """
    repository = PlanRepository(session)
    contractor_id = await repository.paid_by(payment_ref)
    if contractor_id is None:
        return False
    await lock_contractor(session, contractor_id)
    period = await repository.period(payment_ref=payment_ref)
    if period is None:
        return False
    change = refund_of(refunded_cents - period.refunded_cents, _money(period))
    total = change.deferred_cents + change.revenue_cents
    if total:
        await _note(repository, period, change, refunded=total)
        await _post(session, period, change, f"plan refunded, invoice {period.invoice_ref}")
    return True


async def take_loss(session: AsyncSession, payment_ref: str, lost_cents: int, words: str) -> int:
    """Book what a bank took back of a plan's payment, as a refund is; returns the cents, no more than had stayed with us.

    The caller holds the contractor's lock and sees to it that a dispute comes here once.
    """
    repository = PlanRepository(session)
    period = await repository.period(payment_ref=payment_ref)
    if period is None:
        return 0
    change = refund_of(lost_cents, _money(period))
    total = change.deferred_cents + change.revenue_cents
    if total:
        await _note(repository, period, change, lost=total)
        await _post(session, period, change, words)
    return total


async def free_lead_of(session: AsyncSession, sale_id: UUID, contractor_id: UUID) -> None:
    """Take what a refund had left of a plan's lead because it was just being bought, now that it was not bought."""
    await lock_contractor(session, contractor_id)
    repository = PlanRepository(session)
    period = await repository.period(sale_id=sale_id)
    if period is None:
        return
    change = freed_by(_money(period))
    if change.deferred_cents:
        await _note(repository, period, change)
        await _post(session, period, change, f"refunded lead not bought, invoice {period.invoice_ref}")


async def credit_plan_lead(
    session: AsyncSession, sale_id: UUID, contractor_id: UUID, words: str
) -> tuple[int, bool]:
    """Book the return of a plan's lead: the cents that come back, and whether they do as a lead of the plan.

    What went back as money before is not credited again, so after a refund of all it is nothing.
    """
    repository = PlanRepository(session)
    period = await repository.period(sale_id=sale_id)
    if period is None:
        raise LookupError(f"sale {sale_id} is no lead of a plan")
    change = paid_back_of(_money(period))
    if change.deferred_cents:
        await _note(repository, period, change)
    cents = period.unit - change.deferred_cents
    owed = included_return_postings if period.is_open else return_postings
    postings = owed(cents, contractor_id) if cents else ()
    if postings:
        await SaleRepository(session).post(postings, sale_id=sale_id, payment_id=None, words=words)
    return cents, period.is_open


def _money(period: Row[Any]) -> PeriodMoney:
    return PeriodMoney(**{name: getattr(period, name) for name in PeriodMoney.__slots__})


async def _note(
    repository: PlanRepository, period: Row[Any], change: PeriodRefund, *, refunded: int = 0, lost: int = 0
) -> None:
    await repository.note_gone(
        period.id,
        refunded=period.refunded_cents + refunded,
        lost=period.lost_cents + lost,
        taken_back=period.taken_back + change.deferred_cents,
        leads=change.leads,
    )


async def _post(session: AsyncSession, period: Row[Any], change: PeriodRefund, words: str) -> None:
    postings: tuple[Posting, ...] = plan_refund_postings(
        change.deferred_cents, change.revenue_cents, period.contractor_id
    )
    await SaleRepository(session).post(postings, sale_id=None, payment_id=None, words=words)
