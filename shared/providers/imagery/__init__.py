"""Pictures of a roof: from above, and from the street; as files to keep, or as addresses for a browser to show.

What may be kept is for `can_use_image` to say by a picture's source. A vendor whose terms allow display only has an
adapter without `fetch`: it gives addresses, never bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from importlib import import_module
from typing import Any, Final, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.errors import InvalidInput
from shared.providers.base import ProviderDeps
from shared.providers.settings import KEYED, ProviderSettings, names
from shared.schemas.enums import ImageLevel
from shared.schemas.geo import GeoPoint

SPANS_M: Final[Mapping[ImageLevel, float]] = {
    ImageLevel.ROOF: 48.0,
    ImageLevel.LOT: 96.0,
    ImageLevel.BLOCK: 240.0,
}
"""Ground that a picture of each level shows, metres a side."""
FINEST_M: Final = 0.02
COARSEST_M: Final = 10.0
TILE_PLACES: Final = ("{TileMatrix}", "{TileRow}", "{TileCol}")


@dataclass(frozen=True, slots=True)
class NadirOffer:
    """A picture from above that covers a point: `source` names its licence row."""

    source: str
    image_id: str
    href: str
    media_type: str
    captured_on: date | None
    metres_per_pixel: float
    bbox: tuple[float, float, float, float] | None = None
    """West, south, east, north in degrees."""
    levels: tuple[ImageLevel, ...] = (ImageLevel.ROOF,)
    at: GeoPoint | None = None
    """The house, where the picture is cut out around it."""


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
class Mosaic:
    """A picture in square tiles, row by row from the north-west, and the square of it that is meant, in pixels."""

    rows: tuple[tuple[bytes, ...], ...]
    left: int
    top: int
    side: int


@dataclass(frozen=True, slots=True)
class FetchedImage:
    """A picture as it came; it is decoded elsewhere, under limits."""

    source: str
    image_id: str
    body: bytes | Mosaic
    media_type: str
    fetched_at: datetime
    metres_per_pixel: float | None = None
    """Ground that a pixel of this file shows, where the picture's vendor makes it so."""


@dataclass(frozen=True, slots=True)
class LiveView:
    """A picture that a browser may show: its address without our key, so that it may be stored."""

    source: str
    view_id: str
    address: str
    captured_on: date | None
    metres_per_pixel: float
    width: int
    height: int


class NadirImagery(Protocol):
    """Pictures from above that come as files."""

    name: str
    source: str
    """The registry's key of its licence row."""

    async def find(self, point: GeoPoint, *, since: date | None = None) -> Sequence[NadirOffer]:
        """Pictures that cover the point, newest first."""

    async def fetch(self, offer: NadirOffer, level: ImageLevel = ImageLevel.ROOF) -> FetchedImage:
        """The picture itself, at one of the levels it is offered at."""


class LiveImagery(Protocol):
    """A vendor whose pictures are shown from its own servers."""

    name: str
    source: str

    async def live_url(self, address: str) -> str:
        """The address with our key, signed where the vendor signs; its price is booked."""


class LiveNadir(LiveImagery, Protocol):
    """Pictures from above that are only shown."""

    def view(self, point: GeoPoint, level: ImageLevel) -> LiveView:
        """The picture around a point."""


class StreetImagery(LiveImagery, Protocol):
    """Pictures from the street; kept or only shown, as the licence of the source says."""

    async def find(self, point: GeoPoint, *, radius_metres: int = 50) -> Panorama | None:
        """The panorama nearest to the point; free of cost. None where there is none."""

    async def fetch(self, panorama: Panorama, view: StreetView) -> FetchedImage | None:
        """A picture from the panorama; None where it has gone meanwhile."""

    def live(self, panorama: Panorama, view: StreetView) -> LiveView:
        """The same picture for a browser; its detail depends on the house and is given as 0."""


class OrthoService(BaseModel):
    """A state's or county's orthophotos, as `image_sources` of `target_cities.sources` holds them."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    key: str
    kind: Literal["imageserver", "wmts"]
    service_url: str | None = Field(None, pattern=r"^https?://")
    """An image service, or the address of a tile with {TileMatrix}, {TileRow} and {TileCol} in it."""
    service_path: str | None = None
    """The same below the vendor's own address, where no service_url is given."""
    metres_per_pixel: float = Field(ge=FINEST_M, le=COARSEST_M)
    captured_on: date | None = None
    captured_field: str | None = Field(None, pattern=r"^[A-Za-z_]\w*$")
    """The column of an image service's catalogue that holds the day of the flight."""
    pixel_size_field: str | None = Field(None, pattern=r"^[A-Za-z_]\w*$")
    """The column that holds a picture's own metres a pixel in Web Mercator (`LowPS`), where flights differ."""
    bbox: tuple[float, float, float, float] | None = None
    """West, south, east, north in degrees of what is covered, where that is known."""
    requests_per_second: float | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _refuse_the_unreadable(self) -> OrthoService:
        address = self.service_url or self.service_path
        if not address:
            raise ValueError("orthophotos need service_url or service_path")
        if self.kind == "wmts" and not all(name in address for name in TILE_PLACES):
            raise ValueError(f"the address of a tile needs {', '.join(TILE_PLACES)}")
        return self

    def address(self, root: str) -> str:
        """Where the service is; `root` is the vendor's own address."""
        return self.service_url or f"{root}/{(self.service_path or '').lstrip('/')}"

    def holds(self, point: GeoPoint) -> bool:
        """Whether the point may be covered, as far as is known beforehand."""
        if self.bbox is None:
            return True
        west, south, east, north = self.bbox
        return west <= point.lng <= east and south <= point.lat <= north

    def offer(
        self, point: GeoPoint, captured_on: date | None, *, metres_per_pixel: float | None = None
    ) -> NadirOffer:
        """The picture around a point, at every level."""
        return NadirOffer(
            source=self.key,
            image_id=f"{self.key}:{captured_on or 'undated'}",
            href="",
            media_type="image/jpeg",
            captured_on=captured_on,
            metres_per_pixel=metres_per_pixel or self.metres_per_pixel,
            levels=tuple(SPANS_M),
            at=point,
        )


PUBLIC_ORTHO: Final = "public_ortho"
"""The place of a city's own orthophotos in NADIR_IMAGERY."""
_NADIR: Final[Mapping[str, tuple[str, str]]] = {
    "stac": ("stac", "StacImagery"),
    "usgs": ("usgs", "UsgsImagery"),
    "nearmap": ("nearmap", "NearmapImagery"),
}
_LIVE: Final[Mapping[str, tuple[str, str]]] = {
    "google_static": ("google_static", "GoogleStaticImagery"),
    "mapbox_static": ("mapbox_static", "MapboxStaticImagery"),
}
_ORTHO: Final[Mapping[str, tuple[str, str]]] = {
    "imageserver": ("imageserver", "ImageServerImagery"),
    "wmts": ("wmts", "WmtsImagery"),
}
_STREET: Final[Mapping[str, tuple[str, str]]] = {"streetview": ("street", "StreetViewImagery")}
"""Module and class of each vendor; its libraries are loaded when it is first asked for."""


def build_nadir(
    settings: ProviderSettings, deps: ProviderDeps, services: Sequence[OrthoService] = ()
) -> tuple[NadirImagery, ...]:
    """The vendors of NADIR_IMAGERY in its order, those without key left out; `services` are the city's own."""
    found: list[NadirImagery] = []
    for name in names(settings.nadir_imagery):
        if name == PUBLIC_ORTHO:
            found += [_made(_ORTHO, one.kind)(one, settings, deps) for one in services]
        elif _can_ask(settings, name, _NADIR):
            found.append(_made(_NADIR, name)(settings, deps))
    return tuple(found)


def build_live(settings: ProviderSettings, deps: ProviderDeps) -> tuple[LiveNadir, ...]:
    """The vendors of LIVE_IMAGERY in its order, those without key left out."""
    wanted = (name for name in names(settings.live_imagery) if _can_ask(settings, name, _LIVE))
    return tuple(_made(_LIVE, name)(settings, deps) for name in wanted)


def build_street(settings: ProviderSettings, deps: ProviderDeps) -> StreetImagery:
    """The vendor of STREET_IMAGERY."""
    if settings.street_imagery not in _STREET:
        raise InvalidInput(f"no street imagery is called {settings.street_imagery}")
    made: StreetImagery = _made(_STREET, settings.street_imagery)(settings, deps)
    return made


def _can_ask(settings: ProviderSettings, name: str, known: Mapping[str, Any]) -> bool:
    """Whether a vendor can be asked; InvalidInput for one that nobody knows."""
    if name not in known:
        raise InvalidInput(f"no imagery is called {name}")
    return name not in KEYED or settings.can_ask(name)


def _made(known: Mapping[str, tuple[str, str]], name: str) -> Callable[..., Any]:
    module, maker = known[name]
    made: Callable[..., Any] = getattr(import_module(f"{__name__}.{module}"), maker)
    return made
