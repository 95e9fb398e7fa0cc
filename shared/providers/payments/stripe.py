"""Stripe payment intents (contracts/stripe.md); card numbers never come near us."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from shared.errors import ProviderBadAnswer, ProviderRejected
from shared.providers.base import ProviderClient, ProviderDeps, ProviderRequest
from shared.providers.outcomes import Answer, Outcome, Reply, Verdict, judge_by_status
from shared.providers.payments import Charge, ChargeRequest, ChargeStatus, Refund
from shared.providers.payments.form import encode
from shared.providers.settings import ProviderSettings

API_VERSION: Final = "2022-11-15"
LIST_PAGE: Final = 100
MAX_PAGES: Final = 50
_DECLINED: Final = 402
_STATUSES: Final[Mapping[str, ChargeStatus]] = {
    "succeeded": ChargeStatus.SUCCEEDED,
    "canceled": ChargeStatus.CANCELLED,
    "processing": ChargeStatus.PROCESSING,
    "requires_action": ChargeStatus.NEEDS_ACTION,
    "requires_confirmation": ChargeStatus.NEEDS_ACTION,
    "requires_capture": ChargeStatus.NEEDS_ACTION,
    # After a confirmed try Stripe asks for another method: the one given was declined.
    "requires_payment_method": ChargeStatus.DECLINED,
}


class StripePayments:
    """Charges saved payment methods off session."""

    name = "stripe"

    def __init__(self, settings: ProviderSettings, deps: ProviderDeps) -> None:
        headers = {"authorization": f"Bearer {settings.key(self.name)}", "stripe-version": API_VERSION}
        self._client = ProviderClient(self.name, settings.client(self.name, headers=headers), deps)

    async def charge(self, request: ChargeRequest, *, idempotency_key: str) -> Charge:
        """Create and confirm a charge; ProviderTimeout leaves it unknown: look it up, then use the same key."""
        form = {
            "amount": request.amount_cents,
            "currency": request.currency.lower(),
            "payment_method": request.payment_method,
            "customer": request.customer,
            "description": request.description,
            "confirm": True,
            "off_session": True,
            "metadata": dict(request.metadata),
        }
        reply = await self._write("/v1/payment_intents", form, idempotency_key)
        return self._charge(reply.answer)

    async def retrieve(self, charge_id: str) -> Charge | None:
        """The charge's present state."""
        request = ProviderRequest(
            endpoint="/v1/payment_intents/{id}", path=f"/v1/payment_intents/{charge_id}", judge=judge
        )
        reply = await self._client.call(request)
        return self._charge(reply.answer) if reply.found else None

    async def find(self, key: str, value: str, *, since: datetime) -> Charge | None:
        """The charge whose metadata holds the pair, among those made since; a succeeded one comes first."""
        matching: list[Charge] = []
        after: str | None = None
        for _ in range(MAX_PAGES):
            body = await self._list(since, after)
            intents = body.get("data")
            if not isinstance(intents, list):
                raise ProviderBadAnswer("a list was promised", provider=self.name)
            matching += [
                self._intent(intent) for intent in intents if (intent.get("metadata") or {}).get(key) == value
            ]
            if not body.get("has_more") or not intents:
                break
            after = str(intents[-1]["id"])
        succeeded = [charge for charge in matching if charge.status is ChargeStatus.SUCCEEDED]
        return next(iter(succeeded or matching), None)

    async def cancel(self, charge_id: str) -> Charge:
        """End a charge that is still open, and its state then: one that went through or is on its way stays."""
        # Without a key: Stripe would keep a refusal under it, and cancelling twice changes nothing.
        request = ProviderRequest(
            endpoint="/v1/payment_intents/{id}/cancel",
            method="POST",
            path=f"/v1/payment_intents/{charge_id}/cancel",
            form=encode({"cancellation_reason": "abandoned"}),
            judge=judge,
        )
        try:
            reply = await self._client.call(request)
        except ProviderRejected:
            present = await self.retrieve(charge_id)
            if present is None:
                raise
            return present
        if not reply.found:
            raise ProviderRejected("no such object", provider=self.name, status=404)
        return self._charge(reply.answer)

    async def refund(
        self, charge_id: str, *, idempotency_key: str, amount_cents: int | None = None
    ) -> Refund:
        """Give the whole charge or a part of it back."""
        form = {"payment_intent": charge_id, "amount": amount_cents}
        body = (await self._write("/v1/refunds", form, idempotency_key)).answer.json_object()
        try:
            return Refund(str(body["id"]), charge_id, int(body["amount"]), str(body.get("status", "")))
        except (KeyError, TypeError, ValueError) as error:
            raise ProviderBadAnswer("a refund was promised", provider=self.name) from error

    async def _write(self, path: str, form: Mapping[str, object], idempotency_key: str) -> Reply:
        """A write under its key: a lost answer, 409 or 5xx is asked again with the same key and body."""
        request = ProviderRequest(
            endpoint=path,
            method="POST",
            path=path,
            form=encode(form),
            headers={"idempotency-key": idempotency_key},
            judge=judge,
        )
        reply = await self._client.call(request)
        if not reply.found:
            raise ProviderRejected("no such object", provider=self.name, status=404)
        return reply

    async def _list(self, since: datetime, after: str | None) -> Mapping[str, Any]:
        # Listing is consistent at once; the search endpoint lags by a minute (contracts/stripe.md).
        query = {
            "limit": LIST_PAGE,
            "created": {"gte": int(since.timestamp())},
            "starting_after": after,
        }
        request = ProviderRequest(
            endpoint="/v1/payment_intents", path="/v1/payment_intents", params=encode(query), judge=judge
        )
        return (await self._client.call(request)).answer.json_object()

    def _charge(self, answer: Answer) -> Charge:
        body = answer.json_object()
        if answer.status != _DECLINED:
            return self._intent(body)
        error = body["error"]
        intent = error.get("payment_intent") or {}
        reason = str(error.get("decline_code") or error.get("code") or "declined")
        return Charge(
            id=str(intent.get("id", "")),
            status=ChargeStatus.DECLINED,
            amount_cents=int(intent.get("amount") or 0),
            currency=str(intent.get("currency", "")),
            metadata=dict(intent.get("metadata") or {}),
            decline_reason=reason[:100],
        )

    def _intent(self, intent: Mapping[str, Any]) -> Charge:
        failure = intent.get("last_payment_error") or {}
        reason = failure.get("decline_code") or failure.get("code")
        try:
            return Charge(
                id=str(intent["id"]),
                status=_STATUSES[intent["status"]],
                amount_cents=int(intent["amount"]),
                currency=str(intent["currency"]),
                metadata=dict(intent.get("metadata") or {}),
                decline_reason=str(reason)[:100] if reason else None,
                receipt=str(intent["latest_charge"]) if intent.get("latest_charge") else None,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ProviderBadAnswer("a payment intent was promised", provider=self.name) from error


def judge(answer: Answer) -> Verdict:
    """What an answer of the processor is: a decline is an outcome, a refused form is no fault of the wire."""
    if answer.status == _DECLINED:
        error = _error(answer)
        if error.get("type") == "card_error":
            return Verdict(Outcome.OK, message="declined")
        return Verdict(Outcome.INVALID, message=_words(error))
    if answer.status == 409:  # the first request under this key is still running
        return Verdict(Outcome.RETRYABLE, message="in flight under the same key")
    if answer.status == 400:
        return Verdict(Outcome.INVALID, message=_words(_error(answer)))
    return judge_by_status(answer)


def _error(answer: Answer) -> Mapping[str, Any]:
    error = answer.json_object().get("error")
    if not isinstance(error, dict):
        raise ProviderBadAnswer("an error object was promised", provider=answer.provider)
    return error


def _words(error: Mapping[str, Any]) -> str:
    return f"{error.get('type', 'error')}: {error.get('code') or ''} {error.get('param') or ''}".strip()
