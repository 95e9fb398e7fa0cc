"""The county of Calder around the town of Ellery: thirty years of mechanical permits, and other trades beside them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from shared.sandbox.town import Place, Town, place_named

AGENCY, USERNAME, PASSWORD = "CALDER", "county-reader", "calder-county"
MECHANICAL = "Building/Residential/Trade/Mechanical"
ELECTRICAL = "Building/Residential/Trade/Electrical"
YEARS, MOST_A_HOUSE = 34, 3
WORK = (
    "A/C CHANGE OUT {tons} TON 16 SEER SPLIT SYSTEM",
    "REPLACE ROOFTOP PACKAGE UNIT {tons} TON",
    "LIKE FOR LIKE HEAT PUMP {tons} TON",
    "NEW DUCTWORK AND {tons} TON CONDENSER",
)
NOBODY_EVERY = 17
"""Of so many records one has no owner on file: Accela answers 404 and means none."""


@dataclass(frozen=True, slots=True)
class CountyPermit:
    """One record: whose house, when, and what for."""

    parcel: int
    opened: date
    seed: int

    @property
    def type_path(self) -> str:
        """Four levels by which the agency files it; one in ten is another trade's."""
        return ELECTRICAL if self.seed % 10 == 0 else MECHANICAL


def place() -> Place:
    """The town that stands for the county."""
    found = place_named("Ellery", "FL")
    if found is None:
        raise LookupError("the sandbox has no town of Ellery")
    return found


def permits_of(town: Town) -> tuple[CountyPermit, ...]:
    """The county's records, oldest first."""
    found = []
    for parcel in range(town.parcels):
        seed = int(town.people.seed[parcel])
        for turn in range(seed % (MOST_A_HOUSE + 1)):
            mixed = (seed * 2_654_435_761 + turn * 40_503) % 2**32
            found.append(CountyPermit(parcel, town.day(mixed % (YEARS * 365)), mixed // 7))
    return tuple(sorted(found, key=lambda permit: (permit.opened, permit.parcel, permit.seed)))


def record_of(town: Town, row: int, permit: CountyPermit) -> dict[str, Any]:
    """The record as a list shows it."""
    trade = permit.type_path.rpartition("/")[2]
    closed = permit.seed % 5 != 0
    status = "Finaled" if closed else "Issued"
    return {
        "id": f"{AGENCY}-{permit.opened:%y}CAP-00000-{row:05X}",
        "customId": f"HC-{trade[:3].upper()}-{permit.opened:%y}-{row:07}",
        "module": "Building",
        "type": {
            "module": "Building",
            "group": "Building",
            "type": "Residential",
            "subType": "Trade",
            "category": trade,
            "value": permit.type_path,
            "text": f"Residential {trade} Trade Permit",
        },
        "status": {"value": status, "text": status},
        "openedDate": f"{permit.opened} 00:00:00",
        "statusDate": f"{permit.opened} 09:00:00",
        "closedDate": f"{permit.opened} 00:00:00" if closed else None,
        "description": WORK[permit.seed % len(WORK)].format(tons=2 + permit.seed % 4),
        "jobValue": float(4_000 + permit.seed % 9_000),
        "yearBuilt": town.house(permit.parcel).year_built,
        "serviceProviderCode": AGENCY,
    }


def owners_of(town: Town, permit: CountyPermit) -> list[dict[str, Any]] | None:
    """Who owns the house; None where nobody is on file."""
    if permit.seed % NOBODY_EVERY == 0:
        return None
    owner = town.owner(permit.parcel)
    return [
        {
            "id": permit.parcel + 1,
            "fullName": owner.name,
            "firstName": owner.first_name,
            "lastName": owner.last_name,
            "isPrimary": "Y",
            "phone": owner.phone,
            "email": owner.email,
            "mailAddress": {
                "addressLine1": owner.mailing_line,
                "city": owner.mailing_city,
                "state": {"value": owner.mailing_state, "text": owner.mailing_state},
                "postalCode": owner.mailing_zip5,
            },
        }
    ]


def parcels_of(town: Town, permit: CountyPermit) -> list[dict[str, Any]]:
    """The lot with its values."""
    land = 40_000 + permit.parcel % 50 * 1_000
    return [
        {
            "id": town.apn(permit.parcel),
            "parcelNumber": town.apn(permit.parcel),
            "landValue": float(land),
            "improvedValue": float(land * 3),
            "isPrimary": "Y",
        }
    ]
