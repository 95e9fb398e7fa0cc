"""FullContact: a name with its postal address to e-mail and phone. `{base}/v3/person.enrich`."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from shared.sandbox.addressing import index_of
from shared.sandbox.state import Sandbox
from shared.sandbox.town import Town
from shared.sandbox.vendors.acquaintance import knows


def router(sandbox: Sandbox) -> APIRouter:
    """Routes of the finder."""
    routes = APIRouter(prefix="/fullcontact")

    @routes.post("/v3/person.enrich")
    async def enrich(request: Request) -> JSONResponse:
        key = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not key or "bad" in key:
            return _said(401, "Invalid or missing access token")
        asked: dict[str, Any] = await request.json()
        name, location = asked.get("name") or {}, asked.get("location") or {}
        if not (name and location.get("addressLine1")):
            return _said(400, "name must be combined with location")
        found = _find(sandbox, name, location)
        return JSONResponse(_person(*found)) if found else _said(404, "Profile not found")

    return routes


def _said(status: int, message: str) -> JSONResponse:
    return JSONResponse({"status": status, "message": message}, status_code=status)


def _find(sandbox: Sandbox, name: dict[str, str], location: dict[str, str]) -> tuple[Town, int] | None:
    """The one owner at the address who bears both names, where the vendor knows them."""
    town = sandbox.towns.named(location.get("city", ""), location.get("regionCode", ""))
    if town is None:
        return None
    words = f"{name.get('full', '')} {name.get('given', '')} {name.get('family', '')}".upper().split()
    hits = index_of(sandbox, town.place).search(location["addressLine1"])
    owners = ((parcel, town.owner(parcel)) for parcel in hits if knows("fullcontact", town, parcel))
    named = (parcel for parcel, owner in owners if owner.first_name in words and owner.last_name in words)
    parcel = next(named, None)
    return None if parcel is None else (town, parcel)


def _person(town: Town, parcel: int) -> dict[str, Any]:
    owner = town.owner(parcel)
    phone = owner.phone if knows("fullcontact_phone", town, parcel) else ""
    return {
        "fullName": f"{owner.first_name.title()} {owner.last_name.title()}",
        "location": f"{town.place.city}, {town.place.state}",
        "details": {
            "emails": [{"label": "personal", "value": owner.email}] if owner.email else [],
            "phones": [{"label": "mobile", "value": phone}] if phone else [],
        },
        "updated": f"{town.as_of:%Y-%m-%d}",
    }
