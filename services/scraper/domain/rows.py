"""The shapes every public format is parsed to before anything is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that was read and not kept, and the stable name of the reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class Remark:
    """Something the operator should know of a whole file; it is no row and counts as none."""

    text: str


@dataclass(frozen=True, slots=True)
class StatusChange:
    """What a report says anew of a permit that it only numbers; None where it says nothing."""

    jurisdiction: str
    permit_number: str
    permit_status: str | None
    completion_date: date | None


@dataclass(frozen=True, slots=True)
class StormRow:
    """One storm report in our units: inches, miles per hour, UTC, dollars.

    `swath` is the area it is known to have crossed (WKT), where more than a point was given.
    """

    source: str
    external_id: str
    event_type: str
    began_at: datetime
    ended_at: datetime | None = None
    local_began_at: datetime | None = None
    city: str | None = None
    county: str | None = None
    state: str | None = None
    lat: float | None = None
    lng: float | None = None
    radius_miles: Decimal | None = None
    severity: str | None = None
    hail_size_inches: Decimal | None = None
    wind_speed_mph: int | None = None
    tornado_rating: str | None = None
    damage_estimate: Decimal | None = None
    source_url: str | None = None
    swath: str | None = None
    details: Mapping[str, Any] | None = field(default=None, hash=False)


@dataclass(slots=True)  # not frozen: that way of setting its fields took a twentieth of an import
class PermitRow:
    """One building permit at one address; `roof_work` says what it means for the roof.

    `home_city` is the city whose feed it came from; a metropolitan feed names its suburbs in `city`.
    """

    jurisdiction: str
    permit_number: str
    source: str
    address: str
    address_key: str
    city: str
    state: str
    home_city: str
    unit: str | None = None
    zip: str | None = None
    lat: float | None = None
    lng: float | None = None
    permit_type: str | None = None
    category: str = "other"
    roof_work: str = "none"
    work_description: str | None = None
    estimated_value: Decimal | None = None
    contractor_name: str | None = None
    contractor_license: str | None = None
    issue_date: date | None = None
    completion_date: date | None = None
    permit_status: str | None = None
    dates_roof: bool = False
    apn: str | None = None
    source_url: str | None = None


@dataclass(frozen=True, slots=True)
class ParcelRow:
    """One parcel of an assessor or parcel layer; owner fields are still in clear and never stored so."""

    county: str
    state: str
    apn: str
    address: str
    address_key: str
    city: str
    source: str
    unit: str | None = None
    zip: str | None = None
    lat: float | None = None
    lng: float | None = None
    boundary: dict[str, Any] | None = field(default=None, hash=False)
    roof_material: str | None = None
    owner_name: str | None = None
    mailing_address: str | None = None
    owner_email: str | None = None
    owner_phone: str | None = None
    owner_occupied: bool | None = None
    owner_is_company: bool | None = None
    hoa: bool | None = None
    property_type: str | None = None
    use_code: str | None = None
    year_built: int | None = None
    stories: Decimal | None = None
    sqft: int | None = None
    lot_size: Decimal | None = None
    beds: int | None = None
    baths: Decimal | None = None
    assessed_value: Decimal | None = None
    market_value: Decimal | None = None
    tax_amount: Decimal | None = None
    last_sale_on: date | None = None
    last_sale_price: Decimal | None = None
    source_url: str | None = None
