"""Stripe: payment intents, refunds and events. `{base}/v1/...`, bodies form-encoded, as the real one wants."""

from __future__ import annotations

import re
import time
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from shared.sandbox.vendors.stripe_desk import StripeDesk
from shared.sandbox.vendors.stripe_ledger import Ledger, Refusal, not_found

SEARCH_LAG_SECONDS = 60.0
"""Search is eventually consistent: what is younger is not found."""
CREATE_PARAMETERS = frozenset(
    {
        "amount",
        "application_fee_amount",
        "automatic_payment_methods",
        "capture_method",
        "confirm",
        "confirmation_method",
        "currency",
        "customer",
        "description",
        "error_on_requires_action",
        "expand",
        "mandate",
        "mandate_data",
        "metadata",
        "off_session",
        "on_behalf_of",
        "payment_method",
        "payment_method_data",
        "payment_method_options",
        "payment_method_types",
        "radar_options",
        "receipt_email",
        "return_url",
        "setup_future_usage",
        "shipping",
        "statement_descriptor",
        "statement_descriptor_suffix",
        "transfer_data",
        "transfer_group",
        "use_stripe_sdk",
    }
)
CONFIRM_PARAMETERS = frozenset(
    {
        "capture_method",
        "client_secret",
        "error_on_requires_action",
        "expand",
        "mandate",
        "mandate_data",
        "off_session",
        "payment_method",
        "payment_method_data",
        "payment_method_options",
        "payment_method_types",
        "radar_options",
        "receipt_email",
        "return_url",
        "setup_future_usage",
        "shipping",
        "use_stripe_sdk",
    }
)
REFUND_PARAMETERS = frozenset(
    {
        "amount",
        "charge",
        "currency",
        "customer",
        "expand",
        "instructions_email",
        "metadata",
        "origin",
        "payment_intent",
        "reason",
        "refund_application_fee",
        "reverse_transfer",
    }
)
CANCEL_PARAMETERS = frozenset({"cancellation_reason", "expand"})
CAPTURE_PARAMETERS = frozenset({"amount_to_capture", "expand", "final_capture", "metadata"})
LIST_PARAMETERS = frozenset(
    {"limit", "starting_after", "ending_before", "customer", "created", "expand", "type", "types"}
)
_SEARCH = re.compile(r"metadata\[(['\"])(\w+)\1\]\s*:\s*(['\"])(.*?)\3")


def router(desk: StripeDesk) -> APIRouter:
    """Routes of the processor."""
    routes = APIRouter(prefix="/stripe/v1")
    routes.include_router(_reads(desk))
    routes.include_router(_writes(desk))
    return routes


def _reads(desk: StripeDesk) -> APIRouter:
    """Lists and single objects."""
    routes, ledger = APIRouter(), desk.ledger

    @routes.get("/payment_intents")
    def list_intents(request: Request) -> Response:
        return desk.get(request, LIST_PARAMETERS, lambda query: page_of(ledger.newest_intents(), query))

    @routes.get("/payment_intents/search")
    def search(request: Request) -> Response:
        return desk.get(
            request, frozenset({"query", "limit", "page", "expand"}), lambda query: _search(ledger, query)
        )

    @routes.get("/payment_intents/{intent}")
    def retrieve(intent: str, request: Request) -> Response:
        return desk.get(request, frozenset({"client_secret", "expand"}), lambda _: ledger.intent(intent))

    @routes.get("/refunds/{refund_id}")
    def retrieve_refund(refund_id: str, request: Request) -> Response:
        return desk.get(
            request, frozenset({"expand"}), lambda _: ledger.found(ledger.refunds, "refund", refund_id)
        )

    @routes.get("/charges/{charge}")
    def retrieve_charge(charge: str, request: Request) -> Response:
        return desk.get(
            request, frozenset({"expand"}), lambda _: ledger.found(ledger.charges, "charge", charge)
        )

    @routes.get("/events")
    def list_events(request: Request) -> Response:
        return desk.get(request, LIST_PARAMETERS, lambda query: page_of(ledger.newest_events(), query))

    @routes.get("/events/{event}")
    def retrieve_event(event: str, request: Request) -> Response:
        return desk.get(request, frozenset({"expand"}), lambda _: ledger.found(ledger.events, "event", event))

    return routes


def _writes(desk: StripeDesk) -> APIRouter:
    """Everything that moves money."""
    routes, ledger = APIRouter(), desk.ledger

    @routes.post("/payment_intents")
    async def create(request: Request) -> Response:
        return await desk.post(request, CREATE_PARAMETERS, ledger.create)

    @routes.post("/payment_intents/{intent}/confirm")
    async def confirm(intent: str, request: Request) -> Response:
        return await desk.post(request, CONFIRM_PARAMETERS, lambda form: ledger.confirm(intent, form))

    @routes.post("/payment_intents/{intent}/cancel")
    async def cancel(intent: str, request: Request) -> Response:
        return await desk.post(request, CANCEL_PARAMETERS, lambda form: ledger.cancel(intent, form))

    @routes.post("/payment_intents/{intent}/capture")
    async def capture(intent: str, request: Request) -> Response:
        return await desk.post(request, CAPTURE_PARAMETERS, lambda form: ledger.capture(intent, form))

    @routes.post("/refunds")
    async def refund(request: Request) -> Response:
        return await desk.post(request, REFUND_PARAMETERS, ledger.refund)

    return routes


def page_of(things: list[dict[str, Any]], query: dict[str, Any]) -> dict[str, Any]:
    """One page, newest first."""
    limit = int(query.get("limit", 10))
    if not 1 <= limit <= 100:
        raise Refusal(
            400, "invalid_request_error", "Invalid integer: limit must be between 1 and 100", param="limit"
        )
    chosen = [thing for thing in things if _wanted(thing, query)]
    after = query.get("starting_after")
    if after is not None:
        place = next((n for n, thing in enumerate(chosen) if thing["id"] == after), None)
        if place is None:
            raise not_found("object", str(after), "starting_after")
        chosen = chosen[place + 1 :]
    return {"object": "list", "url": "/v1/list", "has_more": len(chosen) > limit, "data": chosen[:limit]}


def _wanted(thing: dict[str, Any], query: dict[str, Any]) -> bool:
    created = query.get("created", {})
    created = created if isinstance(created, dict) else {"gte": created, "lte": created}
    bounds = {"gte": int.__ge__, "gt": int.__gt__, "lte": int.__le__, "lt": int.__lt__}
    inside = all(
        bounds[name](int(thing["created"]), int(value)) for name, value in created.items() if name in bounds
    )
    kinds = [query["type"]] if "type" in query else list(query.get("types", []))
    return (
        inside
        and (not kinds or thing.get("type") in kinds)
        and ("customer" not in query or thing.get("customer") == query["customer"])
    )


def _search(ledger: Ledger, query: dict[str, Any]) -> dict[str, Any]:
    found = _SEARCH.findall(str(query.get("query", "")))
    if not found:
        raise Refusal(
            400, "invalid_request_error", "We were unable to parse your search query.", param="query"
        )
    ripe = time.time() - SEARCH_LAG_SECONDS
    hits = [
        intent
        for intent in ledger.newest_intents()
        if intent["created"] <= ripe
        and all(intent["metadata"].get(key) == value for _, key, _, value in found)
    ]
    return {"object": "search_result", "url": "/v1/payment_intents/search", "has_more": False, "data": hits}
