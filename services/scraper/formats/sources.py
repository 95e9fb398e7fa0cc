"""The publishers whose files are recognised by their content alone."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

from services.scraper.formats.field_map import NumberedContacts, PermitSource

EASTERN, CENTRAL = ZoneInfo("America/New_York"), ZoneInfo("America/Chicago")
MOUNTAIN, PACIFIC = ZoneInfo("America/Denver"), ZoneInfo("America/Los_Angeles")
CHICAGO_URL = "https://data.cityofchicago.org/resource/ydr8-5enu"

# One month of ydr8-5enu under short keys; `wt` says Reroofing where `t` only says how the permit was filed.
CHICAGO_COMPACT = PermitSource(
    key="chicago_il_permits",
    city="Chicago",
    state="IL",
    zone=CENTRAL,
    fields={
        "permit_number": ("n",),
        "address": ("a",),
        "lat": ("lat",),
        "lng": ("lon",),
        "permit_type": ("permit_type",),
        "work_description": ("x",),
        "estimated_value": ("c",),
        "contractor_name": ("gc",),
        "issue_date": ("d",),
        "permit_status": ("s",),
    },
    source_url=CHICAGO_URL,
)

CHICAGO_SOCRATA = PermitSource(
    key="chicago_il_permits",
    city="Chicago",
    state="IL",
    zone=CENTRAL,
    fields={
        "permit_number": ("permit_",),
        "address": ("street_number", "street_direction", "street_name", "suffix"),
        "lat": ("latitude",),
        "lng": ("longitude",),
        "permit_type": ("permit_type",),
        "work_description": ("work_description",),
        "estimated_value": ("reported_cost", "estimated_cost"),
        "issue_date": ("issue_date",),
        "permit_status": ("permit_status",),
    },
    contacts=NumberedContacts("contact", "CONTRACTOR", 15),
    source_url=CHICAGO_URL,
)

# The portal's export has the same columns in capitals; only the permit's number and the contacts are called otherwise.
CHICAGO_PORTAL = replace(
    CHICAGO_SOCRATA,
    fields={
        **{name: tuple(map(str.upper, columns)) for name, columns in CHICAGO_SOCRATA.fields.items()},
        "permit_number": ("PERMIT",),
    },
    contacts=NumberedContacts("CONTRACTOR", "CONTRACTOR", 15),
)

# The copies that are passed around hold applications too: Date_Issued is empty in every row, Date_Entered is not.
NASHVILLE = PermitSource(
    key="nashville_tn_issued",
    city="Nashville",
    state="TN",
    zone=CENTRAL,
    fields={
        "permit_number": ("Permit__",),
        "address": ("Address",),
        "city": ("City",),
        "zip": ("ZIP",),
        "lat": ("Lat",),
        "lng": ("Lon",),
        "permit_type": ("Permit_Type_Description",),
        "work_description": ("Purpose", "Permit_Subtype_Description"),
        "estimated_value": ("Const_Cost",),
        "contractor_name": ("Contact",),
        "issue_date": ("Date_Issued", "Date_Entered"),
        "parcel_id": ("Parcel",),
    },
    source_url="https://services2.arcgis.com/HdTo6HJqh92wn4D8/arcgis/rest/services/Building_Permits_Issued_2/FeatureServer/0",
)

# Austin's display export leaves out what makes a permit: its number and its address.
AUSTIN_EXPORT = PermitSource(
    key="austin_tx_export",
    city="Austin",
    state="TX",
    zone=CENTRAL,
    fields={
        "permit_number": ("PERMIT_NUMBER",),
        "address": ("ORIGINAL_ADDRESS1",),
        "issue_date": ("ISSUE_DATE",),
    },
)

# The weekly comparison gives a new permit no date of its own: the day it was first seen stands in, at most a week late.
AUSTIN_CHANGES = PermitSource(
    key="austin_tx_changes",
    city="Austin",
    state="TX",
    zone=CENTRAL,
    fields={
        "permit_number": ("permit_number",),
        "address": ("address",),
        "permit_type": ("permit_type",),
        "estimated_value": ("valuation",),
        "issue_date": ("timestamp",),
        "permit_status": ("status",),
    },
)

DENVER_REPORT = PermitSource(
    key="denver_co_report",
    city="Denver",
    state="CO",
    zone=MOUNTAIN,
    fields={
        "permit_number": ("PERMIT",),
        "address": ("ADDRESS",),
        "permit_type": ("PERMIT_TYPE",),
        "work_description": ("CLASS",),
        "estimated_value": ("VALUATION",),
        "contractor_name": ("CONTRACTOR_S_NAME",),
        "issue_date": ("DATE_ISSUED",),
    },
)

# A report by month: its permits carry the first day of theirs.
SPEARFISH_REPORT = PermitSource(
    key="spearfish_sd_report",
    city="Spearfish",
    state="SD",
    zone=MOUNTAIN,
    fields={
        "permit_number": ("PERMIT_NUMBER",),
        "address": ("SITE_ADDRESS",),
        "permit_type": ("CONSTRUCTION_TYPE",),
        "estimated_value": ("COST_APPROXIMATE",),
        "contractor_name": ("CONTRACTOR",),
        "issue_date": ("ISSUED",),
    },
)

# The list's ids are its own, so they share no jurisdiction with the cities' permits. The expiry, which precedes the
# issue in 42 of 446 rows, is no field of ours.
LA_REROOFS = PermitSource(
    key="la_county_reroofs",
    city="",
    state="CA",
    zone=PACIFIC,
    fields={
        "permit_number": ("ID",),
        "address": ("STREET_NUMBER", "ROUTE"),
        "city": ("CITY",),
        "zip": ("ZIP_CODE",),
        "lat": ("LATITUDE",),
        "lng": ("LONGITUDE",),
        "work_description": ("REROOF_TYPE",),
        "issue_date": ("REROOF_PERMIT_ISSUE_DATE",),
    },
    jurisdiction="Los Angeles County re-roof list",
    constants={"permit_type": "Re-roof"},
)

# The list's `estimated_value` is the fee in most rows (37.00 for 58 of them), so nobody's cost is read from it.
DFW_SUBURBS = PermitSource(
    key="dfw_suburbs_list",
    city="",
    state="TX",
    zone=CENTRAL,
    fields={
        "permit_number": ("PERMIT_ID",),
        "address": ("PROPERTY_ADDRESS",),
        "city": ("CITY_NAME",),
        "zip": ("ZIP_CODE",),
        "permit_type": ("PERMIT_TYPE",),
        "work_description": ("DESCRIPTION",),
        "contractor_name": ("CONTRACTOR_NAME",),
        "issue_date": ("ISSUED_DATE",),
        "permit_status": ("STATUS",),
    },
)

NYC_JOBS = PermitSource(
    key="nyc_dob_jobs",
    city="New York",
    state="NY",
    zone=EASTERN,
    fields={
        "permit_number": ("NUMBER",),
        "address": ("HOUSE", "STREET_NAME"),
        "city": ("POSTAL_CITY",),
        "zip": ("ZIP",),
        "lat": ("LATITUDE",),
        "lng": ("LONGITUDE",),
        "permit_type": ("KIND",),
        "work_description": ("JOB_DESCRIPTION",),
        "estimated_value": ("INITIAL_COST",),
        "issue_date": ("FULLY_PERMITTED",),
        "completion_date": ("SIGNOFF_DATE",),
        "permit_status": ("JOB_STATUS_DESCRP",),
        "parcel_id": ("BIN",),
    },
)

NYC_ISSUANCE = PermitSource(
    key="nyc_dob_permits",
    city="New York",
    state="NY",
    zone=EASTERN,
    fields={
        "permit_number": ("number",),
        "address": ("house__", "street_name"),
        "city": ("postal_city",),
        "zip": ("zip_code",),
        "lat": ("gis_latitude",),
        "lng": ("gis_longitude",),
        "permit_type": ("kind",),
        "contractor_name": ("permittee_s_business_name",),
        "contractor_license": ("permittee_s_license__",),
        "issue_date": ("issuance_date",),
        "permit_status": ("permit_status",),
        "parcel_id": ("bin__",),
    },
    source_url="https://data.cityofnewyork.us/resource/ipu4-2q9a",
)

# What the permit software of many cities exports; whose file it is must be said. Days carry no clock, so any zone does.
ENERGOV_FIELDS: dict[str, tuple[str, ...]] = {
    "permit_number": ("CASE_NUMBER",),
    "address": ("ADDRESS",),
    "permit_type": ("TYPE",),
    "work_description": ("DESCRIPTION", "PROJECT_NAME"),
    "issue_date": ("ISSUED_DATE",),
    "completion_date": ("FINALIZED_DATE",),
    "permit_status": ("STATUS",),
    "parcel_id": ("MAIN_PARCEL",),
}
ACCELA_LIST_FIELDS: dict[str, tuple[str, ...]] = {
    "permit_number": ("RECORD_NUMBER",),
    "address": ("ADDRESS",),
    "permit_type": ("TYPE",),
    "work_description": ("DESCRIPTION", "PROJECT_NAME"),
    "issue_date": ("DATE_OPENED",),
    "permit_status": ("STATUS",),
}


def of_city(key: str, fields: dict[str, tuple[str, ...]], city: str, state: str) -> PermitSource:
    """The source of a software's export that a city made."""
    return PermitSource(key=key, city=city, state=state, zone=ZoneInfo("UTC"), fields=fields)
