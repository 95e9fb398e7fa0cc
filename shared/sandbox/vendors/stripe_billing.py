"""What the payment processor remembers of plans: prices, checkout sessions, subscriptions and invoices."""

from __future__ import annotations

import time
from typing import Any

from shared.sandbox.vendors.stripe_ledger import Ledger, Refusal, new_id, not_found

MONTH_SECONDS = 30 * 86400
"""A sandbox's month; the real one follows the calendar."""
SHORTEST_SECONDS, LONGEST_SECONDS = 30 * 60, 24 * 3600
PRORATIONS = frozenset({"always_invoice", "create_prorations", "none"})


class BillingLedger:
    """Subscriptions beside the money that the ledger moves for them."""

    def __init__(self, ledger: Ledger, page: str) -> None:
        self._ledger = ledger
        self._page = page

    def one(self, kind: str, key: str) -> dict[str, Any]:
        """The object of that kind; Refusal 404 when there is none."""
        thing = self._ledger.billed.get(key)
        if thing is None or thing["object"] != kind:
            raise not_found(kind, key, "id")
        return thing

    def newest(self, kind: str) -> list[dict[str, Any]]:
        """Every object of a kind, newest first."""
        return [thing for thing in self._ledger.billed.values() if thing["object"] == kind][::-1]

    def create_price(self, form: dict[str, Any]) -> dict[str, Any]:
        """A monthly price of a new product."""
        lookup = form.get("lookup_key")
        if lookup and any(price["lookup_key"] == lookup for price in self.newest("price")):
            raise _invalid("A price (`price`) already uses that lookup key.", "lookup_key")
        amount, name = _number(form, "unit_amount"), (form.get("product_data") or {}).get("name")
        if form.get("currency") != "usd" or not name:
            raise _invalid(
                "Missing required param: currency or product_data[name].", "currency", "parameter_missing"
            )
        interval = (form.get("recurring") or {}).get("interval")
        if interval != "month":
            raise _invalid(f"Invalid recurring[interval]: {interval}", "recurring[interval]")
        return self._keep(
            {
                "id": new_id("price"),
                "object": "price",
                "active": True,
                "created": int(time.time()),
                "currency": "usd",
                "lookup_key": lookup,
                "metadata": {},
                "nickname": name,
                "product": new_id("prod"),
                "recurring": {"interval": interval, "interval_count": 1, "usage_type": "licensed"},
                "type": "recurring",
                "unit_amount": amount,
            }
        )

    def create_session(self, form: dict[str, Any]) -> dict[str, Any]:
        """A checkout page for one subscription."""
        if form.get("mode") != "subscription":
            raise _invalid("Only mode=subscription is simulated.", "mode")
        items = form.get("line_items")
        if not isinstance(items, list) or len(items) != 1 or "price" not in items[0]:
            raise _invalid("You must provide one line item with a price.", "line_items", "parameter_missing")
        self.one("price", items[0]["price"])
        now, expires = int(time.time()), _number(form, "expires_at")
        if not now + SHORTEST_SECONDS - 60 <= expires <= now + LONGEST_SECONDS:
            raise _invalid("The `expires_at` timestamp must be 30 minutes to 24 hours ahead.", "expires_at")
        key = new_id("cs")
        return self._keep(
            {
                "id": key,
                "object": "checkout.session",
                "client_reference_id": form.get("client_reference_id"),
                "cancel_url": form.get("cancel_url"),
                "created": now,
                "customer": None,
                "expires_at": expires,
                "invoice": None,
                "line_price": items[0]["price"],
                "livemode": False,
                "metadata": form.get("metadata", {}),
                "mode": "subscription",
                "payment_intent": None,
                "payment_status": "unpaid",
                "status": "open",
                "subscription": None,
                "subscription_metadata": (form.get("subscription_data") or {}).get("metadata", {}),
                "success_url": form.get("success_url"),
                "url": f"{self._page}/{key}",
            }
        )

    def expire_session(self, key: str) -> dict[str, Any]:
        """Close a checkout page that nobody paid."""
        session = self.one("checkout.session", key)
        if session["status"] != "open":
            raise _invalid("Only Checkout Sessions with a status of open can be expired.", "session")
        session.update(status="expired", url=None)
        self._ledger.announce("checkout.session.expired", session)
        return session

    def pay_session(self, key: str, form: dict[str, Any]) -> dict[str, Any]:
        """What a buyer does on the checkout page: pay with a card; Refusal 402 on a decline."""
        session = self.one("checkout.session", key)
        if session["status"] != "open" or session["expires_at"] < time.time():
            raise _invalid("This Checkout Session is no longer active.", "session")
        card = str(form.get("payment_method") or "pm_card_visa")
        customer, price = new_id("cus"), self.one("price", session["line_price"])
        paid = self._charge(price["unit_amount"], card, customer)
        subscription = self._subscribe(session, price, customer, card)
        invoice = self._invoice(subscription, "subscription_create", price["unit_amount"], paid)
        session.update(
            status="complete",
            payment_status="paid",
            url=None,
            customer=customer,
            subscription=subscription["id"],
            invoice=invoice["id"],
        )
        self._ledger.announce("customer.subscription.created", subscription)
        self._ledger.announce("invoice.paid", invoice)
        self._ledger.announce("checkout.session.completed", session)
        return session

    def change(self, key: str, form: dict[str, Any]) -> dict[str, Any]:
        """Another price, its proration invoiced at once where asked; or an end with the period."""
        subscription = self._living(key)
        if "cancel_at_period_end" in form:
            subscription["cancel_at_period_end"] = form["cancel_at_period_end"] == "true"
        if "items" in form:
            self._change_price(subscription, form)
        self._ledger.announce("customer.subscription.updated", subscription)
        return subscription

    def renew(self, key: str, form: dict[str, Any]) -> dict[str, Any]:
        """Let a subscription's next month begin: charged, past due where the card is refused, or ended."""
        subscription = self._living(key)
        if subscription["cancel_at_period_end"]:
            subscription.update(status="canceled", ended_at=int(time.time()))
            self._ledger.announce("customer.subscription.deleted", subscription)
            return subscription
        card = form.get("payment_method") or subscription["default_payment_method"]
        start = subscription["current_period_end"]
        subscription.update(current_period_start=start, current_period_end=start + MONTH_SECONDS)
        price = subscription["items"]["data"][0]["price"]
        try:
            paid = self._charge(price["unit_amount"], card, subscription["customer"])
        except Refusal:
            paid = None
        invoice = self._invoice(subscription, "subscription_cycle", price["unit_amount"], paid)
        subscription["status"] = "active" if paid else "past_due"
        self._ledger.announce("invoice.paid" if paid else "invoice.payment_failed", invoice)
        self._ledger.announce("customer.subscription.updated", subscription)
        return subscription

    def pay_invoice(self, key: str, form: dict[str, Any]) -> dict[str, Any]:
        """Pay an open invoice with another card; Refusal 402 on a decline."""
        invoice = self.one("invoice", key)
        if invoice["status"] != "open":
            raise _invalid(f"Invoice is already {invoice['status']}.", "invoice")
        subscription = self.one("subscription", invoice["subscription"])
        card = form.get("payment_method") or subscription["default_payment_method"]
        intent = self._charge(invoice["amount_due"], card, subscription["customer"])
        invoice.update(_paid(invoice["amount_due"], intent))
        subscription.update(status="active", default_payment_method=card)
        self._ledger.announce("invoice.paid", invoice)
        self._ledger.announce("customer.subscription.updated", subscription)
        return invoice

    def _change_price(self, subscription: dict[str, Any], form: dict[str, Any]) -> None:
        [item], wanted = subscription["items"]["data"], form["items"]
        if not isinstance(wanted, list) or len(wanted) != 1 or wanted[0].get("id") != item["id"]:
            raise _invalid("The subscription has one item; name it by its id.", "items[0][id]")
        price, behaviour = (
            self.one("price", wanted[0].get("price", "")),
            form.get("proration_behavior", "create_prorations"),
        )
        if behaviour not in PRORATIONS:
            raise _invalid(f"Invalid proration_behavior: {behaviour}", "proration_behavior")
        more = price["unit_amount"] - item["price"]["unit_amount"]
        left = max(0, subscription["current_period_end"] - int(time.time()))
        cents = more * left // MONTH_SECONDS
        if behaviour == "always_invoice" and cents > 0:
            paid = self._charge(cents, subscription["default_payment_method"], subscription["customer"])
            item["price"] = price
            invoice = self._invoice(
                subscription, "subscription_update", cents, paid, start=int(time.time()), proration=True
            )
            self._ledger.announce("invoice.paid", invoice)
        item["price"] = price

    def _subscribe(
        self, session: dict[str, Any], price: dict[str, Any], customer: str, card: str
    ) -> dict[str, Any]:
        now, key = int(time.time()), new_id("sub")
        item = {"id": new_id("si"), "object": "subscription_item", "price": price, "quantity": 1}
        return self._keep(
            {
                "id": key,
                "object": "subscription",
                "cancel_at_period_end": False,
                "created": now,
                "currency": "usd",
                "current_period_end": now + MONTH_SECONDS,
                "current_period_start": now,
                "customer": customer,
                "default_payment_method": card,
                "ended_at": None,
                "items": {"object": "list", "data": [item], "has_more": False},
                "latest_invoice": None,
                "livemode": False,
                "metadata": dict(session["subscription_metadata"]),
                "status": "active",
            }
        )

    def _invoice(
        self,
        subscription: dict[str, Any],
        reason: str,
        cents: int,
        paid: str | None,
        *,
        start: int | None = None,
        proration: bool = False,
    ) -> dict[str, Any]:
        period = {
            "start": start or subscription["current_period_start"],
            "end": subscription["current_period_end"],
        }
        line = {
            "id": new_id("il"),
            "object": "line_item",
            "amount": cents,
            "currency": "usd",
            "period": period,
            "price": subscription["items"]["data"][0]["price"],
            "proration": proration,
        }
        invoice = {
            "id": new_id("in"),
            "object": "invoice",
            "amount_due": cents,
            "amount_paid": 0,
            "billing_reason": reason,
            "created": int(time.time()),
            "currency": "usd",
            "customer": subscription["customer"],
            "lines": {"object": "list", "data": [line], "has_more": False},
            "livemode": False,
            "paid": False,
            "payment_intent": None,
            "status": "open",
            "subscription": subscription["id"],
            **(_paid(cents, paid) if paid else {}),
        }
        subscription["latest_invoice"] = invoice["id"]
        return self._keep(invoice)

    def _charge(self, cents: int, card: str, customer: str) -> str:
        """The intent that was paid; Refusal 402 on a decline."""
        form = {
            "amount": str(cents),
            "currency": "usd",
            "customer": customer,
            "payment_method": card,
            "confirm": "true",
            "off_session": "true",
        }
        return str(self._ledger.create(form)["id"])

    def _living(self, key: str) -> dict[str, Any]:
        subscription = self.one("subscription", key)
        if subscription["status"] == "canceled":
            raise _invalid("A canceled subscription can only update its cancellation_details.", "id")
        return subscription

    def _keep(self, thing: dict[str, Any]) -> dict[str, Any]:
        self._ledger.keep(thing)
        return thing


def _paid(cents: int, intent: str) -> dict[str, Any]:
    return {"amount_paid": cents, "paid": True, "payment_intent": intent, "status": "paid"}


def _number(form: dict[str, Any], name: str) -> int:
    text = str(form.get(name, ""))
    if not text.isdigit():
        raise _invalid(f"Invalid integer: {text}", name, "parameter_invalid_integer")
    return int(text)


def _invalid(message: str, param: str, code: str = "parameter_invalid") -> Refusal:
    return Refusal(400, "invalid_request_error", message, code=code, param=param)
