"""The processor's front desk: keys, forms, idempotency, and events on their way out."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from fastapi import Request
from fastapi.responses import JSONResponse, Response

from shared.sandbox.forms import FormError, parse_form
from shared.sandbox.state import Sandbox
from shared.sandbox.vendors.stripe_billing import BillingLedger
from shared.sandbox.vendors.stripe_ledger import Ledger, Refusal, parameter_unknown
from shared.sandbox.webhooks import Delivery

API_VERSION = "2022-11-15"

Act = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(slots=True)
class _Kept:
    """First answer to an idempotency key; empty while it is being made."""

    fingerprint: str
    status: int = 0
    body: dict[str, Any] | None = None


class StripeDesk:
    """Checks keys, forms and idempotency before the ledger acts, and sends its events after."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.ledger = Ledger(self._announce)
        self.billing = BillingLedger(self.ledger, f"{sandbox.settings.own_url}/stripe/hosted/checkout")
        self.keys: dict[str, _Kept] = {}
        self.requests = 0
        self._idempotency_key = ""
        self._taken: set[str] = set()
        for kind, key, value in sandbox.journal.entries():
            self._recall(kind, key, value)
        sandbox.on_reset(self._forget)
        sandbox.on_start(self._send_again)

    def _recall(self, kind: str, key: str, value: Any) -> None:
        """Take back what an earlier process wrote down."""
        if kind == "stripe.act":
            self.ledger.restore(value["things"])
            if key:
                self.keys[key] = _Kept(value["fingerprint"], value["status"], value["body"])
        elif kind == "stripe.taken":
            self._taken.add(key)

    def _send_again(self) -> None:
        """Send the events that no receiver took before the process ended."""
        for event in self.ledger.events.values():
            if event["id"] not in self._taken:
                self._send(event)

    def _forget(self) -> None:
        self.ledger.clear()
        self.keys.clear()
        self._taken.clear()

    def get(self, request: Request, known: frozenset[str], act: Act) -> Response:
        """Answer a read."""
        try:
            _check_key(request)
            query = parse_form(request.url.query.encode())
            _check_names(query, known)
            return self._answer(200, act(query))
        except (Refusal, FormError, ValueError) as error:
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
        except (Refusal, FormError, ValueError) as error:
            refusal = _as_refusal(error)
            return self._answer(refusal.status, refusal.body)

    async def hosted(self, form: dict[str, Any], act: Act) -> Response:
        """Answer a page of the processor's own, where no key is asked for."""
        try:
            return await self._execute("", "", form, act)
        except (Refusal, ValueError) as error:
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
        except ValueError:
            self.keys.pop(key, None)
            raise
        body = _copy(body)
        if key:
            self.keys[key] = _Kept(fingerprint, status, body)
        things = self.ledger.take_touched()
        act_written = {"fingerprint": fingerprint, "status": status, "body": body, "things": things}
        self.sandbox.journal.append("stripe.act", key, act_written)
        return self._answer(status, body)

    def _answer(self, status: int, body: dict[str, Any], *, replayed: bool = False) -> JSONResponse:
        self.requests += 1
        headers = {"Request-Id": f"req_{self.requests:014d}", "Stripe-Version": API_VERSION}
        if replayed:
            headers["Idempotent-Replayed"] = "true"
        return JSONResponse(body, status_code=status, headers=headers)

    def _announce(self, kind: str, thing: dict[str, Any]) -> dict[str, Any]:
        """An event about a thing, sent out of band."""
        event = {
            "id": f"evt_{uuid4().hex[:24]}",
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
            "data": {"object": _copy(thing)},
        }
        self._send(event)
        return event

    def _send(self, event: dict[str, Any]) -> None:
        settings = self.sandbox.settings
        if not settings.sends_stripe(event["type"]):
            return
        secret = settings.stripe_webhook_secret.get_secret_value()

        def sign(body: bytes, forged: bool) -> dict[str, str]:  # noqa: FBT001 - the signature of Sign
            return signature(body, "whsec_forged" if forged else secret)

        def taken() -> None:
            self._taken.add(event["id"])
            self.sandbox.journal.append("stripe.taken", event["id"], None)

        body = json.dumps(event, indent=2).encode()
        self.sandbox.webhooks.send(Delivery("stripe", settings.stripe_webhooks_to, body, sign, taken))


def _copy(thing: dict[str, Any]) -> dict[str, Any]:
    """A copy that later changes of the thing do not reach."""
    copied: dict[str, Any] = json.loads(json.dumps(thing))
    return copied


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


def _as_refusal(error: Refusal | FormError | ValueError) -> Refusal:
    if isinstance(error, Refusal):
        return error
    if isinstance(error, FormError):
        return parameter_unknown(str(error))
    return Refusal(
        400, "invalid_request_error", f"Invalid integer: {error}", code="parameter_invalid_integer"
    )
