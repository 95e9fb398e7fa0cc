"""The town's records as the tables its portals publish."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from shared.sandbox.table import (
    Column,
    Rows,
    Table,
    number_column,
    table_of,
    text_column,
    time_column,
    written_column,
)
from shared.sandbox.town import Town
from shared.sandbox.town.layout import CONDO, TOWNHOUSE
from shared.sandbox.town.model import BuildingKind, StreetAddress
from shared.sandbox.town.permit_kinds import PERMIT_KINDS
from shared.sandbox.town.permits import ADDRESS_STYLES, STATUSES, Permits
from shared.sandbox.town.words import STREET_NAMES

DAY_MS = np.timedelta64(86_400_000, "ms")
LONG_WORDS = {
    "ST": "STREET",
    "AVE": "AVENUE",
    "DR": "DRIVE",
    "LN": "LANE",
    "CT": "COURT",
    "BLVD": "BOULEVARD",
    "RD": "ROAD",
    "TRL": "TRAIL",
    "CIR": "CIRCLE",
    "PL": "PLACE",
    "TER": "TERRACE",
    "N": "NORTH",
    "S": "SOUTH",
    "E": "EAST",
    "W": "WEST",
}
USE_CODES: dict[BuildingKind, tuple[str, str]] = {
    BuildingKind.SINGLE_FAMILY: ("A1", "SINGLE FAMILY RESIDENCE"),
    BuildingKind.TOWNHOUSE: ("A4", "TOWNHOUSE"),
    BuildingKind.CONDO: ("A5", "CONDOMINIUM"),
    BuildingKind.APARTMENTS: ("B1", "MULTI FAMILY APARTMENTS"),
    BuildingKind.MOBILE_HOME: ("M1", "MOBILE HOME"),
    BuildingKind.COMMERCIAL: ("F1", "COMMERCIAL RETAIL"),
}


def filed_address(address: StreetAddress, style: str) -> str:
    """A street line as a permit clerk typed it."""
    if style == "blank":
        return ""
    if style == "no_direction":
        return _joined(address.number, address.street, address.suffix, address.unit_kind, address.unit)
    if style != "long":
        line = address.street_line
        return {"title": line.title(), "spaced": line.replace(" ", "  ", 1) + " "}.get(style, line)
    return _joined(
        address.number,
        LONG_WORDS.get(address.predirectional, address.predirectional),
        address.street,
        LONG_WORDS.get(address.suffix, address.suffix),
        address.postdirectional,
        address.unit_kind,
        address.unit,
    )


def _joined(*parts: str) -> str:
    return " ".join(part for part in parts if part)


def _days(town: Town, ages: NDArray[np.int64]) -> NDArray[np.datetime64]:
    """Midnights so many days ago; NaT where the age is negative."""
    today = np.datetime64(town.as_of, "ms")
    days = today - ages * DAY_MS
    days[ages < 0] = np.datetime64("NaT")
    return days


def _descriptions(permits: Permits, name: str) -> Column:
    key = ((permits.kind * 6000 + permits.text) * 50 + permits.squares) * 20 + permits.material + 1
    _, first, codes = np.unique(key, return_index=True, return_inverse=True)
    return text_column(name, codes, [permits.description(int(row)) for row in first])


def _addresses(town: Town, name: str) -> Column:
    permits = town.permits
    key = permits.parcel * len(ADDRESS_STYLES) + permits.address_style
    known, codes = np.unique(key, return_inverse=True)
    lines = [
        filed_address(
            town.layout.address(int(k) // len(ADDRESS_STYLES)), ADDRESS_STYLES[int(k) % len(ADDRESS_STYLES)]
        )
        for k in known
    ]
    return text_column(name, codes, lines)


def _zips(town: Town, name: str) -> Column:
    permits = town.permits
    east = (town.layout.column[town.layout.building[permits.parcel]] >= 0).astype(np.int64)
    return text_column(name, np.where(permits.with_zip, 1 - east, -1), town.place.zips)


def _positions(town: Town, buildings: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(latitudes, longitudes) of buildings, rounded to a tenth of a metre."""
    projection = town.projection
    latitude, longitude = projection.to_degrees(0.0, 0.0)
    per_east = projection.to_degrees(1_000.0, 0.0)[1] - longitude
    per_north = projection.to_degrees(0.0, 1_000.0)[0] - latitude
    north, east = town.layout.north[buildings], town.layout.east[buildings]
    return np.round(latitude + north * per_north / 1_000, 6), np.round(longitude + east * per_east / 1_000, 6)


def _apns(town: Town, name: str) -> Column:
    permits = town.permits
    known, codes = np.unique(permits.parcel, return_inverse=True)
    return text_column(
        name, np.where(permits.with_apn, codes, -1), [town.apn(int(parcel)) for parcel in known]
    )


def _contractors(permits: Permits, name: str, field: str) -> Column:
    return text_column(name, permits.contractor, [getattr(firm, field) for firm in permits.contractors])


def _kinds(permits: Permits, name: str, field: str) -> Column:
    return text_column(name, permits.kind, [getattr(kind, field) for kind in PERMIT_KINDS])


def permit_number(number: int, type_code: str) -> str:
    """Number as printed on the permit: 2026-001042 BP."""
    return f"{number // 1_000_000}-{number % 1_000_000:06d} {type_code}"


def _permit_numbers(permits: Permits, name: str) -> Column:
    codes = [PERMIT_KINDS[kind].type_code for kind in permits.kind.tolist()]
    return written_column(
        name, [permit_number(n, c) for n, c in zip(permits.number.tolist(), codes, strict=True)]
    )


def socrata_permits(town: Town) -> Table:
    """Permits as the city's Socrata portal publishes them (column names of a large Texas city)."""
    permits = town.permits
    count = len(permits)
    updated = _days(town, permits.updated_age_days) + np.timedelta64(9 * 3_600_000, "ms")
    seconds = (np.arange(count) * 37 % 3_600).astype("timedelta64[s]")
    city = town.place.city.upper()
    columns = [
        written_column(":id", [f"row-{n:04x}~{(n * 40_503) % 65_536:04x}.{n:06d}" for n in range(count)]),
        time_column(":created_at", _days(town, permits.issued_age_days) + seconds),
        time_column(":updated_at", updated + seconds),
        _kinds(permits, "permittype", "type_code"),
        _kinds(permits, "permit_type_desc", "type_name"),
        _permit_numbers(permits, "permit_number"),
        _kinds(permits, "work_class", "work_class"),
        _descriptions(permits, "description"),
        _apns(town, "tcad_id"),
        time_column("applieddate", _days(town, permits.applied_age_days)),
        time_column("issue_date", _days(town, permits.issued_age_days)),
        text_column("status_current", permits.status, STATUSES),
        time_column("statusdate", _days(town, permits.updated_age_days)),
        time_column("completed_date", _days(town, permits.completed_age_days)),
        number_column("total_job_valuation", permits.value),
        _addresses(town, "original_address1"),
        text_column("original_city", np.zeros(count, dtype=np.int64), [city]),
        text_column("original_state", np.zeros(count, dtype=np.int64), [town.place.state]),
        _zips(town, "original_zip"),
        text_column("jurisdiction", permits.jurisdiction, [f"{city} FULL PURPOSE", f"{city} 2 MILE ETJ"]),
        _contractors(permits, "contractor_company_name", "name"),
        _contractors(permits, "contractor_full_name", "person"),
        _contractors(permits, "contractor_phone", "phone"),
        *_places(town),
    ]
    return table_of(columns, count)


def _places(town: Town) -> list[Column]:
    """Latitude and longitude, missing on one permit in fourteen."""
    permits = town.permits
    latitude, longitude = _positions(town, town.layout.building[permits.parcel])
    hidden = np.asarray(permits.text % 14 == 0)
    return [
        number_column("latitude", latitude, null=hidden),
        number_column("longitude", longitude, null=hidden),
    ]


def local_midnights_ms(town: Town, ages: NDArray[np.int64]) -> NDArray[np.float64]:
    """Epoch milliseconds (UTC) of the town's local midnights so many days ago; NaN where the age is negative."""
    known, codes = np.unique(ages, return_inverse=True)
    zone = ZoneInfo(town.place.time_zone)
    stamps = [
        datetime.combine(town.day(int(age)), time(), zone).astimezone(UTC).timestamp() * 1000.0
        if age >= 0
        else np.nan
        for age in known
    ]
    return np.array(stamps)[codes]


def arcgis_permits(town: Town) -> Table:
    """Permits as a county's ArcGIS hub publishes them (column names of a large Tennessee city)."""
    permits = town.permits
    count = len(permits)
    place = town.place
    latitude, longitude = _positions(town, town.layout.building[permits.parcel])
    issued = np.where(permits.status >= 3, -1, permits.issued_age_days)
    columns = [
        number_column("ObjectId", np.arange(1, count + 1), whole=True),
        _permit_numbers(permits, "Permit__"),
        _kinds(permits, "Permit_Type_Description", "type_name"),
        _kinds(permits, "Permit_Subtype_Description", "work_class"),
        _apns(town, "Parcel"),
        number_column("Date_Entered", local_midnights_ms(town, permits.applied_age_days), whole=True),
        number_column("Date_Issued", local_midnights_ms(town, issued), whole=True),
        number_column("Const_Cost", permits.value),
        _addresses(town, "Address"),
        text_column("City", np.zeros(count, dtype=np.int64), [place.city.upper()]),
        text_column("State", np.zeros(count, dtype=np.int64), [place.state]),
        _zips(town, "ZIP"),
        _contractors(permits, "Contact", "name"),
        text_column("Status", permits.status, STATUSES),
        _descriptions(permits, "Purpose"),
        number_column("Lon", longitude),
        number_column("Lat", latitude),
    ]
    return table_of(columns, count)


def report_permits(town: Town) -> Table:
    """Permits as a city's report lists them (column names of another large Texas city, blanks and all)."""
    permits, place = town.permits, town.place
    count = len(permits)
    latitude, longitude = _positions(town, town.layout.building[permits.parcel])
    columns = [
        number_column("_id", np.arange(1, count + 1), whole=True),
        _kinds(permits, "PERMIT TYPE", "type_name"),
        _permit_numbers(permits, "PERMIT #"),
        _descriptions(permits, "PROJECT NAME"),
        _kinds(permits, "WORK TYPE", "work_class"),
        _addresses(town, "ADDRESS"),
        text_column("CITY", np.zeros(count, dtype=np.int64), [place.city.upper()]),
        _zips(town, "ZIP"),
        time_column("DATE SUBMITTED", _days(town, permits.applied_age_days)),
        time_column("DATE ISSUED", _days(town, permits.issued_age_days)),
        number_column("DECLARED VALUATION", permits.value),
        _contractors(permits, "PRIMARY CONTACT", "name"),
        text_column("STATUS", permits.status, STATUSES),
        _apns(town, "PARCEL"),
        number_column("X_COORD", longitude),
        number_column("Y_COORD", latitude),
    ]
    return table_of(columns, count)


PUBLISHED_PER_THOUSAND = 20
"""Owners whose application for the homestead exemption, e-mail and telephone with it, is an open record."""


def parcels(town: Town) -> Table:
    """Parcels as the county's ArcGIS server publishes them."""
    count = town.parcels
    values, layout = town.values, town.layout
    owners = [town.owner(parcel) for parcel in range(count)]
    lines = [layout.address(parcel) for parcel in range(count)]
    building = layout.building
    year = np.where(values.year_known, layout.year_built[building], 0)
    uses = list(USE_CODES.values())
    homestead = np.where(town.people.occupied & (town.people.seed % 10 != 0), 1, 0)
    east = (layout.column[building] >= 0).astype(np.int64)
    open_ = (town.people.seed % 1_000 >= 1_000 - PUBLISHED_PER_THOUSAND).tolist()
    columns = [
        number_column("OBJECTID", np.arange(1, count + 1), whole=True),
        written_column("APN", [town.apn(parcel) for parcel in range(count)]),
        written_column("SITUS_ADDR", [line.street_line for line in lines]),
        text_column("SITUS_CITY", np.zeros(count, dtype=np.int64), [town.place.city.upper()]),
        text_column("SITUS_ST", np.zeros(count, dtype=np.int64), [town.place.state]),
        text_column("SITUS_ZIP", 1 - east, town.place.zips),
        written_column("OWNER_NAME", [owner.name for owner in owners]),
        written_column("MAIL_ADDR", [owner.mailing_line for owner in owners]),
        written_column("MAIL_CITY", [owner.mailing_city for owner in owners]),
        written_column("MAIL_STATE", [owner.mailing_state for owner in owners]),
        written_column("MAIL_ZIP", [owner.mailing_zip5 for owner in owners]),
        written_column(
            "OWNER_EMAIL", [owner.email if told else "" for owner, told in zip(owners, open_, strict=True)]
        ),
        written_column(
            "OWNER_PHONE", [owner.phone if told else "" for owner, told in zip(owners, open_, strict=True)]
        ),
        text_column("HOMESTEAD", homestead, ["N", "Y"]),
        text_column("USE_CODE", layout.kind[building], [code for code, _ in uses]),
        text_column("USE_DESC", layout.kind[building], [words for _, words in uses]),
        _associations(town),
        number_column("YR_BUILT", year, whole=True),
        number_column("BLDG_SQFT", values.sqft, whole=True),
        number_column("LOT_SQFT", values.lot_sqft, whole=True),
        number_column("STORIES", layout.stories[building], whole=True),
        number_column("BEDS", values.beds, whole=True),
        number_column("BATHS", values.baths, whole=True),
        number_column("MKT_VALUE", values.market, whole=True),
        number_column("ASSD_VALUE", values.assessed, whole=True),
        number_column("TAX_AMT", values.tax_cents / 100.0),
        number_column("SALE_DATE", local_midnights_ms(town, values.sold_age_days), whole=True),
        number_column("SALE_PRICE", values.sold_price, whole=True),
    ]
    return table_of(columns, count)


def _associations(town: Town) -> Column:
    """Name of the homeowners' association where there is one."""
    kind = town.layout.kind[town.layout.building]
    street = np.abs(town.layout.street[town.layout.building]) % len(STREET_NAMES)
    codes: Rows = np.where((kind == TOWNHOUSE) | (kind == CONDO), street, -1)
    return text_column("HOA_NAME", codes, [f"{name} OWNERS ASSN" for name in STREET_NAMES])
