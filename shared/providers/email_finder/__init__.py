"""Finding a person's e-mail address, vendor after vendor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar, Final, Protocol

import structlog

from shared.errors import InvalidInput, ProviderRejected
from shared.providers.base import ProviderDeps
from shared.providers.settings import ProviderSettings, names

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Person:
    """Whom to find; what is known of company, domain and postal address narrows the search."""

    full_name: str
    company: str | None = None
    domain: str | None = None
    given: str = ""
    family: str = ""
    street: str = ""
    city: str = ""
    state: str = ""
    zip_code: str = ""

    @property
    def natural_name(self) -> str:
        """The name as its bearer says it, where its parts are known."""
        return f"{self.given} {self.family}".strip() or self.full_name


@dataclass(frozen=True, slots=True)
class FoundPhone:
    """A number as the vendor writes it, with line type (mobile, landline, voip) and carrier where it gives them."""

    number: str
    line_type: str | None = None
    carrier: str | None = None


@dataclass(frozen=True, slots=True)
class FoundEmail:
    """What a vendor knows, with its confidence (0 to 100), where it saw it, and its price in US dollars.

    `email` is None where the vendor was paid for a person whose address it does not know.
    """

    email: str | None
    confidence: int
    provider: str
    sources: tuple[str, ...] = ()
    verification: str | None = None
    cost: Decimal = Decimal(0)
    phones: tuple[FoundPhone, ...] = ()


OPTED_OUT: Final = 451
"""The status under which a vendor says that the person asked not to be processed."""


class PersonOptedOut(ProviderRejected):
    """The person asked the vendor not to be processed: suppress, and never ask again."""

    code: ClassVar[str] = "person-opted-out"
    title: ClassVar[str] = "Person opted out"


class EmailFinder(Protocol):
    """Finds a person's e-mail address."""

    name: str
    price: Decimal
    """What a find costs, US dollars."""

    gives_phones: bool
    """Whether telephone numbers can come with the answer."""

    def can_find(self, person: Person) -> bool:
        """Whether what is known of the person is enough to ask this vendor."""

    async def find(self, person: Person) -> FoundEmail | None:
        """What is known, or None, at no cost, where nothing is; PersonOptedOut ends the search."""


def _hunter(settings: ProviderSettings, deps: ProviderDeps) -> EmailFinder:
    from shared.providers.email_finder.hunter import HunterFinder

    return HunterFinder(settings, deps)


def _snov(settings: ProviderSettings, deps: ProviderDeps) -> EmailFinder:
    from shared.providers.email_finder.snov import SnovFinder

    return SnovFinder(settings, deps)


def _apollo(settings: ProviderSettings, deps: ProviderDeps) -> EmailFinder:
    from shared.providers.email_finder.apollo import ApolloFinder

    return ApolloFinder(settings, deps)


def _fullcontact(settings: ProviderSettings, deps: ProviderDeps) -> EmailFinder:
    from shared.providers.email_finder.fullcontact import FullContactFinder

    return FullContactFinder(settings, deps)


_FINDERS: Final[Mapping[str, Callable[[ProviderSettings, ProviderDeps], EmailFinder]]] = {
    "hunter": _hunter,
    "snov": _snov,
    "apollo": _apollo,
    "fullcontact": _fullcontact,
}
NOT_AVAILABLE: Final[Mapping[str, str]] = {
    "clearbit": "no key is sold since 2023, and it finds by address only",
}
"""Vendors that are passed over wherever a setting names them, and why (contracts/clearbit.md)."""


def build(settings: ProviderSettings, deps: ProviderDeps) -> tuple[EmailFinder, ...]:
    """The finders of EMAIL_FINDERS that can be had, in its order."""
    wanted = names(settings.email_finders)
    unknown = [name for name in wanted if name not in _FINDERS and name not in NOT_AVAILABLE]
    if unknown:
        raise InvalidInput(f"no e-mail finder is called {', '.join(unknown)}")
    for name in wanted:
        if name in NOT_AVAILABLE:
            log.info("email_finder_passed_over", provider=name, reason=NOT_AVAILABLE[name])
    return tuple(_FINDERS[name](settings, deps) for name in wanted if name in _FINDERS)
