"""Stripe: payment intents, refunds and events with memory, idempotency keys and signed webhooks. `{base}/v1/...`."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from shared.sandbox.forms import FormError, parse_form
from shared.sandbox.state import Sandbox
from shared.sandbox.vendors.stripe_ledger import Ledger, Refusal, not_found, parameter_unknown
from shared.sandbox.webhooks import Delivery

API_VERSION = "2022-11-15"
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

Act = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(slots=True)
class _Kept:
    """First answer to an idempotency key; empty while it is being made."""

    fingerprint: str
    status: int = 0
    body: dict[str, Any] | None = None


def router(desk: StripeDesk) -> APIRouter:
    """Routes of the processor."""
    routes = APIRouter(prefix="/stripe/v1")
    ledger = desk.ledger

    @routes.post("/payment_intents")
    async def create(request: Request) -> Response:
        return await desk.post(request, CREATE_PARAMETERS, ledger.create)

    @routes.get("/payment_intents")
    def list_intents(request: Request) -> Response:
        return desk.get(request, LIST_PARAMETERS, lambda query: _page(ledger.newest_intents(), query))

    @routes.get("/payment_intents/search")
    def search(request: Request) -> Response:
        return desk.get(
            request, frozenset({"query", "limit", "page", "expand"}), lambda query: _search(ledger, query)
        )

    @routes.get("/payment_intents/{intent}")
    def retrieve(intent: str, request: Request) -> Response:
        return desk.get(request, frozenset({"client_secret", "expand"}), lambda _: ledger.intent(intent))

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
        return desk.get(request, LIST_PARAMETERS, lambda query: _page(ledger.newest_events(), query))

    @routes.get("/events/{event}")
    def retrieve_event(event: str, request: Request) -> Response:
        return desk.get(request, frozenset({"expand"}), lambda _: ledger.found(ledger.events, "event", event))

    return routes


class StripeDesk:
    """Checks keys, forms and idempotency before the ledger acts, and sends its events after."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.ledger = Ledger(self._announce)
        self.keys: dict[str, _Kept] = {}
        self.requests = 0
        self._idempotency_key = ""
        sandbox.on_reset(self._forget)

    def _forget(self) -> None:
        self.ledger.clear()
        self.keys.clear()

    def get(self, request: Request, known: frozenset[str], act: Act) -> Response:
        """Answer a read."""
        try:
            _check_key(request)
            query = parse_form(request.url.query.encode())
            _check_names(query, known)
            return self._answer(200, act(query))
        except (Refusal, FormError) as error:
            refusal = _as_refusal(error)
            return self._answer(refusal.status, refusal.body)

    async def post(self, request: Request, known: frozenset[str], act: Act) -> Response:
        """Answer a write; the same idempotency key gives the first answer again."""
        body = await request.body()
        key = request.headers.get("idempotency-key", "")
        fingerprint = hashlib.sha256(request.url.path.encode() + b"\n" + body).hexdigest()
        try:
            _check_key(request)
            _check_body(request, body)
            kept = self._kept(key, fingerprint)
            if kept is not None and kept.body is not None:
                return self._answer(kept.status, kept.body, replayed=True)
            form = parse_form(body)
            _check_names(form, known)
            return await self._execute(key, fingerprint, form, act)
        except (Refusal, FormError) as error:
            refusal = _as_refusal(error)
            return self._answer(refusal.status, refusal.body)

    def _kept(self, key: str, fingerprint: str) -> _Kept | None:
        kept = self.keys.get(key) if key else None
        if kept is None:
            return None
        if kept.fingerprint != fingerprint:
            raise Refusal(
                400,
                "idempotency_error",
                "Keys for idempotent requests can only be used with the same "
                "parameters they were first used with.",
            )
        if kept.body is None:
            raise Refusal(
                409,
                "idempotency_error",
                "There is currently another in-progress request using this Idempotent Key.",
                code="idempotency_key_in_use",
            )
        return kept

    async def _execute(self, key: str, fingerprint: str, form: dict[str, Any], act: Act) -> Response:
        """Act once; declines are kept under the key too, refusals of the form are not."""
        if key:
            self.keys[key] = _Kept(fingerprint)
        await asyncio.sleep(0)
        self._idempotency_key = key
        try:
            status, body = 200, act(form)
        except Refusal as refusal:
            if refusal.status != 402:
                self.keys.pop(key, None)
                raise
            status, body = refusal.status, refusal.body
        if key:
            self.keys[key] = _Kept(fingerprint, status, json.loads(json.dumps(body)))
        return self._answer(status, body)

    def _answer(self, status: int, body: dict[str, Any], *, replayed: bool = False) -> JSONResponse:
        self.requests += 1
        headers = {"Request-Id": f"req_{self.requests:014d}", "Stripe-Version": API_VERSION}
        if replayed:
            headers["Idempotent-Replayed"] = "true"
        return JSONResponse(body, status_code=status, headers=headers)

    def _announce(self, kind: str, thing: dict[str, Any]) -> dict[str, Any]:
        """Store an event and send it out of band."""
        event = {
            "id": f"evt_{len(self.ledger.events) + 1:024d}",
            "object": "event",
            "api_version": API_VERSION,
            "created": int(time.time()),
            "type": kind,
            "livemode": False,
            "pending_webhooks": 1,
            "request": {
                "id": f"req_{self.requests + 1:014d}",
                "idempotency_key": self._idempotency_key or None,
            },
            "data": {"object": json.loads(json.dumps(thing))},
        }
        settings = self.sandbox.settings
        secret = settings.stripe_webhook_secret.get_secret_value()
        body = json.dumps(event, indent=2).encode()
        self.sandbox.webhooks.send(
            Delivery(
                "stripe",
                settings.stripe_webhooks_to,
                body,
                lambda raw, forged: signature(raw, "whsec_forged" if forged else secret),
            )
        )
        return event


def signature(body: bytes, secret: str) -> dict[str, str]:
    """Header that signs a webhook body now."""
    stamp = int(time.time())
    digest = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {
        "Stripe-Signature": f"t={stamp},v1={digest}",
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
    }


def _check_key(request: Request) -> None:
    header = request.headers.get("authorization", "")
    if not header:
        raise Refusal(401, "invalid_request_error", "You did not provide an API key.")
    if "bad" in header:
        raise Refusal(401, "invalid_request_error", "Invalid API Key provided: sk_****")


def _check_body(request: Request, body: bytes) -> None:
    kind = request.headers.get("content-type", "")
    if body and not kind.startswith("application/x-www-form-urlencoded"):
        raise Refusal(
            400, "invalid_request_error", "Invalid request: send the parameters form-encoded, not as JSON."
        )
    if len(request.headers.get("idempotency-key", "")) > 255:
        raise Refusal(400, "invalid_request_error", "Idempotency keys are limited to 255 characters.")


def _check_names(form: dict[str, Any], known: frozenset[str]) -> None:
    unknown = next((name for name in form if name not in known), None)
    if unknown is not None:
        raise parameter_unknown(unknown)


def _as_refusal(error: Refusal | FormError) -> Refusal:
    return error if isinstance(error, Refusal) else parameter_unknown(str(error))


def _page(things: list[dict[str, Any]], query: dict[str, Any]) -> dict[str, Any]:
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
