"""What vendors tell us: verified, kept once, and acted on by a worker."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace import metrics
from services.marketplace.domain.cases import Dispute, read_dispute
from services.marketplace.repository.sales import SaleRepository
from services.marketplace.service.early_news import take_or_keep
from shared.db.rows import all_rows
from shared.errors import InvalidInput
from shared.runtime import Resources
from shared.schemas.plan_enums import PaymentNews
from shared.security.webhooks import WebhookRefused, verify_stripe
from shared.streams.inbox import take_once
from shared.telemetry.context import Trace, current_trace, trace_from, use_trace
from shared.workflow import start

PLAN_OBJECTS = ("subscription", "invoice", "checkout.session")
NO_NEWS = frozenset({"payment_intent.created", "charge.succeeded"})
"""Events of a payment that are followed by one of their own payment: what it became is asked for once, not three times."""


async def take_stripe_event(resources: Resources, body: bytes, signature: str | None) -> str:
    """Keep an event once and start its work: taken, duplicate, kept for a payment to come, or ignored as no news.

    Raises WebhookRefused unless Stripe signed exactly this body, InvalidInput when it holds no event.
    """
    try:
        verify_stripe(body, signature, resources.settings.webhook_secrets, now=resources.clock())
    except WebhookRefused:
        metrics.WEBHOOKS.labels("stripe", "refused").inc()
        raise
    with all_rows():
        outcome = await _take(resources, _event(body))
    metrics.WEBHOOKS.labels("stripe", outcome).inc()
    return outcome


def _event(body: bytes) -> dict[str, Any]:
    try:
        event = orjson.loads(body)
        readable = isinstance(event["id"], str) and isinstance(event["data"]["object"]["object"], str)
        _occurred_at(event)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, OverflowError, OSError) as error:
        raise InvalidInput("This is no Stripe event.") from error
    if not readable:
        raise InvalidInput("This is no Stripe event.")
    return dict(event)


def _occurred_at(event: dict[str, Any]) -> datetime:
    return datetime.fromtimestamp(int(event.get("created", 0)), UTC)


async def _take(resources: Resources, event: dict[str, Any]) -> str:
    """Store the event in the inbox and act on it in one transaction.

    Payments and plans start work, a dispute freezes its buyer, a plan's refund is booked.
    """
    if event.get("type") in NO_NEWS:
        return "ignored"
    occurred_at = _occurred_at(event)
    subject = event["data"]["object"]
    dispute = read_dispute(subject) if subject["object"] == "dispute" else None
    charge_id = subject.get("id") if subject["object"] == "payment_intent" else subject.get("payment_intent")
    async with resources.unit_of_work() as uow:
        if not await take_once(uow.session, "stripe", _event_key(event["id"]), occurred_at):
            return "duplicate"
        if dispute is not None:
            # At once and not by a worker: a buyer who takes the money back sees no further owner meanwhile.
            return await _take_dispute(uow.session, dispute, occurred_at)
        if subject["object"] in PLAN_OBJECTS:
            return await _take_plan(uow.session, subject, event["id"])
        if not isinstance(charge_id, str):
            return "ignored"
        if _plans_refund(subject):
            refunded = {"amount_refunded": subject["amount_refunded"]}
            return await take_or_keep(uow.session, PaymentNews.REFUND, charge_id, refunded, occurred_at)
        with use_trace(await _trace_of_sale(uow.session, subject)):
            await start(uow.session, "stripe_event", input={"charge_id": charge_id, "event_id": event["id"]})
    return "taken"


async def _take_dispute(session: AsyncSession, dispute: Dispute, occurred_at: datetime) -> str:
    if dispute.payment_intent is None:
        return "ignored"
    told = dispute.model_dump()
    return await take_or_keep(session, PaymentNews.DISPUTE, dispute.payment_intent, told, occurred_at)


def _plans_refund(subject: dict[str, Any]) -> bool:
    """Whether money of a charge went back that is no sale's, so that it can only be a plan's; a sale's names the sale."""
    refunded = subject.get("amount_refunded") if subject["object"] == "charge" else None
    return isinstance(refunded, int) and refunded > 0 and not (subject.get("metadata") or {}).get("sale_id")


async def _take_plan(session: AsyncSession, subject: dict[str, Any], event_id: str) -> str:
    """Start the work on a subscription: which event it was says nothing, the processor's present state all."""
    reference = subject.get("id") if subject["object"] == "subscription" else subject.get("subscription")
    if not isinstance(reference, str):
        return "ignored"
    await start(session, "plan_event", input={"subscription_ref": reference, "event_id": event_id})
    return "taken"


async def _trace_of_sale(session: AsyncSession, subject: dict[str, Any]) -> Trace:
    """The trace of the purchase that the payment belongs to; the request's own where there is none."""
    try:
        sale_id = UUID((subject.get("metadata") or {})["sale_id"])
    except (AttributeError, KeyError, TypeError, ValueError):
        return current_trace()
    row = await SaleRepository(session).trace(sale_id)
    if row is None:
        return current_trace()
    return trace_from({"traceparent": row.traceparent, "x-correlation-id": row.correlation_id})


def _event_key(event_id: str) -> UUID:
    """A vendor's event id as the uuid that the inbox keeps."""
    return UUID(bytes=hashlib.sha256(f"stripe:{event_id}".encode()).digest()[:16], version=5)
