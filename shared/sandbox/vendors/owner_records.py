"""ATTOM and Melissa: the county's owners by address. `{base}/propertyapi/...`, `{base}/v4/WEB/LookupProperty`."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from shared.sandbox.addressing import index_of
from shared.sandbox.state import Sandbox
from shared.sandbox.town import Town
from shared.sandbox.town.model import OwnerKind


def router(sandbox: Sandbox) -> APIRouter:
    """Routes of both vendors."""
    routes = APIRouter()

    @routes.get("/attom/propertyapi/v1.0.0/property/detailowner")
    def detail_owner(request: Request, address1: str = "", address2: str = "") -> JSONResponse:
        key = request.headers.get("apikey", "")
        if not key or "bad" in key:
            return JSONResponse({"Response": {"status": {"code": "401", "msg": "Unauthorized"}}}, 401)
        city, _, state = address2.partition(", ")
        found = _find(sandbox, address1, city, state)
        status = {"version": "1.0.0", "code": 0, "page": 1, "pagesize": 10}
        if found is None:
            said = {**status, "code": 400, "msg": "SuccessWithoutResult", "total": 0}
            return JSONResponse({"status": said, "property": []}, 400)
        said = {**status, "msg": "SuccessWithResult", "total": 1}
        return JSONResponse({"status": said, "property": [_attom(*found)]})

    @routes.get("/melissa/v4/WEB/LookupProperty")
    def look_up(licence: str = Query("", alias="id"), ff: str = "", t: str = "") -> JSONResponse:
        refused = not licence or "bad" in licence
        street, _, rest = ff.partition(", ")
        city, _, tail = rest.partition(", ")
        found = None if refused else _find(sandbox, street, city, tail[:2])
        records = [] if refused else [_melissa(found)]
        return JSONResponse(
            {
                "Version": "4.0",
                "TransmissionResults": "GE05" if refused else "",
                "TransmissionReference": t,
                "TotalRecords": str(len(records)),
                "Records": records,
            }
        )

    return routes


def _find(sandbox: Sandbox, street: str, city: str, state: str) -> tuple[Town, int] | None:
    town = sandbox.towns.named(city, state)
    hits = index_of(sandbox, town.place).search(street) if town else []
    return (town, hits[0]) if town is not None and len(hits) == 1 else None


def _attom(town: Town, parcel: int) -> dict[str, Any]:
    owner, address = town.owner(parcel), town.layout.address(parcel)
    company = owner.kind in (OwnerKind.COMPANY, OwnerKind.ASSOCIATION)
    mailing = f"{owner.mailing_line}, {owner.mailing_city}, {owner.mailing_state} {owner.mailing_zip5}"
    return {
        "identifier": {"Id": parcel + 1, "fips": town.place.county_fips, "apn": town.apn(parcel), "attomId": parcel + 1},
        "address": {"line1": address.street_line, "oneLine": address.one_line, "matchCode": "ExaStr"},
        "owner": {
            "corporateIndicator": "Y" if company else "N",
            "owner1": {"fullName": owner.name, "lastName": owner.last_name, "firstNameAndMi": owner.first_name},
            "mailingAddressOneLine": mailing,
        },
    }  # fmt: skip


def _melissa(found: tuple[Town, int] | None) -> dict[str, Any]:
    if found is None:
        return {"RecordID": "1", "Results": "YE01", "Parcel": {}, "PrimaryOwner": {}, "OwnerAddress": {}}
    town, parcel = found
    owner = town.owner(parcel)
    return {
        "RecordID": "1",
        "Results": "YS01,YC01",
        "Parcel": {"FormattedAPN": town.apn(parcel)},
        "PrimaryOwner": {"Name1Full": owner.name},
        "OwnerAddress": {
            "Address": owner.mailing_line,
            "City": owner.mailing_city,
            "State": owner.mailing_state,
            "Zip": owner.mailing_zip5,
        },
    }
