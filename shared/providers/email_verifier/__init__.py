"""Whether an e-mail address takes mail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final, Protocol

from shared.errors import InvalidInput
from shared.providers.base import ProviderDeps
from shared.providers.settings import ProviderSettings, names


class EmailStatus(StrEnum):
    """What is known about an address; only `valid` may be sent to."""

    VALID = "valid"
    INVALID = "invalid"
    CATCH_ALL = "catch_all"
    UNKNOWN = "unknown"
    SPAMTRAP = "spamtrap"
    ABUSE = "abuse"
    DO_NOT_MAIL = "do_not_mail"

    def deliverable(self) -> bool:
        """True when mail is expected to arrive and to be tolerated."""
        return self is EmailStatus.VALID


@dataclass(frozen=True, slots=True)
class Checks:
    """What each single check said; None where the vendor does not tell."""

    format: bool | None = None
    mx: bool | None = None
    mailbox: bool | None = None
    disposable: bool | None = None
    catch_all: bool | None = None


@dataclass(frozen=True, slots=True)
class EmailVerification:
    """A verdict on one address and its price; an unknown one may be asked again after `retry_after_seconds`."""

    status: EmailStatus
    detail: str
    provider: str
    checked_at: datetime
    role_account: bool = False
    retry_after_seconds: float | None = None
    checks: Checks = Checks()
    cost: Decimal = Decimal(0)


class EmailVerifier(Protocol):
    """Verifies addresses."""

    name: str

    async def verify(self, email: str) -> EmailVerification:
        """What is known about the address."""


def _zerobounce(settings: ProviderSettings, deps: ProviderDeps) -> EmailVerifier:
    from shared.providers.email_verifier.zerobounce import ZeroBounceVerifier

    return ZeroBounceVerifier(settings, deps)


def _neverbounce(settings: ProviderSettings, deps: ProviderDeps) -> EmailVerifier:
    from shared.providers.email_verifier.neverbounce import NeverBounceVerifier

    return NeverBounceVerifier(settings, deps)


_VERIFIERS: Final[Mapping[str, Callable[[ProviderSettings, ProviderDeps], EmailVerifier]]] = {
    "zerobounce": _zerobounce,
    "neverbounce": _neverbounce,
}


def build(settings: ProviderSettings, deps: ProviderDeps) -> tuple[EmailVerifier, ...]:
    """The verifiers of EMAIL_VERIFIERS: the next is asked where one cannot tell."""
    wanted = names(settings.email_verifiers)
    unknown = [name for name in wanted if name not in _VERIFIERS]
    if unknown or not wanted:
        raise InvalidInput(f"no e-mail verifier is called {', '.join(unknown) or 'by no name'}")
    return tuple(_VERIFIERS[name](settings, deps) for name in wanted)
