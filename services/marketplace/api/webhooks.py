"""Webhooks that reach the marketplace: Stripe."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
from fastapi import APIRouter, Request

from services.marketplace import metrics
from services.marketplace.sale_jobs import event_key
from shared.errors import InvalidInput
from shared.http.auth import public_route
from shared.runtime import Resources, ResourcesDep
from shared.security.webhooks import WebhookRefused, verify_stripe
from shared.streams.inbox import take_once
from shared.workflow import start

router = APIRouter(prefix="/webhooks", tags=["webhooks"])


@router.post("/stripe")
@public_route("signed webhook")
async def stripe(request: Request, resources: ResourcesDep) -> dict[str, str]:
    """Take a Stripe event: verified over the raw body, kept once, acted on by a worker."""
    body = await request.body()
    try:
        verify_stripe(
            body,
            request.headers.get("stripe-signature"),
            resources.settings.webhook_secrets,
            now=resources.clock(),
        )
    except WebhookRefused:
        metrics.WEBHOOKS.labels("stripe", "refused").inc()
        raise
    outcome = await _take(resources, _event(body))
    metrics.WEBHOOKS.labels("stripe", outcome).inc()
    return {"status": outcome}


def _event(body: bytes) -> dict[str, Any]:
    try:
        event = orjson.loads(body)
        readable = isinstance(event["id"], str) and isinstance(event["data"]["object"]["object"], str)
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise InvalidInput("This is no Stripe event.") from error
    if not readable:
        raise InvalidInput("This is no Stripe event.")
    return dict(event)


async def _take(resources: Resources, event: dict[str, Any]) -> str:
    """Store the event in the inbox and, for a payment, start the work; both in one transaction."""
    occurred_at = datetime.fromtimestamp(int(event.get("created", 0)), UTC)
    subject = event["data"]["object"]
    charge_id = subject.get("id") if subject["object"] == "payment_intent" else subject.get("payment_intent")
    async with resources.unit_of_work() as uow:
        if not await take_once(uow.session, "stripe", event_key(event["id"]), occurred_at):
            return "duplicate"
        if not isinstance(charge_id, str):
            return "ignored"
        await start(uow.session, "stripe_event", input={"charge_id": charge_id, "event_id": event["id"]})
    return "taken"
