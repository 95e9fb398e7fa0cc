"""Census geocoder: addresses to points interpolated along the street. `{base}/geocoder/locations/...`."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

from fastapi import APIRouter, File, Form, Query, UploadFile
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from shared.sandbox.addressing import index_of
from shared.sandbox.state import Sandbox
from shared.sandbox.town import PLACES, Place, Town

MAX_BATCH = 10_000
UNKNOWN_PER_HUNDRED = 4
"""New streets are not in the Census files yet."""
BENCHMARKS = frozenset({"Public_AR_Current", "Public_AR_ACS2025", "Public_AR_Census2020", "4", "8", "2020"})


def router(sandbox: Sandbox) -> APIRouter:
    """Routes of the geocoder."""
    routes = APIRouter(prefix="/census/geocoder")

    @routes.get("/locations/onelineaddress")
    def one_line(address: str = "", benchmark: str = "") -> Response:
        if not address.strip():
            return _refused("Address cannot be empty and cannot exceed 100 characters")
        return _matched(sandbox, {"address": address}, address, benchmark)

    @routes.get("/locations/address")
    def parts(
        street: str = "",
        city: str = "",
        state: str = "",
        zip5: str = Query("", alias="zip"),
        benchmark: str = "",
    ) -> Response:
        if not street.strip():
            return _refused("Street address cannot be empty and cannot exceed 100 characters")
        given = {"street": street, "city": city, "state": state, "zip": zip5}
        return _matched(sandbox, given, f"{street}, {city}, {state} {zip5}", benchmark)

    @routes.get("/geographies/onelineaddress")
    def with_geographies(address: str = "", benchmark: str = "", vintage: str = "") -> Response:
        if not vintage:
            return _refused("Vintage parameter is missing")
        return _matched(sandbox, {"address": address}, address, benchmark, geographies=True)

    @routes.post("/locations/addressbatch")
    def batch(address_file: UploadFile = File(alias="addressFile"), benchmark: str = Form("")) -> Response:
        if benchmark not in BENCHMARKS:
            return _refused("Benchmark parameter is missing or invalid")
        rows = list(csv.reader(io.StringIO(address_file.file.read().decode("utf-8", "replace"))))
        if len(rows) > MAX_BATCH:
            return _refused("Batch files are limited to 10,000 records")
        return PlainTextResponse(_batch(sandbox, rows), media_type="text/csv")

    return routes


def _refused(message: str) -> JSONResponse:
    return JSONResponse({"errors": [message], "status": "400"}, status_code=400)


def _matched(
    sandbox: Sandbox, given: dict[str, str], text: str, benchmark: str, *, geographies: bool = False
) -> Response:
    if benchmark not in BENCHMARKS:
        return _refused("Benchmark parameter is missing or invalid")
    found = _find(sandbox, text)
    matches = [_match(town, parcel) for town, parcel in found]
    if geographies:
        matches = [
            {**match, "geographies": _geographies(town)}
            for match, (town, _) in zip(matches, found, strict=True)
        ]
    answer = {
        "input": {"address": given, "benchmark": {"benchmarkName": benchmark, "id": "4"}},
        "addressMatches": matches,
    }
    return JSONResponse({"result": answer})


def _find(sandbox: Sandbox, text: str) -> list[tuple[Town, int]]:
    """One parcel a matching building; a text without a town's name or ZIP code matches nothing."""
    found: list[tuple[Town, int]] = []
    for place in PLACES:
        if not _names(place, text.upper()):
            continue
        town, index = sandbox.towns.of(place), index_of(sandbox, place)
        hits = index.search(text) or index.search_loosely(text)
        buildings = {int(town.layout.building[hit]): hit for hit in reversed(hits)}
        found += [(town, hit) for building, hit in sorted(buildings.items()) if _known(town, building)]
    return found


def _names(place: Place, text: str) -> bool:
    in_city = re.search(rf"\b{place.city.upper()}\b", text) and re.search(rf"\b{place.state}\b", text)
    return bool(in_city) or any(zip5 in text for zip5 in place.zips)


def _known(town: Town, building: int) -> bool:
    return int(town.roofs.seed[building]) % 100 >= UNKNOWN_PER_HUNDRED


def _match(town: Town, parcel: int) -> dict[str, Any]:
    address = town.layout.address(parcel)
    building = int(town.layout.building[parcel])
    latitude, longitude = _on_the_street(town, building)
    hundred = int(town.layout.number[building]) // 100 * 100
    street = " ".join(
        p
        for p in (
            address.number,
            address.predirectional,
            address.street,
            address.suffix,
            address.postdirectional,
        )
        if p
    )
    side = "R" if town.layout.south_side[building] else "L"
    return {
        "matchedAddress": f"{street}, {address.city}, {address.state}, {address.zip5}",
        "coordinates": {"x": longitude, "y": latitude},
        "tigerLine": {
            "side": side,
            "tigerLineId": str(640_000_000 + town.place.salt * 1_000_000 + building // 10),
        },
        "addressComponents": {
            "fromAddress": str(hundred),
            "toAddress": str(hundred + 98),
            "preQualifier": "",
            "preDirection": address.predirectional,
            "preType": "",
            "streetName": address.street,
            "suffixType": address.suffix,
            "suffixDirection": address.postdirectional,
            "suffixQualifier": "",
            "city": address.city,
            "state": address.state,
            "zip": address.zip5,
        },
    }


def _on_the_street(town: Town, building: int) -> tuple[float, float]:
    """A point between house and street, shifted along it as interpolation does: 10 to 30 metres off."""
    layout = town.layout
    toward = -1.0 if not layout.south_side[building] else 1.0
    along = (int(town.roofs.seed[building]) % 31) - 15
    distance = layout.street_distance(building) - 6.0
    house = layout.moved(building, along, toward * distance)
    latitude, longitude = town.projection.to_degrees(*house)
    return round(latitude, 12), round(longitude, 12)


def _geographies(town: Town) -> dict[str, Any]:
    fips = town.place.county_fips
    return {
        "Counties": [
            {"GEOID": fips, "NAME": f"{town.place.county} County", "STATE": fips[:2], "COUNTY": fips[2:]}
        ]
    }


def _batch(sandbox: Sandbox, rows: list[list[str]]) -> str:
    """Answers in another order than the questions, as the real service gives them."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    for row in sorted(rows, key=lambda cells: "".join(cells[:1])[::-1]):
        key, street, city, state, zip5 = (*row, "", "", "", "", "")[:5]
        asked = f"{street}, {city}, {state}, {zip5}"
        found = _find(sandbox, asked)
        if not found:
            writer.writerow([key, asked, "No_Match"])
        elif len(found) > 1:
            writer.writerow([key, asked, "Tie"])
        else:
            writer.writerow(_batch_row(key, asked, _match(*found[0])))
    return out.getvalue()


def _batch_row(key: str, asked: str, match: dict[str, Any]) -> list[str]:
    point, line = match["coordinates"], match["tigerLine"]
    exact = "Exact" if match["matchedAddress"].split(",")[0] in asked.upper() else "Non_Exact"
    return [
        key,
        asked,
        "Match",
        exact,
        match["matchedAddress"],
        f"{point['x']},{point['y']}",
        line["tigerLineId"],
        line["side"],
    ]
