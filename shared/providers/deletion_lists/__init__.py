"""Lists of people who asked every data broker at once to delete them, downloaded and answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import BinaryIO, Final, Protocol

from shared.errors import InvalidInput
from shared.providers.base import ProviderDeps
from shared.providers.settings import ProviderSettings
from shared.schemas.deletion_list import BadLine, DeletionRecord, RequestOutcome


class DeletionLists(Protocol):
    """The agency's desk for data brokers."""

    name: str
    sandbox: bool
    """Whether the invented agency answers, whose lists open no state of the real world."""

    async def download(self, into: BinaryIO) -> None:
        """Write today's whole list to a file, piece by piece; ProviderBadAnswer past the size bound."""

    def records(self, file: BinaryIO) -> Iterator[DeletionRecord | BadLine]:
        """The lines of a downloaded file; ProviderBadAnswer at the end of one that is not whole or no such list."""

    async def report(self, outcomes: Sequence[RequestOutcome]) -> None:
        """Tell what became of requests; telling the same again changes nothing."""


def _drop(settings: ProviderSettings, deps: ProviderDeps) -> DeletionLists:
    from shared.providers.deletion_lists.drop import Drop

    return Drop(settings, deps)


_VENDORS: Final[Mapping[str, Callable[[ProviderSettings, ProviderDeps], DeletionLists]]] = {"drop": _drop}


def build(settings: ProviderSettings, deps: ProviderDeps) -> DeletionLists | None:
    """The desk of DELETION_LISTS; None where it is not named, or has no address or key."""
    if not settings.deletion_lists:
        return None
    if settings.deletion_lists not in _VENDORS:
        raise InvalidInput(f"no desk of deletion lists is called {settings.deletion_lists}")
    if not settings.base_url(settings.deletion_lists) or not settings.can_ask(settings.deletion_lists):
        return None
    return _VENDORS[settings.deletion_lists](settings, deps)
