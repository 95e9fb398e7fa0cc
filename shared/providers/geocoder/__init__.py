"""From a postal address to a point."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final, Protocol

from shared.errors import InvalidInput
from shared.providers.base import ProviderDeps
from shared.providers.settings import ProviderSettings
from shared.schemas.geo import GeoPoint

_ZIP: Final = re.compile(r"\b[A-Za-z]{2,}\.?,? (\d{5})(?:-\d{4})?(?:, United States)?$")
"""Behind the state's name, never the number of the house."""


class Accuracy(StrEnum):
    """How the point was found."""

    ROOFTOP = "rooftop"
    PARCEL = "parcel"
    """Somewhere on the lot."""
    POINT = "point"
    """A surveyed point, such as the house's entrance."""
    INTERPOLATED = "interpolated"
    """Along the street by house number: 10 to 100 metres off."""


@dataclass(frozen=True, slots=True)
class PostalAddress:
    """An address to look up; `key` ties batch answers to questions."""

    key: str
    street: str
    city: str
    state: str
    zip_code: str = ""

    def one_line(self) -> str:
        """The address as one line."""
        return f"{self.street}, {self.city}, {self.state} {self.zip_code}".strip()


@dataclass(frozen=True, slots=True)
class GeocodedAddress:
    """The point and the address that the geocoder took it to be."""

    point: GeoPoint
    matched_address: str
    accuracy: Accuracy
    exact: bool

    @property
    def zip_code(self) -> str:
        """The ZIP code of the matched address; empty where it names none."""
        found = _ZIP.search(self.matched_address)
        return found[1] if found else ""


class Geocoder(Protocol):
    """Finds points."""

    name: str
    source: str
    """The registry's key of its licence row."""

    price: Decimal
    """What an address asked for costs, US dollars."""

    async def locate(self, address: PostalAddress) -> GeocodedAddress | None:
        """The point of an address, or None where it matches nothing."""

    async def locate_many(self, addresses: Sequence[PostalAddress]) -> Mapping[str, GeocodedAddress]:
        """The points of those addresses that match, by their key."""


def _census(settings: ProviderSettings, deps: ProviderDeps) -> Geocoder:
    from shared.providers.geocoder.census import CensusGeocoder

    return CensusGeocoder(settings, deps)


def _mapbox(settings: ProviderSettings, deps: ProviderDeps) -> Geocoder:
    from shared.providers.geocoder.mapbox import MapboxGeocoder

    return MapboxGeocoder(settings, deps)


_GEOCODERS: Final[Mapping[str, Callable[[ProviderSettings, ProviderDeps], Geocoder]]] = {
    "census": _census,
    "mapbox": _mapbox,
}


def build(settings: ProviderSettings, deps: ProviderDeps) -> Geocoder:
    """The geocoder of GEOCODER."""
    if settings.geocoder not in _GEOCODERS:
        raise InvalidInput(f"no geocoder is called {settings.geocoder}")
    return _GEOCODERS[settings.geocoder](settings, deps)


def build_bulk(settings: ProviderSettings, deps: ProviderDeps) -> Geocoder:
    """The geocoder of whole cities: free, and its results may be stored."""
    return _census(settings, deps)
