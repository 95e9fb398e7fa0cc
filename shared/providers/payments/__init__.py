"""Charging a card once, and finding out what became of a charge."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Protocol

from shared.errors import InvalidInput
from shared.providers.base import ProviderDeps
from shared.providers.settings import ProviderSettings


class ChargeStatus(StrEnum):
    """What became of a charge; only the first three are final."""

    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    PROCESSING = "processing"
    NEEDS_ACTION = "needs_action"

    def settled(self) -> bool:
        """True when the charge will not change by itself any more."""
        return self in (ChargeStatus.SUCCEEDED, ChargeStatus.DECLINED, ChargeStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class ChargeRequest:
    """A charge of `amount_cents` on a saved payment method; metadata ties it to our rows."""

    amount_cents: int
    payment_method: str
    metadata: Mapping[str, str]
    currency: str = "usd"
    customer: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Charge:
    """A charge as the vendor knows it; a decline is an outcome, not an error."""

    id: str
    status: ChargeStatus
    amount_cents: int
    currency: str
    metadata: Mapping[str, str]
    decline_reason: str | None = None
    receipt: str | None = None

    def record(self) -> dict[str, Any]:
        """The charge as the JSON that an effect stores."""
        return {**asdict(self), "status": self.status.value, "metadata": dict(self.metadata)}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Charge:
        """The charge that `record` stored."""
        return cls(**{**record, "status": ChargeStatus(record["status"])})


@dataclass(frozen=True, slots=True)
class Refund:
    """Money on its way back."""

    id: str
    charge_id: str
    amount_cents: int
    status: str


class Payments(Protocol):
    """Moves money. Every write carries the caller's idempotency key, so repeating it is harmless."""

    name: str

    async def charge(self, request: ChargeRequest, *, idempotency_key: str) -> Charge:
        """Create and confirm a charge; ProviderTimeout leaves it unknown: look it up, then use the same key."""

    async def retrieve(self, charge_id: str) -> Charge | None:
        """The charge's present state."""

    async def find(self, key: str, value: str, *, since: datetime) -> Charge | None:
        """The charge whose metadata holds the pair, among those made since; a succeeded one comes first."""

    async def cancel(self, charge_id: str) -> Charge:
        """End a charge that is still open, and its state then: one that went through or is on its way stays."""

    async def refund(
        self, charge_id: str, *, idempotency_key: str, amount_cents: int | None = None
    ) -> Refund:
        """Give the whole charge or a part of it back."""


def _stripe(settings: ProviderSettings, deps: ProviderDeps) -> Payments:
    from shared.providers.payments.stripe import StripePayments

    return StripePayments(settings, deps)


_PAYMENTS: Final[Mapping[str, Callable[[ProviderSettings, ProviderDeps], Payments]]] = {"stripe": _stripe}


def build(settings: ProviderSettings, deps: ProviderDeps) -> Payments:
    """The vendor of PAYMENTS."""
    if settings.payments not in _PAYMENTS:
        raise InvalidInput(f"no payment vendor is called {settings.payments}")
    return _PAYMENTS[settings.payments](settings, deps)
