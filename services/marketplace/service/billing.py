"""What the processor says of plans: read as it stands now, applied once, reconciled where nobody told us."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.domain.ledger import period_end_postings, plan_paid_postings
from services.marketplace.domain.plans import leads_paid, unused_value
from services.marketplace.repository.locks import lock_contractor
from services.marketplace.repository.plans import PlanRepository
from services.marketplace.repository.sales import SaleRepository
from services.marketplace.service.early_news import take_kept
from shared.providers.payments.billing import Invoice, Subscription
from shared.runtime import Resources
from shared.telemetry.logging import get_logger

BATCH = 200

log = get_logger(__name__)


async def refresh(resources: Resources, subscription_ref: str) -> str:
    """Read a subscription and its invoices from the processor and apply them: applied, stale or foreign.

    Any order and number of calls leads to the processor's present state: an older answer never replaces a newer one,
    and an invoice pays once.
    """
    asked_at, billing = resources.clock(), resources.providers.billing
    found = await billing.subscription(subscription_ref)
    if found is None:
        return "foreign"
    invoices = await billing.invoices(subscription_ref)
    async with resources.unit_of_work() as uow:
        return await _apply(uow.session, found, invoices, asked_at)


async def _apply(
    session: AsyncSession, found: Subscription, invoices: Sequence[Invoice], asked_at: datetime
) -> str:
    repository = PlanRepository(session)
    ours = _uuid(found.reference)
    row = await repository.one(ours) if ours else None
    if row is None:
        return "foreign"
    await lock_contractor(session, row.contractor_id)
    state = {
        "status": found.status,
        "subscription_ref": found.id,
        "plan_id": _uuid(found.price_key),
        "period_end": found.period_end,
        "cancel": found.cancel_at_period_end,
        "asked_at": asked_at,
    }
    applied = await repository.apply(row.subscription_id, state)
    if applied:
        await repository.note_tier(row.contractor_id)
    if row.subscription_ref not in (None, found.id):
        log.error("second_subscription_of_a_checkout", subscription=found.id, known=row.subscription_ref)
        return "foreign"
    for invoice in invoices:
        if invoice.paid:
            await _paid(session, row, invoice)
    return "applied" if applied else "stale"


async def _paid(session: AsyncSession, row: Row[Any], invoice: Invoice) -> None:
    """Book a paid invoice and its leads, once, and what was told of its payment before."""
    if invoice.amount_cents <= 0:
        return
    if invoice.currency != "USD":
        log.error("invoice_in_another_currency", invoice=invoice.id, currency=invoice.currency)
        return
    repository = PlanRepository(session)
    named = _uuid(invoice.price_key)
    plan = (await repository.plan(named) if named else None) or row
    values = {
        "subscription_id": row.subscription_id,
        "contractor_id": row.contractor_id,
        "plan_id": plan.id,
        "invoice_ref": invoice.id,
        "payment_ref": invoice.payment_ref,
        "starts_at": invoice.starts,
        "ends_at": invoice.ends,
        "amount_cents": invoice.amount_cents,
        "leads": leads_paid(invoice.amount_cents, unit_cents=plan.unit_cents, included=plan.included_leads),
        "unit_cents": plan.unit_cents,
    }
    if await repository.add_period(values) is None:
        if await repository.note_payment(invoice.id, invoice.payment_ref):
            await take_kept(session, invoice.payment_ref)
        return
    await SaleRepository(session).post(
        plan_paid_postings(invoice.amount_cents, row.contractor_id),
        sale_id=None,
        payment_id=None,
        words=f"plan paid, invoice {invoice.id}",
    )
    await take_kept(session, invoice.payment_ref)


async def reconcile(resources: Resources) -> dict[str, int]:
    """Ask the processor about every subscription in doubt, then close what has ended; counts by outcome."""
    async with resources.unit_of_work() as uow:
        doubtful = await PlanRepository(uow.session).doubtful(BATCH)
    outcomes: dict[str, int] = {}
    for row in doubtful:
        try:
            outcome = await _settle_doubt(resources, row)
        except Exception as error:  # noqa: BLE001 - reported; one subscription must not keep the others in doubt
            log.warning(
                "plan_not_settled", subscription_id=str(row.subscription_id), error=type(error).__name__
            )
            outcome = "failed"
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    outcomes["closed"] = await close_ended(resources)
    return outcomes


async def _settle_doubt(resources: Resources, row: Row[Any]) -> str:
    if row.subscription_ref:
        return await refresh(resources, row.subscription_ref)
    if row.checkout_ref:
        page = await resources.providers.billing.read_checkout(row.checkout_ref)
        if page is not None and page.subscription:
            return await refresh(resources, page.subscription)
        if page is not None and page.status == "open":
            return "waiting"
    elif row.checkout_until > row.now:
        return "waiting"  # its page was never shown; a new wish for the same plan opens it
    async with resources.unit_of_work() as uow:
        await PlanRepository(uow.session).expire_checkout(row.subscription_id)
    return "expired"


async def close_ended(resources: Resources) -> int:
    """Close paid periods that have ended: what was not used becomes credit. Returns how many."""
    async with resources.unit_of_work() as uow:
        ended = await PlanRepository(uow.session).ended(BATCH)
    closed = 0
    for period in ended:
        async with resources.unit_of_work() as uow:
            closed += await _close(uow.session, period.id, period.contractor_id)
    return closed


async def _close(session: AsyncSession, period_id: UUID, contractor_id: UUID) -> int:
    repository = PlanRepository(session)
    await lock_contractor(session, contractor_id)
    left = await repository.close(period_id)
    if left is None:
        return 0
    unused, rest = unused_value(
        left.leads, left.bought, unit_cents=left.unit_cents, amount_cents=left.amount_cents
    )
    postings = period_end_postings(unused, rest, contractor_id)
    if postings:
        await SaleRepository(session).post(
            postings, sale_id=None, payment_id=None, words=f"period ended, invoice {left.invoice_ref}"
        )
    return 1


def _uuid(text: str | None) -> UUID | None:
    """One of our ids as the processor hands it back; None for anything else."""
    try:
        return UUID(text or "")
    except ValueError:
        return None
