"""Who owns a house by a licensed copy of the county's records, where the county itself cannot be asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Protocol

from shared.errors import InvalidInput
from shared.providers.base import ProviderDeps
from shared.providers.geocoder import PostalAddress
from shared.providers.settings import ProviderSettings, names


@dataclass(frozen=True, slots=True)
class OwnerRecord:
    """The owner as the vendor's copy of the records names them."""

    name: str
    mailing_address: str | None = None
    is_company: bool | None = None
    apn: str | None = None
    vendor_id: str | None = None


@dataclass(frozen=True, slots=True)
class OwnerAnswer:
    """A vendor's answer and its price in US dollars; `record` is None where it knows no owner."""

    provider: str
    record: OwnerRecord | None
    cost: Decimal = Decimal(0)


class OwnerRecords(Protocol):
    """Looks up owners; what the answer may be used for stands in the vendor's licence row."""

    name: str
    price: Decimal
    """What a look-up costs, US dollars."""

    async def look_up(self, address: PostalAddress) -> OwnerAnswer:
        """Who owns the house at that address."""


def _attom(settings: ProviderSettings, deps: ProviderDeps) -> OwnerRecords:
    from shared.providers.owner_records.attom import AttomRecords

    return AttomRecords(settings, deps)


def _melissa(settings: ProviderSettings, deps: ProviderDeps) -> OwnerRecords:
    from shared.providers.owner_records.melissa import MelissaRecords

    return MelissaRecords(settings, deps)


_VENDORS: Final[Mapping[str, Callable[[ProviderSettings, ProviderDeps], OwnerRecords]]] = {
    "attom": _attom,
    "melissa": _melissa,
}


def build(settings: ProviderSettings, deps: ProviderDeps) -> tuple[OwnerRecords, ...]:
    """The vendors of OWNER_RECORDS, in its order."""
    wanted = names(settings.owner_records)
    unknown = [name for name in wanted if name not in _VENDORS]
    if unknown:
        raise InvalidInput(f"no vendor of owner records is called {', '.join(unknown)}")
    return tuple(_VENDORS[name](settings, deps) for name in wanted)
