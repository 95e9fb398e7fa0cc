"""USPS addresses v3: tokens, and addresses as the post writes them. `{base}/addresses/v3/address`."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Body, Query, Request
from fastapi.responses import JSONResponse

from shared.sandbox.addressing import index_of
from shared.sandbox.state import Sandbox
from shared.sandbox.town.model import House

TOKEN_SECONDS = 28_799
VACANT_PER_HUNDRED = 3


def router(sandbox: Sandbox) -> APIRouter:
    """Routes of the post."""
    routes, tokens = APIRouter(prefix="/usps"), set[str]()
    sandbox.on_reset(tokens.clear)

    @routes.post("/oauth2/v3/token")
    def token(given: dict[str, str] = Body()) -> JSONResponse:
        if given.get("grant_type") != "client_credentials" or "bad" in given.get("client_secret", "bad"):
            return _error(401, "invalid_client")
        made = f"usps-{len(tokens) + 1}"
        tokens.add(made)
        return JSONResponse(
            {
                "access_token": made,
                "token_type": "Bearer",
                "expires_in": str(TOKEN_SECONDS),
                "scope": "addresses",
            }
        )

    @routes.get("/addresses/v3/address")
    def address(
        request: Request,
        street: str = Query("", alias="streetAddress"),
        city: str = "",
        state: str = "",
        zip_code: str = Query("", alias="ZIPCode"),
    ) -> JSONResponse:
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in tokens:
            return _error(401, "invalid token")
        if not (street and state and (city or zip_code)):
            return _error(400, "City or ZIPCode is required")
        town = sandbox.towns.named(city, state)
        hits = index_of(sandbox, town.place).search(street) if town else []
        if town is None or not hits:
            return _error(400, "Address Not Found")
        return JSONResponse(_answer(town.house(hits[0]), alone=len(hits) == 1))

    return routes


def _error(status: int, message: str) -> JSONResponse:
    body = {"apiVersion": "/addresses/v3", "error": {"code": str(status), "message": message}}
    return JSONResponse(body, status_code=status)


def _answer(house: House, *, alone: bool) -> dict[str, Any]:
    """One delivery point, or a building of several without its unit."""
    parts = house.address
    words = (parts.number, parts.predirectional, parts.street, parts.suffix, parts.postdirectional)
    return {
        "firm": None,
        "address": {
            "streetAddress": " ".join(word for word in words if word),
            "secondaryAddress": f"{parts.unit_kind} {parts.unit}".strip() if alone else "",
            "city": parts.city.upper(),
            "state": parts.state,
            "ZIPCode": parts.zip5,
            "ZIPPlus4": f"{house.seed % 9000 + 1000}",
        },
        "additionalInfo": {
            "DPVConfirmation": "Y" if alone else "D",
            "vacant": "Y" if house.seed % 100 < VACANT_PER_HUNDRED else "N",
        },
        "corrections": [],
        "matches": [{"code": "31", "text": "Single Response - exact match"}] if alone else [],
    }
