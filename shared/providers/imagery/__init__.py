"""Pictures of a roof: from above, and from the street."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Protocol

from shared.errors import InvalidInput
from shared.providers.base import ProviderDeps
from shared.providers.settings import ProviderSettings
from shared.schemas.geo import GeoPoint


@dataclass(frozen=True, slots=True)
class NadirOffer:
    """A picture from above that covers a point: `source` names its licence row."""

    source: str
    image_id: str
    href: str
    media_type: str
    captured_on: date
    metres_per_pixel: float
    bbox: tuple[float, float, float, float] | None = None
    """West, south, east, north in degrees."""


@dataclass(frozen=True, slots=True)
class Panorama:
    """A place on the street from which pictures can be had."""

    source: str
    panorama_id: str
    at: GeoPoint
    captured_on: date | None
    copyright: str = ""


@dataclass(frozen=True, slots=True)
class StreetView:
    """How the camera stands: compass heading and pitch in degrees, opening angle, size in pixels."""

    heading: float
    pitch: float = 10.0
    field_of_view: float = 80.0
    width: int = 640
    height: int = 640


@dataclass(frozen=True, slots=True)
class FetchedImage:
    """A picture as it came; it is decoded elsewhere, under limits."""

    source: str
    image_id: str
    body: bytes
    media_type: str
    fetched_at: datetime


class NadirImagery(Protocol):
    """Pictures from above."""

    name: str

    async def find(self, point: GeoPoint, *, since: date | None = None) -> Sequence[NadirOffer]:
        """Pictures that cover the point, newest first."""

    async def fetch(self, offer: NadirOffer) -> FetchedImage:
        """The picture itself."""


class StreetImagery(Protocol):
    """Pictures from the street."""

    name: str

    async def find(self, point: GeoPoint, *, radius_metres: int = 50) -> Panorama | None:
        """The panorama nearest to the point; free of cost. None where there is none."""

    async def fetch(self, panorama: Panorama, view: StreetView) -> FetchedImage | None:
        """A picture from the panorama; None where it has gone meanwhile."""


def _stac(settings: ProviderSettings, deps: ProviderDeps) -> NadirImagery:
    from shared.providers.imagery.stac import StacImagery

    return StacImagery(settings, deps)


def _streetview(settings: ProviderSettings, deps: ProviderDeps) -> StreetImagery:
    from shared.providers.imagery.street import StreetViewImagery

    return StreetViewImagery(settings, deps)


_NADIR: Final[Mapping[str, Callable[[ProviderSettings, ProviderDeps], NadirImagery]]] = {"stac": _stac}
_STREET: Final[Mapping[str, Callable[[ProviderSettings, ProviderDeps], StreetImagery]]] = {
    "streetview": _streetview
}


def build_nadir(settings: ProviderSettings, deps: ProviderDeps) -> NadirImagery:
    """The vendor of NADIR_IMAGERY."""
    if settings.nadir_imagery not in _NADIR:
        raise InvalidInput(f"no imagery from above is called {settings.nadir_imagery}")
    return _NADIR[settings.nadir_imagery](settings, deps)


def build_street(settings: ProviderSettings, deps: ProviderDeps) -> StreetImagery:
    """The vendor of STREET_IMAGERY."""
    if settings.street_imagery not in _STREET:
        raise InvalidInput(f"no street imagery is called {settings.street_imagery}")
    return _STREET[settings.street_imagery](settings, deps)
