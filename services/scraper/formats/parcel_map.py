"""One normaliser for parcel rows of every layer, by the field map of its source."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import shapely

from services.scraper.domain.addresses import read_address
from services.scraper.domain.property_types import property_type_of
from services.scraper.domain.rows import ParcelRow, Rejected
from services.scraper.domain.values import (
    OLDEST_HOUSE,
    clean_text,
    date_of,
    decimal_of,
    first_present,
    is_plausible_day,
    point_of,
    zip5_of,
)
from shared.providers.parcel_source.projections import in_degrees, point_in_degrees
from shared.schemas.address import Address, InvalidAddress, parse_address
from shared.schemas.owners import is_company

SQFT_PER_ACRE = Decimal(43_560)
NOMINAL_SALE = 100
"""Deeds between relatives and to trusts name "ten dollars and other good and valuable consideration"; no market price."""
YES = frozenset({"Y", "YES", "TRUE", "1", "T"})
EMAIL = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[A-Za-z]{2,}")
PERSON_FIELDS = ("owner_name", "owner_mailing", "mailing_address", "owner_email", "owner_phone")
Ring = Sequence[Sequence[float]]


@dataclass(frozen=True, slots=True)
class ParcelSource:
    """A parcel layer: its county, its zone and what its columns are called.

    `projection` is that of its own `x`, `y` and `boundary_wkt` columns, where it has such.
    """

    key: str
    city: str
    state: str
    county: str
    zone: ZoneInfo
    fields: Mapping[str, tuple[str, ...]]
    source_url: str | None = None
    projection: str | None = None

    @classmethod
    def from_config(
        cls, key: str, config: Mapping[str, Any], *, city: str, state: str, county: str, time_zone: str
    ) -> ParcelSource:
        """A source from its entry in a city's configuration (`field_map`, `layer_url`)."""
        fields = {
            name: (columns,) if isinstance(columns, str) else tuple(columns)
            for name, columns in dict(config.get("field_map") or {}).items()
            if columns
        }
        url = config.get("layer_url") or config.get("url")
        return cls(
            key,
            city,
            state,
            county,
            ZoneInfo(time_zone),
            fields,
            str(url) if url else None,
            config.get("projection"),
        )

    def columns(self) -> frozenset[str]:
        """Every column that the map reads."""
        return frozenset(column for columns in self.fields.values() for column in columns)

    def person_columns(self) -> frozenset[str]:
        """The columns that name the owner or where he lives."""
        return frozenset(column for name in PERSON_FIELDS for column in self.fields.get(name, ()))


def parcel_of(
    row: Mapping[str, Any], source: ParcelSource, today: date, *, geometry: Mapping[str, Any] | None = None
) -> ParcelRow | Rejected:
    """The parcel in a layer's row, or the reason it cannot be kept; 0 means unknown for years, areas and prices."""
    cell = _Cells(row, source)
    apn = clean_text(cell.first("parcel_id"), 64)
    if apn is None:
        return Rejected("missing_parcel_id")
    place = _place_of(cell)
    if isinstance(place, Rejected):
        return place
    line, city, state, address = place
    boundary, lat, lng = _ground_of(cell, geometry or cell.shape())
    owner, mailing = cell.joined("owner_name"), cell.joined("owner_mailing") or cell.joined("mailing_address")
    return ParcelRow(
        county=clean_text(cell.first("county"), 100) or source.county,
        state=state,
        apn=apn,
        address=line,
        address_key=address.key,
        unit=address.unit[:20] or None,
        city=city.title() if city.isupper() else city,
        zip=address.zip5 or None,
        lat=lat,
        lng=lng,
        boundary=boundary,
        owner_name=owner,
        mailing_address=mailing,
        owner_email=cell.email("owner_email"),
        owner_phone=cell.phone("owner_phone"),
        owner_occupied=_occupied(clean_text(cell.first("homestead")), mailing, address),
        owner_is_company=is_company(owner),
        hoa=True if clean_text(cell.first("hoa_name")) else None,
        property_type=property_type_of(cell.joined("property_type") or cell.joined("use_code")),
        use_code=clean_text(cell.first("use_code"), 50),
        year_built=cell.whole("year_built", low=OLDEST_HOUSE, high=today.year + 2),
        stories=cell.number("stories", below=100),
        sqft=cell.whole("sqft", low=1, high=2_000_000_000),
        lot_size=cell.acres(),
        beds=cell.whole("beds", low=1, high=10_000),
        baths=cell.number("baths", below=100),
        assessed_value=cell.number("assessed_value", below=10**10),
        market_value=cell.number("market_value", below=10**10),
        tax_amount=cell.number("tax_amount", below=10**10),
        last_sale_on=cell.day("last_sale_date", today),
        last_sale_price=cell.number("last_sale_price", above=NOMINAL_SALE, below=10**10),
        source=source.key,
        source_url=source.source_url,
    )


class _Place(NamedTuple):
    line: str
    city: str
    state: str
    address: Address


def _place_of(cell: _Cells) -> _Place | Rejected:
    line = cell.joined("address")
    if line is None:
        return Rejected("missing_address")
    city = clean_text(cell.first("city"), 100) or cell.source.city
    state = (clean_text(cell.first("state")) or cell.source.state).upper()[:2]
    try:
        return _Place(line, city, state, read_address(line, city, state, zip5_of(cell.first("zip"))))
    except InvalidAddress:
        return Rejected("address_unreadable")


def _ground_of(cell: _Cells, geometry: Mapping[str, Any] | None) -> tuple[Any, float | None, float | None]:
    """Boundary, latitude and longitude, as far as the row tells them."""
    boundary = multipolygon_of(geometry)
    said = point_of(cell.first("lat"), cell.first("lng"))
    lat, lng = said or _centre_of(geometry, boundary) or cell.projected_point() or (None, None)
    return boundary, lat, lng


@dataclass(frozen=True, slots=True)
class _Cells:
    row: Mapping[str, Any]
    source: ParcelSource

    def first(self, name: str) -> Any:
        columns = self.source.fields.get(name)
        return first_present(self.row, columns) if columns else None

    def joined(self, name: str) -> str | None:
        parts = [clean_text(self.row.get(column)) for column in self.source.fields.get(name, ())]
        return " ".join(part for part in parts if part) or None

    def number(self, name: str, *, below: int, above: int = 0) -> Decimal | None:
        value = decimal_of(self.first(name))
        return value if value is not None and above < value < below else None

    def whole(self, name: str, *, low: int, high: int) -> int | None:
        value = decimal_of(self.first(name))
        return int(value) if value is not None and low <= value <= high else None

    def day(self, name: str, today: date) -> date | None:
        value = date_of(self.first(name), self.source.zone)
        return value if value and is_plausible_day(value, today) else None

    def shape(self) -> dict[str, Any] | None:
        wkt, projection = clean_text(self.first("boundary_wkt")), self.source.projection
        if wkt is None or projection is None:
            return None
        shape = shapely.from_wkt(wkt, on_invalid="ignore")
        return in_degrees(projection, shapely.geometry.mapping(shape)) if shape is not None else None

    def projected_point(self) -> tuple[float, float] | None:
        x, y = decimal_of(self.first("x")), decimal_of(self.first("y"))
        if not x or not y or self.source.projection is None:
            return None
        lng, lat = point_in_degrees(self.source.projection, float(x), float(y))
        return point_of(lat, lng)

    def email(self, name: str) -> str | None:
        """The one address in a cell; a clerk's remark, or several in one cell, is none."""
        value = clean_text(self.first(name), 254)
        return value.lower() if value and EMAIL.fullmatch(value) else None

    def phone(self, name: str) -> str | None:
        """Ten digits in any spelling."""
        value = clean_text(self.first(name), 40)
        return value if value and len(re.sub(r"\D", "", value).removeprefix("1")) == 10 else None

    def acres(self) -> Decimal | None:
        lot = self.number("lot_sqft", below=10**12)
        if lot is None:
            return self.number("lot_acres", below=10**8)
        return (lot / SQFT_PER_ACRE).quantize(Decimal("0.01"))


def _occupied(homestead: str | None, mailing: str | None, situs: Address) -> bool | None:
    """True with a homestead exemption or where the tax bill goes to the house itself; None when nothing is said."""
    if homestead and homestead.upper() in YES:
        return True
    if mailing is None:
        return None
    try:
        return parse_address(mailing, state=situs.state).street_key == situs.street_key
    except InvalidAddress:
        return None


def multipolygon_of(geometry: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """GeoJSON MultiPolygon of an Esri or GeoJSON shape; Esri's outer rings run clockwise, its holes do not."""
    if not geometry:
        return None
    if geometry.get("type") == "Polygon":
        return {"type": "MultiPolygon", "coordinates": [geometry["coordinates"]]}
    if geometry.get("type") == "MultiPolygon":
        return dict(geometry)
    polygons: list[list[Ring]] = []
    for ring in geometry.get("rings") or ():
        if len(ring) < 4:
            continue
        if _signed_area(ring) > 0 and polygons:
            polygons[-1].append(ring)
        else:
            polygons.append([ring])
    return {"type": "MultiPolygon", "coordinates": polygons} if polygons else None


def _signed_area(ring: Ring) -> float:
    pairs = pairwise(ring)
    return sum(one[0] * two[1] - two[0] * one[1] for one, two in pairs) / 2


def _point_itself(geometry: Mapping[str, Any]) -> tuple[float, float] | None:
    if geometry.get("type") == "Point":
        lng, lat, *_ = geometry["coordinates"]
        return point_of(lat, lng)
    return point_of(geometry.get("y"), geometry.get("x"))


def _centre_of(
    geometry: Mapping[str, Any] | None, boundary: Mapping[str, Any] | None
) -> tuple[float, float] | None:
    """Centroid of the largest part, or the point itself."""
    if boundary is None:
        return _point_itself(geometry or {})
    ring = max(
        (polygon[0] for polygon in boundary["coordinates"]), key=lambda outer: abs(_signed_area(outer))
    )
    # Relative to a corner: the products of whole degrees would eat the digits that matter.
    west, south = ring[0][0], ring[0][1]
    local = [(point[0] - west, point[1] - south) for point in ring]
    area = _signed_area(local)
    if area == 0:
        return point_of(south, west)
    east = north = 0.0
    for one, two in pairwise(local):
        cross = one[0] * two[1] - two[0] * one[1]
        east += (one[0] + two[0]) * cross
        north += (one[1] + two[1]) * cross
    return point_of(south + north / (6 * area), west + east / (6 * area))
