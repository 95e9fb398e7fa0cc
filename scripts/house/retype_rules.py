"""What the handed-over words about public sources mean in the seeds' terms: tables only, see `retype`."""

from __future__ import annotations

from typing import Any

# The first rule whose pattern is found in the named field decides; braces in a reason are fields of the source.
# "live" alone is not enough: columns that nobody has seen (confidence "likely") do not switch a city on.
PERMIT_STATUS: tuple[tuple[str, str, str, str], ...] = (
    ("role", r".", "blocked", "serves another purpose: {role}"),
    ("notes", r"Incapsula wall", "blocked", "anti-bot wall: ask the city for a bulk extract or its records"),
    ("status", r"^unknown$", "unknown", "platform and address of the permit portal are not known"),
    ("status", r"^freshness unknown$", "unknown", "freshness unknown, columns not seen"),
    ("status", r"^portal$", "portal", "pages to search, no bulk feed"),
    ("status", r"^(stale|failing|legacy)", "blocked", "{status}"),
    ("status", r"NO roofing|new construction only|alteration and addition only|new housing", "blocked", "{status}"),
    ("status", r"^regional new-housing", "blocked", "{status}"),
    ("status", r"^(stopped syncing|freshness disputed|monthly; newest|live \d{4}-)", "watch", "{status}"),
    ("liveness", r"^live, verified$", "usable", ""),
    ("liveness", r"^live, likely$", "unknown", "reported live, columns not seen"),
)  # fmt: skip
PARCEL_STATUS: tuple[tuple[str, str, str, str], ...] = (
    ("notes", r"commercial use as prohibited", "blocked", "its terms forbid commercial use"),
    ("kind", r"^html_portal$", "portal", "pages to search, no bulk feed"),
    ("confidence", r"^likely$", "unknown", "columns not seen"),
    ("unmapped", r".", "unknown", "no column known for {unmapped}"),
    ("notes", r"499", "watch", "the polygon layer asked for a token on 2026-09-30"),
    ("confidence", r"^verified$", "usable", ""),
)
# The order of fallback; within a rank the order of the source document stands.
RANK = ("usable", "watch", "portal", "unknown", "blocked")

# FE-4: a documented interface may be read on that basis; pages wait until a person has read their terms.
OPEN_DATA_KINDS = frozenset({"socrata", "arcgis", "ckan", "csv_download"})
# PR-8, as shared/compliance/rules has it. A parcel layer elsewhere stays unknown: its person fields are not sold.
PUBLIC_RECORD_LAW = {
    "KS": "prohibited",
    "SC": "prohibited",
    "WA": "prohibited",
    "AZ": "statement_required",
}

FRESHNESS_DAYS = 30
FRESHNESS = {"milwaukee_wi_permits": 45}
"""A file published once a month is a month old before the next one comes."""

# A word of the document on the type of the date -> how days are written, where not as the kind of source does.
DATE_WORDS: dict[str, dict[str, str]] = {
    "floating_timestamp": {},
    "epoch_ms": {},
    "date only text YYYY-MM-DD": {"date_literal": "text", "date_format": "%Y-%m-%d"},
    "text MM/DD/YY, not range-filterable in SoQL": {"date_literal": "none", "date_format": "%m/%d/%y"},
    "text like 'August, 07 2026 00:00:00'": {"date_format": "%B, %d %Y %H:%M:%S"},
    "text YYYY/MM/DD (date literals return nothing)": {"date_literal": "text", "date_format": "%Y/%m/%d"},
    "text YYYYMMDD": {"date_format": "%Y%m%d"},
    "APPLICDATE is a number YYYYMMDD; NewIssueDate cannot be used in where": {
        "date_literal": "number",
        "date_format": "%Y%m%d",
    },
}

# Fields that a permit row has; whatever else a feed shows (owners, their phones, applicants) is not taken.
PERMIT_FIELDS = (
    "permit_number", "address", "city", "zip", "lat", "lng", "permit_type", "work_description", "estimated_value",
    "contractor_name", "contractor_license", "issue_date", "completion_date", "permit_status", "parcel_id",
)  # fmt: skip
# Ours -> theirs, for parcels.
PARCEL_FIELDS = {
    "parcel_id": "parcel_id", "address": "address", "city": "city", "zip": "zip", "owner_name": "owner_name",
    "owner_mailing": "owner_mailing", "property_type": "property_type", "year_built": "year_built", "sqft": "sqft",
    "lot_sqft": "lot_sqft", "lot_acres": "lot_acres", "beds": "bedrooms", "assessed_value": "assessed_value",
    "last_sale_date": "last_sale_date", "last_sale_price": "last_sale_price",
}  # fmt: skip
# Columns told in words -> the column, or None where there is none to read. A point comes with the row's geometry.
WORDED: dict[str, str | None] = {
    "geometry": None,
    "geometry (outSR=4326)": None,
    "the_geom": None,
    "geocoded_column": None,
    "LOCATION or X_COORD": None,
    "LOCATION or Y_COORD": None,
    "last token of ADDRESS": None,
    "derived from CANCEL and FINAL_DATE": None,
    "PermitNumber prefix RFS": None,
    "none in feed: hash ADDRESS, APPLICATIONDATE, APPLICATIONDESCRIPTION, ESTPROJECTCOST": None,
    "FOLDERTYPE + FOLDERYEAR + FOLDERSEQUENCE": None,
    "Permit_No (suffix CAPID, not unique)": "Permit_No",
    "permitnum (not unique, add :id)": "permitnum",
    "Building_Permit_Num (repeats: add OBJECTID)": "Building_Permit_Num",
    "File_Date (filing date; no issued date)": "File_Date",
    "SUBMITDT (APPROVEDT is null)": "SUBMITDT",
    "APPROVED (ISSUED stops at 2025-06-25)": "APPROVED",
    "DateIssued (2068 placeholder when unissued)": "DateIssued",
    "FINALED_DATE (text)": "FINALED_DATE",
    "valuation (text)": "valuation",
    "permit_type (COM or RES)": "permit_type",
    "PERMIT_TYPE (BLDG residential, BLDC commercial)": "PERMIT_TYPE",
    "Status (In Review, Approved, Issued)": "Status",
    "permit_number (spelling unconfirmed)": "permit_number",
    "CustomName (role unconfirmed)": None,
    "ESTCOST (all null)": None,
    "pin (empty)": None,
    "contractor block of columns (exact name not seen)": None,
    "contractor block (names not seen)": None,
    "permit type and work class columns (names not seen)": None,
    "Addr1 is only the house number: join number, direction, street, type": None,
}

# Facts that the document tells in its notes, and the two cities whose recorded rows have been read.
PERMIT_CHANGES: dict[str, dict[str, Any]] = {
    # The recorded export leaves Date_Issued empty; the day of entry is the next best date.
    "nashville_tn_issued": {
        "incremental_date_field": "Date_Entered",
        "field_map.issue_date": ["Date_Issued", "Date_Entered"],
    },
    "wichita_ks_mabcd": {"where": "City = 'WICHITA'"},
    "collin_cad_tx_permits": {"where": "upper(situscity) like 'PLANO%'"},
    "austin_tx_issued_permits": {"where": "permittype = 'BP'"},
    "lakeland_fl_ims": {"where": "TYPE = 'Permit'"},
    "savannah_ga_residential": {"date_literal": "date"},
    # A list of address columns is joined; these two are one address under two names.
    "baton_rouge_la_permits": {"field_map.address": "streetaddress"},
    "greenville_sc_permits": {"field_map.address": "STREETADDRESS"},
    # Numbers that repeat, or are made of several columns.
    "arlington_tx_issued": {"number_from": ["FOLDERTYPE", "FOLDERYEAR", "FOLDERSEQUENCE"]},
    "fort_worth_tx_civic_permits": {"number_from": ["Permit_No", "CAPID"]},
    "billings_mt_permits": {"number_from": ["Building_Permit_Num", "OBJECTID"]},
    "cook_county_il_assessor_permits": {"number_from": ["permit_number", "pin"]},
    "st_louis_mo_30day": {
        "number_from": ["ADDRESS", "APPLICATIONDATE", "APPLICATIONDESCRIPTION", "ESTPROJECTCOST"]
    },
}
# Feeds whose document says that their columns are those of another feed of the same publisher.
COLUMNS_OF = {"mesa_az_permits": "mesa_az_permits_full"}
# Layers of a whole state or county are one source with one licence, filtered by the city's name.
SHARED_LAYERS = {
    "Florida_Statewide_Cadastral": "florida_statewide_parcels",
    "NC1Map_Parcels": "north_carolina_parcels",
    "odnr_landbase": "ohio_parcels",
    "plan_parcels_open": "minnesota_parcels",
    "Colorado_Public_Parcels": "colorado_public_parcels",
    "gis.mcassessor.maricopa.gov": "maricopa_az_parcels",
    "f3484c72a938497286adc4e5de7e9963": "maricopa_az_sales",
    "www.tad.org": "tarrant_tx_parcels",
    "beacon.schneidercorp.com": "beacon_portal",
}
