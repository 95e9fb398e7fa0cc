"""News of a payment that come before we have booked it: kept, and taken when it is.

The processor sends events in no order: a refund or a dispute may be told before the invoice that it is about was read.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.domain.cases import Dispute
from services.marketplace.repository.early_news import EarlyNewsRepository
from services.marketplace.service.cases import take_dispute
from services.marketplace.service.period_money import take_refund
from shared.runtime import Resources
from shared.schemas.plan_enums import PaymentNews
from shared.telemetry.logging import get_logger

KEPT_DAYS: Final = 30
"""Stripe sends an event for three days (its documentation of webhooks); an invoice not read long after never will be."""
MOST_RIPE: Final = 200

log = get_logger(__name__)


async def take_or_keep(
    session: AsyncSession, kind: PaymentNews, payment_ref: str, subject: dict[str, Any], occurred_at: datetime
) -> str:
    """Act on news of a payment, or keep them until it is booked: taken or kept."""
    if await _take(session, kind, payment_ref, subject):
        return "taken"
    repository = EarlyNewsRepository(session)
    await repository.lock(payment_ref)
    # Who booked the payment meanwhile held the lock and found no news: asked again, it is known now.
    if await _take(session, kind, payment_ref, subject):
        return "taken"
    await repository.keep(payment_ref, kind, subject, occurred_at)
    return "kept"


async def take_kept(session: AsyncSession, payment_ref: str | None) -> None:
    """Act on what was told of a payment before the caller booked it, in the caller's transaction."""
    if payment_ref is None:
        return
    repository = EarlyNewsRepository(session)
    await repository.lock(payment_ref)
    for news in sorted(await repository.take(payment_ref), key=lambda each: each.occurred_at):
        await _take(session, PaymentNews(news.kind), payment_ref, news.subject)


async def sweep(resources: Resources) -> int:
    """Act on kept news whose payment was booked by another way, and forget those of nobody's payment; returns the former."""
    for taken in range(MOST_RIPE):
        async with resources.unit_of_work() as uow:
            repository = EarlyNewsRepository(uow.session)
            news = await repository.take_one_ripe()
            if news is None:
                forgotten = await repository.forget(KEPT_DAYS)
                if forgotten:
                    log.warning("payment_news_of_nobody", count=forgotten)
                return taken
            await _take(uow.session, PaymentNews(news.kind), news.payment_ref, news.subject)
    return MOST_RIPE


async def _take(session: AsyncSession, kind: PaymentNews, payment_ref: str, subject: dict[str, Any]) -> bool:
    """Book a refund or open a case; False where the payment is not booked yet, or nobody's."""
    if kind is PaymentNews.REFUND:
        return await take_refund(session, payment_ref, int(subject["amount_refunded"]))
    return await take_dispute(session, Dispute.model_validate(subject))
