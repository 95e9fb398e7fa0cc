"""Whether the post delivers to an address, and how it writes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from shared.errors import InvalidInput
from shared.providers.base import ProviderDeps
from shared.providers.geocoder import PostalAddress
from shared.providers.settings import ProviderSettings


class Delivery(StrEnum):
    """What the post knows of a delivery point."""

    DELIVERABLE = "deliverable"
    UNIT_MISSING = "unit_missing"
    UNIT_UNCONFIRMED = "unit_unconfirmed"
    UNDELIVERABLE = "undeliverable"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class MailingAddress:
    """An address as the post writes it, with what it says of the delivery."""

    street: str
    unit: str
    city: str
    state: str
    zip_code: str
    plus4: str
    delivery: Delivery
    exact: bool
    vacant: bool


class AddressValidator(Protocol):
    """Validates addresses that shall get mail."""

    name: str

    async def validate(self, address: PostalAddress) -> MailingAddress | None:
        """The address in the post's own form, or None where it knows none like it."""


def _usps(settings: ProviderSettings, deps: ProviderDeps) -> AddressValidator:
    from shared.providers.address_validator.usps import UspsValidator

    return UspsValidator(settings, deps)


_VALIDATORS: Final[Mapping[str, Callable[[ProviderSettings, ProviderDeps], AddressValidator]]] = {
    "usps": _usps
}


def build(settings: ProviderSettings, deps: ProviderDeps) -> AddressValidator:
    """The validator of ADDRESS_VALIDATOR."""
    if settings.address_validator not in _VALIDATORS:
        raise InvalidInput(f"no address validator is called {settings.address_validator}")
    return _VALIDATORS[settings.address_validator](settings, deps)
