"""What the payment processor remembers: intents, charges, refunds and events."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

Announce = Callable[[str, dict[str, Any]], dict[str, Any]]

MINIMUM_CENTS, MAXIMUM_CENTS = 50, 99_999_999
CURRENCIES = frozenset({"usd", "eur", "gbp", "cad", "aud"})
DECLINES: dict[str, tuple[str, str, str]] = {
    "pm_card_chargeDeclined": ("card_declined", "generic_decline", "Your card was declined."),
    "pm_card_visa_chargeDeclined": ("card_declined", "generic_decline", "Your card was declined."),
    "pm_card_chargeDeclinedInsufficientFunds": (
        "card_declined",
        "insufficient_funds",
        "Your card has insufficient funds.",
    ),
    "pm_card_visa_chargeDeclinedInsufficientFunds": (
        "card_declined",
        "insufficient_funds",
        "Your card has insufficient funds.",
    ),
    "pm_card_chargeDeclinedExpiredCard": ("expired_card", "expired_card", "Your card has expired."),
    "pm_card_chargeDeclinedProcessingError": (
        "processing_error",
        "processing_error",
        "An error occurred while processing your card.",
    ),
}
GOOD_METHODS = frozenset(
    {"pm_card_visa", "pm_card_visa_debit", "pm_card_mastercard", "pm_card_amex", "pm_card_us"}
)
NEEDS_ACTION = frozenset({"pm_card_authenticationRequired", "pm_card_threeDSecure2Required"})
CONFIRMABLE = frozenset({"requires_payment_method", "requires_confirmation", "requires_action"})
BILLED = ("price", "checkout.session", "subscription", "invoice")
CANCELLABLE = CONFIRMABLE | {"requires_capture"}


class Refusal(Exception):
    """An error answer of the processor."""

    def __init__(self, status: int, kind: str, message: str, **fields: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"type": kind, "message": message, **fields}}


def not_found(what: str, key: str, param: str) -> Refusal:
    """No such object."""
    return Refusal(
        404, "invalid_request_error", f"No such {what}: '{key}'", code="resource_missing", param=param
    )


def parameter_unknown(name: str) -> Refusal:
    """A name the endpoint does not take."""
    return Refusal(
        400,
        "invalid_request_error",
        f"Received unknown parameter: {name}",
        code="parameter_unknown",
        param=name,
    )


def _invalid(message: str, param: str, code: str = "parameter_invalid_integer") -> Refusal:
    return Refusal(400, "invalid_request_error", message, code=code, param=param)


def new_id(prefix: str) -> str:
    """An id that no earlier run of the sandbox gave out."""
    return f"{prefix}_{uuid4().hex[:24]}"


class Ledger:
    """All money that moved in the sandbox."""

    def __init__(self, announce: Announce) -> None:
        self._announce_to = announce
        self.intents: dict[str, dict[str, Any]] = {}
        self.charges: dict[str, dict[str, Any]] = {}
        self.refunds: dict[str, dict[str, Any]] = {}
        self.events: dict[str, dict[str, Any]] = {}
        self.billed: dict[str, dict[str, Any]] = {}
        """Prices, checkout sessions, subscriptions and invoices."""
        self._touched: dict[str, dict[str, Any]] = {}

    def restore(self, things: list[dict[str, Any]]) -> None:
        """Take back things as they were written down."""
        homes = {"payment_intent": self.intents, "charge": self.charges, "refund": self.refunds}
        homes |= dict.fromkeys(BILLED, self.billed)
        for thing in things:
            homes.get(thing["object"], self.events)[thing["id"]] = thing

    def take_touched(self) -> list[dict[str, Any]]:
        """Everything made or changed since the last call."""
        touched = list(self._touched.values())
        self._touched.clear()
        return touched

    def clear(self) -> None:
        """Forget everything."""
        for things in (self.intents, self.charges, self.refunds, self.events, self.billed):
            things.clear()

    def keep(self, thing: dict[str, Any]) -> None:
        """Remember a price, a checkout session, a subscription or an invoice."""
        self.billed[thing["id"]] = self._touched[thing["id"]] = thing

    def announce(self, kind: str, thing: dict[str, Any]) -> None:
        """Tell of a thing, and write it down as it is now."""
        self._announce(kind, thing)

    def _announce(self, kind: str, thing: dict[str, Any]) -> None:
        event = self._announce_to(kind, thing)
        self.events[event["id"]] = event
        self._touched |= {thing["id"]: thing, event["id"]: event}

    @staticmethod
    def found(things: dict[str, dict[str, Any]], what: str, key: str) -> dict[str, Any]:
        """The object with that id; Refusal 404 when there is none."""
        if key not in things:
            raise not_found(what, key, "id")
        return things[key]

    def intent(self, key: str) -> dict[str, Any]:
        """A payment intent; Refusal 404 when there is none."""
        if key not in self.intents:
            raise not_found("payment_intent", key, "intent")
        return self.intents[key]

    def newest_intents(self) -> list[dict[str, Any]]:
        """Intents, newest first."""
        return list(self.intents.values())[::-1]

    def newest_events(self) -> list[dict[str, Any]]:
        """Events, newest first."""
        return list(self.events.values())[::-1]

    def create(self, form: dict[str, Any]) -> dict[str, Any]:
        """A new payment intent, confirmed at once when asked."""
        amount, currency = _amount(form), _currency(form)
        automatic = form.get("automatic_payment_methods", {})
        _check_methods(form, automatic)
        key = new_id("pi")
        intent: dict[str, Any] = {
            "id": key,
            "object": "payment_intent",
            "amount": amount,
            "amount_capturable": 0,
            "amount_received": 0,
            "automatic_payment_methods": {"enabled": automatic.get("enabled") == "true"}
            if automatic
            else None,
            "canceled_at": None,
            "cancellation_reason": None,
            "capture_method": form.get("capture_method", "automatic"),
            "client_secret": f"{key}_secret_sandbox",
            "confirmation_method": "automatic",
            "created": int(time.time()),
            "currency": currency,
            "customer": form.get("customer"),
            "description": form.get("description"),
            "last_payment_error": None,
            "latest_charge": None,
            "livemode": False,
            "metadata": _metadata(form),
            "next_action": None,
            "payment_method": form.get("payment_method"),
            "payment_method_types": ["card"],
            "receipt_email": form.get("receipt_email"),
            "setup_future_usage": None,
            "statement_descriptor": None,
            "status": "requires_confirmation" if form.get("payment_method") else "requires_payment_method",
        }
        self.intents[key] = intent
        self._announce("payment_intent.created", intent)
        return self.confirm(key, form) if form.get("confirm") == "true" else intent

    def confirm(self, key: str, form: dict[str, Any]) -> dict[str, Any]:
        """Charge the intent; Refusal 402 on a decline."""
        intent = self.intent(key)
        if intent["status"] not in CONFIRMABLE:
            raise Refusal(
                400,
                "invalid_request_error",
                f"You cannot confirm this PaymentIntent because it has already {intent['status']}.",
                code="payment_intent_unexpected_state",
                payment_intent=dict(intent),
            )
        method = form.get("payment_method") or intent["payment_method"]
        if not method:
            raise _invalid(
                "You cannot confirm this PaymentIntent because it's missing a payment method.",
                "payment_method",
                "parameter_missing",
            )
        intent["payment_method"] = method
        if method in DECLINES:
            raise self._declined(intent, method)
        if method in NEEDS_ACTION:
            return self._wants_action(intent, form)
        if method not in GOOD_METHODS:
            raise not_found("PaymentMethod", method, "payment_method")
        return self._charged(intent)

    def _declined(self, intent: dict[str, Any], method: str) -> Refusal:
        code, decline_code, message = DECLINES[method]
        charge = self._charge(intent, paid=False)
        error = {
            "type": "card_error",
            "code": code,
            "decline_code": decline_code,
            "message": message,
            "charge": charge["id"],
        }
        intent.update(
            status="requires_payment_method",
            last_payment_error=error,
            latest_charge=charge["id"],
            payment_method=None,
        )
        self._announce("payment_intent.payment_failed", intent)
        self._announce("charge.failed", charge)
        return Refusal(
            402,
            "card_error",
            message,
            code=code,
            decline_code=decline_code,
            charge=charge["id"],
            payment_intent=dict(intent),
            doc_url="https://stripe.com/docs/error-codes/card-declined",
        )

    def _wants_action(self, intent: dict[str, Any], form: dict[str, Any]) -> dict[str, Any]:
        if form.get("off_session") == "true" or form.get("error_on_requires_action") == "true":
            raise Refusal(
                402,
                "card_error",
                "Your card was declined. This transaction requires authentication.",
                code="authentication_required",
                decline_code="authentication_required",
                payment_intent=dict(intent),
            )
        intent.update(status="requires_action", next_action={"type": "use_stripe_sdk", "use_stripe_sdk": {}})
        self._announce("payment_intent.requires_action", intent)
        return intent

    def _charged(self, intent: dict[str, Any]) -> dict[str, Any]:
        charge = self._charge(intent, paid=True)
        if intent["capture_method"] == "manual":
            charge["captured"] = False
            intent.update(
                status="requires_capture", amount_capturable=intent["amount"], latest_charge=charge["id"]
            )
            self._announce("payment_intent.amount_capturable_updated", intent)
            return intent
        intent.update(
            status="succeeded",
            amount_received=intent["amount"],
            latest_charge=charge["id"],
            last_payment_error=None,
            next_action=None,
        )
        self._announce("charge.succeeded", charge)
        self._announce("payment_intent.succeeded", intent)
        return intent

    def _charge(self, intent: dict[str, Any], *, paid: bool) -> dict[str, Any]:
        key = new_id("ch")
        self.charges[key] = {
            "id": key,
            "object": "charge",
            "amount": intent["amount"],
            "amount_captured": intent["amount"] if paid else 0,
            "amount_refunded": 0,
            "captured": paid,
            "created": int(time.time()),
            "currency": intent["currency"],
            "customer": intent["customer"],
            "livemode": False,
            "metadata": dict(intent["metadata"]),
            "paid": paid,
            "payment_intent": intent["id"],
            "refunded": False,
            "status": "succeeded" if paid else "failed",
        }
        self._touched[key] = self.charges[key]
        return self.charges[key]

    def cancel(self, key: str, form: dict[str, Any]) -> dict[str, Any]:
        """Cancel an intent that has not been paid."""
        intent = self.intent(key)
        if intent["status"] not in CANCELLABLE:
            raise Refusal(
                400,
                "invalid_request_error",
                f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}.",
                code="payment_intent_unexpected_state",
                payment_intent=dict(intent),
            )
        intent.update(
            status="canceled",
            canceled_at=int(time.time()),
            amount_capturable=0,
            cancellation_reason=form.get("cancellation_reason"),
        )
        self._announce("payment_intent.canceled", intent)
        return intent

    def capture(self, key: str, form: dict[str, Any]) -> dict[str, Any]:
        """Take the money of an intent that was only authorised."""
        intent = self.intent(key)
        if intent["status"] != "requires_capture":
            raise Refusal(
                400,
                "invalid_request_error",
                "This PaymentIntent could not be captured.",
                code="payment_intent_unexpected_state",
                payment_intent=dict(intent),
            )
        amount = int(form.get("amount_to_capture", intent["amount"]))
        self.charges[intent["latest_charge"]].update(captured=True, amount_captured=amount)
        self._touched[intent["latest_charge"]] = self.charges[intent["latest_charge"]]
        intent.update(status="succeeded", amount_received=amount, amount_capturable=0)
        self._announce("payment_intent.succeeded", intent)
        return intent

    def refund(self, form: dict[str, Any]) -> dict[str, Any]:
        """Give money back, all that is left unless an amount is named."""
        charge = self._charge_to_refund(form)
        left = charge["amount_captured"] - charge["amount_refunded"]
        amount = int(form.get("amount", left))
        if left <= 0:
            raise Refusal(
                400,
                "invalid_request_error",
                f"Charge {charge['id']} has already been refunded.",
                code="charge_already_refunded",
            )
        if not 0 < amount <= left:
            raise _invalid(
                f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})", "amount"
            )
        charge["amount_refunded"] += amount
        charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
        key = new_id("re")
        self.refunds[key] = {
            "id": key,
            "object": "refund",
            "amount": amount,
            "charge": charge["id"],
            "created": int(time.time()),
            "currency": charge["currency"],
            "metadata": _metadata(form),
            "payment_intent": charge["payment_intent"],
            "reason": form.get("reason"),
            "status": "succeeded",
        }
        self._touched[key] = self.refunds[key]
        self._announce("charge.refunded", charge)
        return self.refunds[key]

    def _charge_to_refund(self, form: dict[str, Any]) -> dict[str, Any]:
        if "charge" in form:
            return self.found(self.charges, "charge", form["charge"])
        if "payment_intent" not in form:
            raise _invalid(
                "One of the following params should be provided for this request: payment_intent or charge.",
                "payment_intent",
                "parameter_missing",
            )
        intent = self.intent(form["payment_intent"])
        if not intent["amount_received"]:
            raise Refusal(
                400,
                "invalid_request_error",
                "This PaymentIntent does not have a successful charge to refund.",
            )
        return self.charges[intent["latest_charge"]]


def _amount(form: dict[str, Any]) -> int:
    text = form.get("amount")
    if text is None:
        raise _invalid("Missing required param: amount.", "amount", "parameter_missing")
    if not (isinstance(text, str) and text.isdigit()):
        raise _invalid(f"Invalid integer: {text}", "amount")
    if int(text) < MINIMUM_CENTS:
        raise _invalid("Amount must be at least $0.50 usd", "amount", "amount_too_small")
    if int(text) > MAXIMUM_CENTS:
        raise _invalid("Amount must be no more than $999,999.99", "amount", "amount_too_large")
    return int(text)


def _currency(form: dict[str, Any]) -> str:
    currency = form.get("currency")
    if currency is None:
        raise _invalid("Missing required param: currency.", "currency", "parameter_missing")
    if currency not in CURRENCIES:
        raise _invalid(f"Invalid currency: {currency}.", "currency", "parameter_invalid")
    return str(currency)


def _check_methods(form: dict[str, Any], automatic: Any) -> None:
    """The rules Stripe has for automatic payment methods."""
    if not isinstance(automatic, dict) or not set(automatic) <= {"enabled", "allow_redirects"}:
        raise parameter_unknown("automatic_payment_methods")
    if automatic.get("enabled") == "true" and "payment_method_types" in form:
        raise _invalid(
            "You may only specify one of these parameters: automatic_payment_methods, payment_method_types.",
            "payment_method_types",
            "parameter_invalid",
        )
    redirects = automatic.get("enabled") == "true" and automatic.get("allow_redirects", "always") != "never"
    if redirects and form.get("confirm") == "true" and "return_url" not in form:
        raise _invalid(
            "You must provide a return_url, or set automatic_payment_methods[allow_redirects] to never, "
            "when confirming with automatic payment methods.",
            "return_url",
            "parameter_missing",
        )


def _metadata(form: dict[str, Any]) -> dict[str, str]:
    metadata = form.get("metadata", {})
    if not isinstance(metadata, dict):
        raise _invalid("Invalid object", "metadata", "parameter_invalid")
    if len(metadata) > 50 or any(len(k) > 40 or len(str(v)) > 500 for k, v in metadata.items()):
        raise _invalid(
            "Metadata is limited to 50 keys of 40 characters with values of 500.",
            "metadata",
            "parameter_invalid",
        )
    return {key: str(value) for key, value in metadata.items()}
