"""Webhooks that reach the marketplace: Stripe."""

from __future__ import annotations

from fastapi import APIRouter, Request

from services.marketplace.service import webhooks
from shared.http.auth import public_route
from shared.runtime import ResourcesDep

router = APIRouter(prefix="/webhooks", tags=["webhooks"])


@router.post("/stripe")
@public_route("signed webhook")
async def stripe(request: Request, resources: ResourcesDep) -> dict[str, str]:
    """Take a Stripe event: verified over the raw body, kept once, acted on by a worker."""
    body = await request.body()
    outcome = await webhooks.take_stripe_event(resources, body, request.headers.get("stripe-signature"))
    return {"status": outcome}
