"""Plans bought on the processor's own page: checkout sessions, subscriptions and invoices."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from shared.errors import InvalidInput
from shared.providers.base import ProviderDeps
from shared.providers.settings import ProviderSettings


@dataclass(frozen=True, slots=True)
class MonthlyPrice:
    """A plan as the processor prices it; `key` finds the same price again."""

    key: str
    name: str
    cents: int


@dataclass(frozen=True, slots=True)
class CheckoutWish:
    """A page on which one subscription is bought; `reference` comes back with everything about it."""

    reference: str
    price: MonthlyPrice
    until: datetime
    success_url: str
    cancel_url: str


@dataclass(frozen=True, slots=True)
class Checkout:
    """A checkout page as it stands: `open`, `complete` or `expired`."""

    id: str
    status: str
    url: str | None
    reference: str | None
    subscription: str | None


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription as the processor knows it."""

    id: str
    status: str
    reference: str | None
    period_end: datetime
    cancel_at_period_end: bool
    price_key: str | None


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice of a subscription; `paid` alone says that its money is ours."""

    id: str
    subscription: str | None
    paid: bool
    amount_cents: int
    currency: str
    price_key: str | None
    starts: datetime
    ends: datetime
    payment_ref: str | None
    """The payment that paid it, by which a bank's dispute names it."""


class Billing(Protocol):
    """Subscriptions. Every write carries the caller's idempotency key, so repeating it is harmless."""

    name: str

    async def checkout(self, wish: CheckoutWish, *, idempotency_key: str) -> Checkout:
        """Open a checkout page."""

    async def read_checkout(self, checkout_id: str) -> Checkout | None:
        """A checkout page's present state."""

    async def subscription(self, subscription_id: str) -> Subscription | None:
        """A subscription's present state."""

    async def invoice(self, invoice_id: str) -> Invoice | None:
        """An invoice's present state."""

    async def invoices(self, subscription_id: str) -> Sequence[Invoice]:
        """The newest invoices of a subscription."""

    async def change_price(
        self, subscription_id: str, price: MonthlyPrice, *, charge_now: bool, idempotency_key: str
    ) -> Subscription:
        """Move a subscription to another price: its proration charged now, or nothing before the next period."""

    async def cancel_at_period_end(
        self, subscription_id: str, *, cancel: bool, idempotency_key: str
    ) -> Subscription:
        """End a subscription with its paid period, or let it go on."""


def _stripe(settings: ProviderSettings, deps: ProviderDeps) -> Billing:
    from shared.providers.payments.stripe_billing import StripeBilling

    return StripeBilling(settings, deps)


_BILLING: Final[Mapping[str, Callable[[ProviderSettings, ProviderDeps], Billing]]] = {"stripe": _stripe}


def build(settings: ProviderSettings, deps: ProviderDeps) -> Billing:
    """The vendor of PAYMENTS."""
    if settings.payments not in _BILLING:
        raise InvalidInput(f"no payment vendor is called {settings.payments}")
    return _BILLING[settings.payments](settings, deps)
