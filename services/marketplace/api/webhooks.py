"""Webhooks that reach the marketplace: Stripe and Twilio."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from services.marketplace.service import text_webhooks, webhooks
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


@router.post("/twilio", response_class=Response, responses={200: {"content": {"text/xml": {}}}})
@public_route("signed webhook")
async def twilio(request: Request, resources: ResourcesDep) -> Response:
    """Take a text that came in, or what became of one of ours: verified over our own address, acted on at once."""
    signature = request.headers.get("x-twilio-signature")
    answer = await text_webhooks.take(resources, request.url.query, await request.body(), signature)
    return Response(answer, media_type="text/xml")
