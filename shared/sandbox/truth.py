"""The truth about a town, for measuring how much of it the platform found."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

from shared.sandbox.town import Roof, Town
from shared.schemas.address import parse_address

RECENT_YEARS = 10.0


def town_truth(town: Town, *, offset: int = 0, limit: int | None = None) -> dict[str, Any]:
    """Facts of the parcels from `offset` on, all of them unless limited, and how many of each there are."""
    known = town.reroof_known()
    last = town.parcels if limit is None else min(town.parcels, offset + limit)
    rows = [
        _row(town, parcel, permit_known=bool(known[town.layout.building[parcel]]))
        for parcel in range(offset, last)
    ]
    return {
        "version": 1,
        "city": town.place.city,
        "state": town.place.state,
        "seed": town.seed,
        "as_of": town.as_of.isoformat(),
        "offset": offset,
        "parcels": rows,
        "summary": {
            "parcels": town.parcels,
            "buildings": len(town.layout.kind),
            "conditions": dict(Counter(row["roof"]["condition"] for row in rows)),
            "materials": dict(Counter(row["roof"]["material"] for row in rows)),
            "recently_reroofed": sum(row["recently_reroofed"] for row in rows),
            "with_email": sum(bool(row["owner"]["email"]) for row in rows),
        },
    }


def _row(town: Town, parcel: int, *, permit_known: bool) -> dict[str, Any]:
    house, owner = town.house(parcel), town.owner(parcel)
    roof, address = house.roof, house.address
    return {
        "apn": house.apn,
        "address_key": parse_address(address.street_line, address.city, address.state, address.zip5).key,
        "address": {"line": address.street_line, "one_line": address.one_line, **asdict(address)},
        "latitude": round(house.latitude, 7),
        "longitude": round(house.longitude, 7),
        "kind": house.kind.value,
        "year_built": house.year_built,
        "roof": _roof(roof),
        "recently_reroofed": roof.age_years < RECENT_YEARS and not roof.original,
        "reroof_permit_on_file": permit_known,
        "owner": asdict(owner),
    }


def _roof(roof: Roof) -> dict[str, Any]:
    damages = [{"kind": d.kind.value, "severity": d.severity, "share": d.share} for d in roof.damages]
    return {
        "material": roof.material.value,
        "installed_on": roof.installed_on.isoformat(),
        "age_years": roof.age_years,
        "condition": roof.condition.value,
        "wear": roof.wear,
        "pitch_rise": roof.pitch_rise,
        "shape": roof.shape.value,
        "original": roof.original,
        "damages": damages,
    }
