"""Stripe's checkout, subscriptions and invoices (contracts/stripe.md); card numbers never come near us."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from shared.errors import ProviderBadAnswer, ProviderRejected
from shared.providers.base import ProviderClient, ProviderDeps, ProviderRequest
from shared.providers.outcomes import Reply
from shared.providers.payments.billing import Checkout, CheckoutWish, Invoice, MonthlyPrice, Subscription
from shared.providers.payments.form import encode
from shared.providers.payments.stripe import API_VERSION, LIST_PAGE, judge
from shared.providers.settings import ProviderSettings

REFERENCE: Final = "reference"
PRICES: Final = "/v1/prices"
SESSIONS: Final = "/v1/checkout/sessions"
SUBSCRIPTION: Final = "/v1/subscriptions/{id}"


class StripeBilling:
    """Sells monthly prices by Stripe's own page."""

    name = "stripe"

    def __init__(self, settings: ProviderSettings, deps: ProviderDeps) -> None:
        headers = {"authorization": f"Bearer {settings.key(self.name)}", "stripe-version": API_VERSION}
        self._client = ProviderClient(self.name, settings.client(self.name, headers=headers), deps)

    async def checkout(self, wish: CheckoutWish, *, idempotency_key: str) -> Checkout:
        """Open a checkout page."""
        form = {
            "mode": "subscription",
            "line_items": [{"price": await self._price(wish.price), "quantity": 1}],
            "client_reference_id": wish.reference,
            "metadata": {REFERENCE: wish.reference},
            "subscription_data": {"metadata": {REFERENCE: wish.reference}},
            "success_url": wish.success_url,
            "cancel_url": wish.cancel_url,
            "expires_at": int(wish.until.timestamp()),
        }
        return _checkout(await self._write(SESSIONS, SESSIONS, form, idempotency_key))

    async def read_checkout(self, checkout_id: str) -> Checkout | None:
        """A checkout page's present state."""
        body = await self._read("/v1/checkout/sessions/{id}", f"/v1/checkout/sessions/{checkout_id}")
        return _checkout(body) if body is not None else None

    async def subscription(self, subscription_id: str) -> Subscription | None:
        """A subscription's present state."""
        body = await self._read(SUBSCRIPTION, f"/v1/subscriptions/{subscription_id}")
        return _subscription(body) if body is not None else None

    async def invoice(self, invoice_id: str) -> Invoice | None:
        """An invoice's present state."""
        body = await self._read("/v1/invoices/{id}", f"/v1/invoices/{invoice_id}")
        return _invoice(body) if body is not None else None

    async def invoices(self, subscription_id: str) -> Sequence[Invoice]:
        """The newest invoices of a subscription."""
        return [
            _invoice(each) for each in await self._list("/v1/invoices", {"subscription": subscription_id})
        ]

    async def change_price(
        self, subscription_id: str, price: MonthlyPrice, *, charge_now: bool, idempotency_key: str
    ) -> Subscription:
        """Move a subscription to another price: its proration charged now, or nothing before the next period."""
        body = await self._read(SUBSCRIPTION, f"/v1/subscriptions/{subscription_id}")
        if body is None:
            raise ProviderRejected("no such object", provider=self.name, status=404)
        form = {
            "items": [{"id": _item(body)["id"], "price": await self._price(price)}],
            "proration_behavior": "always_invoice" if charge_now else "none",
            # The old price stays where the card refuses the difference.
            "payment_behavior": "error_if_incomplete",
        }
        return _subscription(
            await self._write(SUBSCRIPTION, f"/v1/subscriptions/{subscription_id}", form, idempotency_key)
        )

    async def cancel_at_period_end(
        self, subscription_id: str, *, cancel: bool, idempotency_key: str
    ) -> Subscription:
        """End a subscription with its paid period, or let it go on."""
        form = {"cancel_at_period_end": cancel}
        return _subscription(
            await self._write(SUBSCRIPTION, f"/v1/subscriptions/{subscription_id}", form, idempotency_key)
        )

    async def _price(self, price: MonthlyPrice) -> str:
        """The id of a price, made when it is first wanted."""
        found = await self._list(PRICES, {"lookup_keys": [price.key]})
        if found:
            return str(found[0]["id"])
        form = {
            "currency": "usd",
            "unit_amount": price.cents,
            "recurring": {"interval": "month"},
            "product_data": {"name": price.name},
            "lookup_key": price.key,
        }
        return str((await self._write(PRICES, PRICES, form, f"price:{price.key}"))["id"])

    async def _write(
        self, endpoint: str, path: str, form: Mapping[str, object], key: str
    ) -> Mapping[str, Any]:
        """A write under its key: a lost answer, 409 or 5xx is asked again with the same key and body."""
        reply = await self._client.call(
            ProviderRequest(
                endpoint=endpoint,
                method="POST",
                path=path,
                form=encode(form),
                headers={"idempotency-key": key},
                judge=judge,
            )
        )
        return self._object(reply)

    async def _read(self, endpoint: str, path: str) -> Mapping[str, Any] | None:
        reply = await self._client.call(ProviderRequest(endpoint=endpoint, path=path, judge=judge))
        return reply.answer.json_object() if reply.found else None

    async def _list(self, path: str, query: Mapping[str, object]) -> list[dict[str, Any]]:
        params = encode({"limit": LIST_PAGE, **query})
        reply = await self._client.call(ProviderRequest(endpoint=path, path=path, params=params, judge=judge))
        data = reply.answer.json_object().get("data")
        if not isinstance(data, list):
            raise ProviderBadAnswer("a list was promised", provider=self.name)
        return data

    def _object(self, reply: Reply) -> Mapping[str, Any]:
        if not reply.found:
            raise ProviderRejected("no such object", provider=self.name, status=404)
        body = reply.answer.json_object()
        if "error" in body:
            raise ProviderRejected(
                str(body["error"].get("message", "declined"))[:200], provider=self.name, status=402
            )
        return body


def _item(body: Mapping[str, Any]) -> Mapping[str, Any]:
    item: Mapping[str, Any] = body["items"]["data"][0]
    return item


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)


def _checkout(body: Mapping[str, Any]) -> Checkout:
    try:
        return Checkout(
            id=str(body["id"]),
            status=str(body["status"]),
            url=body.get("url"),
            reference=(body.get("metadata") or {}).get(REFERENCE),
            subscription=body.get("subscription"),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ProviderBadAnswer("a checkout session was promised", provider="stripe") from error


def _subscription(body: Mapping[str, Any]) -> Subscription:
    try:
        return Subscription(
            id=str(body["id"]),
            status=str(body["status"]),
            reference=(body.get("metadata") or {}).get(REFERENCE),
            period_end=_time(body["current_period_end"]),
            cancel_at_period_end=bool(body.get("cancel_at_period_end")),
            price_key=_item(body)["price"].get("lookup_key"),
        )
    except (KeyError, IndexError, TypeError, ValueError, OSError) as error:
        raise ProviderBadAnswer("a subscription was promised", provider="stripe") from error


def _invoice(body: Mapping[str, Any]) -> Invoice:
    """What an invoice bought: the line with the most money names the price and its time."""
    try:
        line = max(body["lines"]["data"], key=lambda each: int(each["amount"]))
        return Invoice(
            id=str(body["id"]),
            subscription=body.get("subscription"),
            paid=body["status"] == "paid",
            amount_cents=int(body["amount_paid"]),
            currency=str(body["currency"]).upper(),
            price_key=(line.get("price") or {}).get("lookup_key"),
            starts=_time(line["period"]["start"]),
            ends=_time(line["period"]["end"]),
            payment_ref=body.get("payment_intent"),
        )
    except (KeyError, IndexError, TypeError, ValueError, OSError) as error:
        raise ProviderBadAnswer("an invoice was promised", provider="stripe") from error
