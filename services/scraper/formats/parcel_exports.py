"""Parcel files of publishers: known by their columns, each with its field map and what its rows need before it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from services.scraper.domain.rows import Rejected
from services.scraper.formats.parcel_map import ParcelSource
from services.scraper.formats.sources import CENTRAL, EASTERN, PACIFIC
from services.scraper.formats.tables import Layout

Row = Mapping[str, Any]
Fields = Mapping[str, tuple[str, ...]]

# New York's lot numbers begin with the borough: its county and the city that the post writes.
BOROUGHS = {
    "1": ("New York", "New York"),
    "2": ("Bronx", "Bronx"),
    "3": ("Kings", "Brooklyn"),
    "4": ("Queens", "Queens"),
    "5": ("Richmond", "Staten Island"),
}
BOROUGH_NUMBERS = {"MANHATTAN": "1", "BRONX": "2", "BROOKLYN": "3", "QUEENS": "4", "STATEN ISLAND": "5"}
# The first letter of the Department of Finance's building class; what is not here is neither home nor trade.
BUILDING_CLASSES = {
    "A": "Single family dwelling",
    "B": "Two family dwelling",
    "C": "Multi-family walk-up",
    "D": "Elevator apartments",
    "E": "Warehouse",
    "F": "Industrial",
    "H": "Hotel",
    "K": "Store",
    "L": "Industrial",
    "M": "Church",
    "O": "Office",
    "R": "Condominium",
    "S": "Multi-family with store",
    "V": "Vacant",
    "W": "School",
}


@dataclass(frozen=True, slots=True)
class ParcelExport:
    """A publisher's parcel file; `source` is None where many counties publish the same columns."""

    layout: Layout
    fields: Fields
    source: ParcelSource | None = None
    adapt: Callable[[Row], Row | Rejected] | None = None


def _new_york(row: Row, lot: str, building_class: str) -> Row:
    county, city = BOROUGHS.get(lot[:1], ("", None))
    kind = BUILDING_CLASSES.get(building_class.strip()[:1].upper())
    return {**row, "LOT_NUMBER": lot, "COUNTY_NAME": county, "POSTAL_CITY": city, "BUILDING_KIND": kind}


def _pluto(row: Row) -> Row:
    """Later editions write the lot's number as 1000010010.00000000."""
    return _new_york(row, str(row["BBL"]).split(".")[0], str(row["BLDGCLASS"] or ""))


def _assessment(row: Row) -> Row:
    return _new_york(row, str(row["PARID"])[:10], str(row["BLDG_CLASS"] or ""))


def _sale(row: Row) -> Row | Rejected:
    borough = str(row["BOROUGH"] or "").upper()
    number = BOROUGH_NUMBERS.get(borough, borough)
    try:
        lot = f"{number}{int(row['BLOCK']):05}{int(row['LOT']):04}"
    except (TypeError, ValueError):
        return Rejected("missing_parcel_id")
    return _new_york(row, lot, str(row["BUILDING_CLASS_AT_PRESENT"] or ""))


def _los_angeles(row: Row) -> Row:
    """The city comes with its state behind it, the exemption with a stray byte."""
    city = str(row["SITUS_CITY"] or "").strip().removesuffix(" CA").strip()
    own = str(row["EXEMPTION"] or "").startswith("Homeowners")
    return {**row, "SITUS_CITY": city, "HOMESTEAD": "Y" if own else None}


NEW_YORK: dict[str, tuple[str, ...]] = {
    "parcel_id": ("LOT_NUMBER",),
    "county": ("COUNTY_NAME",),
    "city": ("POSTAL_CITY",),
    "property_type": ("BUILDING_KIND",),
}
PLUTO: Fields = NEW_YORK | {
    "address": ("ADDRESS",),
    "zip": ("ZIPCODE",),
    "owner_name": ("OWNERNAME",),
    "use_code": ("BLDGCLASS",),
    "lot_sqft": ("LOTAREA",),
    "sqft": ("BLDGAREA",),
    "stories": ("NUMFLOORS",),
    "year_built": ("YEARBUILT",),
    "assessed_value": ("ASSESSTOT",),
    "x": ("XCOORD",),
    "y": ("YCOORD",),
}
ASSESSMENT: Fields = NEW_YORK | {
    "address": ("HOUSENUM_LO", "STREET_NAME"),
    "zip": ("ZIP_CODE",),
    "owner_name": ("OWNER",),
    "use_code": ("BLDG_CLASS",),
    "lot_sqft": ("LAND_AREA",),
    "sqft": ("GROSS_SQFT",),
    "stories": ("BLD_STORY",),
    "year_built": ("YRBUILT",),
    "market_value": ("CURMKTTOT",),
    "assessed_value": ("CURACTTOT",),
}
SALES: Fields = NEW_YORK | {
    "address": ("ADDRESS",),
    "zip": ("ZIP_CODE",),
    "use_code": ("BUILDING_CLASS_AT_PRESENT",),
    "lot_sqft": ("LAND_SQUARE_FEET",),
    "sqft": ("GROSS_SQUARE_FEET",),
    "year_built": ("YEAR_BUILT",),
    "last_sale_price": ("SALE_PRICE",),
    "last_sale_date": ("SALE_DATE",),
}
LOS_ANGELES: Fields = {
    "parcel_id": ("INPUT_ID",),
    "address": ("SITUS_STREET",),
    "city": ("SITUS_CITY",),
    "zip": ("SITUS_ZIP_CODE",),
    "property_type": ("USE_TYPE",),
    "use_code": ("USE_CODE",),
    "homestead": ("HOMESTEAD",),
    "beds": ("NUM_OF_BEDS",),
    "baths": ("NUM_OF_BATHS",),
    "sqft": ("SQFT_MAIN",),
    "year_built": ("YEAR_BUILT",),
    "lot_sqft": ("USABLE_SQFT_LOT",),
}
BERKELEY: Fields = {
    "parcel_id": ("APN",),
    "address": ("STREETNUM", "DIRECTION", "STREETNAME", "STREETSUFX"),
    "city": ("CITY",),
    "zip": ("ZIP",),
    "use_code": ("USECODE",),
    "property_type": ("USECODEDES",),
    "sqft": ("BLDGSQFT",),
    "lot_sqft": ("LOTSQFT",),
    "lat": ("LATITUDE",),
    "lng": ("LONGITUDE",),
    "boundary_wkt": ("OA_GEOM",),
}
# APN_SORT is written as the county's own files write an APN; APN itself is not.
ALAMEDA: Fields = {
    "parcel_id": ("APN_SORT",),
    "address": ("ADDRESS",),
    "city": ("CITY",),
    "zip": ("ZIPCODE",),
}
BOONE: Fields = {
    "parcel_id": ("ASSESSOR",),
    "address": ("HOUSENO", "PRE_DIR", "STREET", "SUFFIX", "POST_DIR"),
    "city": ("CITY",),
    "zip": ("ZIP",),
}
POLK: Fields = {
    "parcel_id": ("PARCELNUM",),
    "address": ("PRIMARYADDRESS",),
    "city": ("MAILINGCITY",),
    "zip": ("ZIP",),
}
# The appraisal software of most Texan districts.
TEXAS_DISTRICT: Fields = {
    "parcel_id": ("PROP_ID",),
    "address": ("SITUS_DISPLAY",),
    "city": ("SITUS_CITY",),
    "zip": ("SITUS_ZIP",),
    "owner_name": ("FILE_AS_NAME",),
    "owner_mailing": ("ADDR_LINE1", "ADDR_LINE2", "ADDR_LINE3", "ADDR_CITY", "ADDR_STATE", "ADDR_ZIP"),
    "lot_acres": ("LEGAL_ACREAGE",),
    "lot_sqft": ("LAND_TOTAL_SQFT",),
    "market_value": ("MARKET",),
    "assessed_value": ("ASSESSED_VAL",),
    "last_sale_date": ("SL_DT",),
    "last_sale_price": ("SL_PRICE",),
}
# Names that county layers share; of each field the first that a file has. Joined ones count together.
COMMON: Fields = {
    "parcel_id": (
        "APN", "PARCEL_ID", "PARCELID", "PARCEL_NUMBER", "PARCEL_NUM", "PARCEL_NO", "PARCELNO", "PARCELNUMB", "PIN", "AIN",
        "FOLIO",
    ),
    "address": (
        "SITUS_ADDRESS", "SITUS_ADDR", "SITUSADDR", "SITEADDRESS", "SITE_ADDRESS", "SITE_ADDR", "SITEADDR", "PROP_ADDR",
        "PROPERTY_ADDRESS", "PROP_ADDRESS", "FULL_ADDRESS", "ADDRESS",
    ),
    "city": ("SITUS_CITY", "SITUSCITY", "SITE_CITY", "PROP_CITY", "PROPERTY_CITY", "CITY"),
    "zip": ("SITUS_ZIP", "SITUSZIP", "SITE_ZIP", "PROP_ZIP", "PROPERTY_ZIP", "ZIP", "ZIPCODE", "ZIP_CODE"),
    "owner_name": ("OWNER_NAME", "OWNERNAME", "OWN_NAME", "OWNER", "OWNER1"),
    "mailing_address": ("MAILING_ADDRESS", "MAIL_ADDRESS", "MAIL_ADDR", "OWNER_ADDRESS", "OWN_ADDR"),
    "use_code": ("USE_CODE", "USECODE", "LAND_USE_CODE", "LAND_USE", "LANDUSE", "PROP_CLASS"),
    "property_type": ("USE_DESC", "USECODEDES", "LAND_USE_DESCRIPTION", "PROPERTY_TYPE", "USE_TYPE"),
    "year_built": ("YEAR_BUILT", "YEARBUILT", "YR_BUILT", "YRBUILT", "YR_BLT", "ACT_YR_BLT"),
    "stories": ("STORIES", "NUM_STORIES", "NUMFLOORS"),
    "sqft": ("LIVING_AREA", "BLDG_SQFT", "BLDGSQFT", "BUILDING_SQFT", "LIVING_SQFT", "SQFT"),
    "lot_acres": ("ACRES", "ACREAGE", "GIS_ACRES", "LOT_ACRES"),
    "lot_sqft": ("LOT_SQFT", "LOTSQFT", "LAND_SQFT", "LOT_SIZE_SQFT"),
    "beds": ("BEDROOMS", "BEDS", "NUM_BEDS"),
    "baths": ("BATHROOMS", "BATHS", "NUM_BATHS"),
    "assessed_value": ("ASSESSED_VALUE", "ASSESSED_VAL", "ASSD_VALUE", "ASSD_VAL"),
    "market_value": ("MARKET_VALUE", "MARKET_VAL", "MKT_VALUE", "MKT_VAL", "APPRAISED_VALUE", "TOTAL_VALUE"),
    "tax_amount": ("TAX_AMOUNT", "TOTAL_TAX", "TAXES"),
    "last_sale_date": ("LAST_SALE_DATE", "SALE_DATE", "SALEDATE"),
    "last_sale_price": ("LAST_SALE_PRICE", "SALE_PRICE", "SALEPRICE", "SALES_PRICE"),
    "lat": ("LATITUDE", "LAT"),
    "lng": ("LONGITUDE", "LNG", "LON"),
}  # fmt: skip
COMMON_KEY = "county_parcel_file"


def _of_new_york(key: str, fields: Fields, **more: Any) -> ParcelSource:
    return ParcelSource(key, "New York", "NY", "New York", EASTERN, fields, **more)


EXPORTS = (
    ParcelExport(
        Layout("nyc_pluto", ("BBL", "BLDGCLASS", "YEARBUILT", "ASSESSTOT", "XCOORD")),
        PLUTO,
        # Feet of the Long Island zone, not metres.
        _of_new_york("nyc_pluto", PLUTO, projection="EPSG:2263"),
        _pluto,
    ),
    ParcelExport(
        Layout("nyc_dof_assessment", ("PARID", "BLDG_CLASS", "CURMKTTOT", "YRBUILT", "HOUSENUM_LO")),
        ASSESSMENT,
        _of_new_york("nyc_dof_assessment", ASSESSMENT),
        _assessment,
    ),
    ParcelExport(
        Layout("nyc_dof_sales", ("BOROUGH", "BLOCK", "LOT", "SALE_PRICE", "SALE_DATE", "BUILDING_CLASS_AT_PRESENT")),
        SALES,
        _of_new_york("nyc_dof_sales", SALES),
        _sale,
    ),
    ParcelExport(
        Layout("la_ca_assessor", ("INPUT_ID", "SITUS_STREET", "SITUS_CITY", "USE_TYPE", "SQFT_MAIN", "EXEMPTION")),
        LOS_ANGELES,
        ParcelSource("la_ca_assessor", "Los Angeles", "CA", "Los Angeles", PACIFIC, LOS_ANGELES),
        _los_angeles,
    ),
    ParcelExport(
        Layout("berkeley_ca_parcels", ("OA_GEOM", "APN", "STREETNUM", "STREETNAME", "USECODEDES")),
        BERKELEY,
        ParcelSource(
            "berkeley_ca_parcels", "Berkeley", "CA", "Alameda", PACIFIC, BERKELEY, projection="EPSG:26910"
        ),
    ),
    ParcelExport(
        Layout("alameda_ca_addresses", ("SPADID", "APN_SORT", "ADDRESS", "ZIPCODE")),
        ALAMEDA,
        ParcelSource("alameda_ca_addresses", "Oakland", "CA", "Alameda", PACIFIC, ALAMEDA),
    ),
    ParcelExport(
        Layout("boone_mo_addresses", ("HOUSENO", "STREET", "SUFFIX", "ASSESSOR", "DRIVEWAY_NUM")),
        BOONE,
        ParcelSource("boone_mo_addresses", "Columbia", "MO", "Boone", CENTRAL, BOONE),
    ),
    ParcelExport(
        Layout("polk_fl_addresses", ("ESITEID", "PARCELNUM", "PRIMARYADDRESS", "MAILINGCITY")),
        POLK,
        ParcelSource("polk_fl_addresses", "Lakeland", "FL", "Polk", EASTERN, POLK),
    ),
    ParcelExport(Layout("texas_district_parcels", ("PROP_ID", "SITUS_DISPLAY", "FILE_AS_NAME")), TEXAS_DISTRICT),
)  # fmt: skip
