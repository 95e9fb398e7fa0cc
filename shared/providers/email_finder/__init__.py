"""Finding a person's e-mail address, vendor after vendor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar, Final, Protocol

from shared.errors import InvalidInput, ProviderError, ProviderRejected
from shared.providers.base import ProviderDeps
from shared.providers.settings import ProviderSettings, names


@dataclass(frozen=True, slots=True)
class Person:
    """Whom to find; a domain or company narrows the search where one is known."""

    full_name: str
    company: str | None = None
    domain: str | None = None


@dataclass(frozen=True, slots=True)
class FoundEmail:
    """An address with the vendor's confidence (0 to 100), where the vendor saw it, and its price in US dollars."""

    email: str
    confidence: int
    provider: str
    sources: tuple[str, ...] = ()
    verification: str | None = None
    cost: Decimal = Decimal(0)


class PersonOptedOut(ProviderRejected):
    """The person asked the vendor not to be processed: suppress, and never ask again."""

    code: ClassVar[str] = "person-opted-out"
    title: ClassVar[str] = "Person opted out"


class EmailFinder(Protocol):
    """Finds a person's e-mail address."""

    name: str

    async def find(self, person: Person) -> FoundEmail | None:
        """The address, or None where the vendor knows none; PersonOptedOut ends the search."""


@dataclass(frozen=True, slots=True)
class Try:
    """What one vendor of the waterfall gave: an address, nothing, or its failure."""

    provider: str
    found: FoundEmail | None = None
    error: ProviderError | None = None

    @property
    def failure(self) -> str | None:
        """The code of the failure."""
        return self.error.code if self.error else None


async def find_email(finders: Sequence[EmailFinder], person: Person) -> tuple[Try, ...]:
    """The tries of the waterfall in order; the last holds the address when one was found.

    A vendor that is down, rate limited or out of budget passes the question on to the next.
    """
    tries: list[Try] = []
    for finder in finders:
        try:
            found = await finder.find(person)
        except PersonOptedOut:
            raise
        except ProviderError as error:
            tries.append(Try(finder.name, error=error))
            continue
        tries.append(Try(finder.name, found))
        if found is not None:
            break
    return tuple(tries)


def _hunter(settings: ProviderSettings, deps: ProviderDeps) -> EmailFinder:
    from shared.providers.email_finder.hunter import HunterFinder

    return HunterFinder(settings, deps)


_FINDERS: Final[Mapping[str, Callable[[ProviderSettings, ProviderDeps], EmailFinder]]] = {"hunter": _hunter}


def build(settings: ProviderSettings, deps: ProviderDeps) -> tuple[EmailFinder, ...]:
    """The finders of EMAIL_FINDERS, in the order of the waterfall."""
    unknown = [name for name in names(settings.email_finders) if name not in _FINDERS]
    if unknown:
        raise InvalidInput(f"no e-mail finder is called {', '.join(unknown)}")
    return tuple(_FINDERS[name](settings, deps) for name in names(settings.email_finders))
