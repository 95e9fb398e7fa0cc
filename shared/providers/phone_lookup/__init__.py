"""What kind of line a telephone number is, and whose network carries it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, Protocol

from shared.errors import InvalidInput
from shared.providers.base import ProviderDeps
from shared.providers.settings import ProviderSettings


@dataclass(frozen=True, slots=True)
class PhoneFacts:
    """A vendor's answer and its price in US dollars; `line_type` is mobile, landline, voip or None where it cannot tell."""

    provider: str
    valid: bool
    line_type: str | None = None
    carrier: str | None = None
    cost: Decimal = Decimal(0)


class PhoneLookup(Protocol):
    """Looks up numbers."""

    name: str

    async def look_up(self, number: str) -> PhoneFacts:
        """What is known of a number in E.164."""

    async def reassigned(self, number: str, since: date) -> str:
        """Whether a number went to somebody else since a day: yes, no or no_data."""


def _twilio(settings: ProviderSettings, deps: ProviderDeps) -> PhoneLookup:
    from shared.providers.phone_lookup.twilio import TwilioLookup

    return TwilioLookup(settings, deps)


_VENDORS: Final[Mapping[str, Callable[[ProviderSettings, ProviderDeps], PhoneLookup]]] = {
    "twilio_lookups": _twilio
}


def build(settings: ProviderSettings, deps: ProviderDeps) -> PhoneLookup | None:
    """The vendor of PHONE_LOOKUP; None where the setting names nobody."""
    if not settings.phone_lookup:
        return None
    if settings.phone_lookup not in _VENDORS:
        raise InvalidInput(f"no vendor of phone facts is called {settings.phone_lookup}")
    return _VENDORS[settings.phone_lookup](settings, deps)


def build_for_texts(settings: ProviderSettings, deps: ProviderDeps) -> PhoneLookup | None:
    """The vendor of PHONE_LOOKUP; beside the sandbox, without one, the sandbox's."""
    if settings.phone_lookup or not settings.sandbox_url:
        return build(settings, deps)
    return _twilio(settings, deps)
