"""The publishers whose files are recognised by their content alone."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

from services.scraper.formats.field_map import NumberedContacts, PermitSource

CENTRAL = ZoneInfo("America/Chicago")
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
