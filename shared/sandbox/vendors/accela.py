"""Accela Civic Platform: the town of Quill's records. `{base}/oauth2/token`, `{base}/v4/search/records`."""

from __future__ import annotations

import secrets
import time
from typing import Any
from uuid import uuid4

import numpy as np
from fastapi import APIRouter, Form, Request
from fastapi.responses import JSONResponse, Response

from shared.sandbox.datasets import permit_number
from shared.sandbox.state import Sandbox
from shared.sandbox.town import Place, Town, place_named
from shared.sandbox.town.permit_kinds import PERMIT_KINDS
from shared.sandbox.town.permits import STATUSES

AGENCIES: dict[str, str] = {"QUILL": "quill"}
"""Agency code -> town."""
MODULES = ("Building", "Planning")
TOKEN_SECONDS, DEFAULT_LIMIT, MAX_LIMIT = 900, 25, 1000
CALLS_A_WINDOW, WINDOW_SECONDS = 10_000, 60


class Refusal(Exception):
    """A refusal in the platform's own words."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class TokenDesk:
    """Tokens sold and not yet spent."""

    def __init__(self) -> None:
        self.access: dict[str, float] = {}
        self.refresh: set[str] = set()

    def sell(self, grant: str, refresh_token: str) -> dict[str, str]:
        """A token and its refresh token, which is good for one use."""
        if grant == "refresh_token" and refresh_token not in self.refresh:
            raise Refusal(400, "invalid_token", "The refresh token is invalid or spent.")
        self.refresh.discard(refresh_token)
        access, renewal = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        self.access[access] = time.monotonic() + TOKEN_SECONDS
        self.refresh.add(renewal)
        return {
            "access_token": access,
            "token_type": "bearer",
            "expires_in": str(TOKEN_SECONDS),
            "refresh_token": renewal,
            "scope": "records addresses parcels",
        }

    def check(self, token: str) -> None:
        """Refuse a token that was never sold or is too old; `Bearer` is part of no token."""
        if not token:
            raise Refusal(401, "no_token", "No access token was given.")
        if token not in self.access:
            raise Refusal(401, "invalid_token", "The access token is invalid.")
        if self.access[token] < time.monotonic():
            raise Refusal(401, "token_expired", "The access token has expired.")


def router(sandbox: Sandbox) -> APIRouter:
    """Routes of the platform."""
    routes = APIRouter(prefix="/accela")
    desk = TokenDesk()
    sandbox.on_reset(desk.access.clear)

    @routes.post("/oauth2/token")
    def token(
        request: Request, grant_type: str = Form(""), client_id: str = Form(""), refresh_token: str = Form("")
    ) -> Response:
        if not client_id or request.headers.get("x-accela-appid") != client_id:
            return _refused(Refusal(401, "no_app_credential", "The app is not known."))
        try:
            return JSONResponse(desk.sell(grant_type, refresh_token))
        except Refusal as refusal:
            return _refused(refusal)

    @routes.post("/v4/search/records")
    async def search(
        request: Request, limit: int = DEFAULT_LIMIT, offset: int = 0, expand: str = ""
    ) -> Response:
        try:
            desk.check(request.headers.get("authorization", ""))
            place = _agency(request.headers.get("x-accela-agency", ""))
            found = _search(sandbox.towns.of(place), await request.json())
        except Refusal as refusal:
            return _refused(refusal)
        return _page(sandbox.towns.of(place), found, min(limit, MAX_LIMIT), offset, expand.split(","))

    return routes


def _refused(refusal: Refusal) -> Response:
    trace = uuid4().hex
    body = {"status": refusal.status, "code": refusal.code, "message": refusal.message, "more": None}
    return JSONResponse(
        {**body, "traceId": trace}, status_code=refusal.status, headers={"x-accela-traceId": trace}
    )


def _agency(code: str) -> Place:
    place = place_named(AGENCIES.get(code, ""))
    if place is None:
        raise Refusal(403, "forbidden", "The agency has not enabled this app.")
    return place


def _search(town: Town, criteria: dict[str, Any]) -> list[int]:
    """Rows that meet the criteria, of which one is wanted at least."""
    if not criteria:
        raise Refusal(400, "bad_request", "At least one search criterion is required.")
    module = criteria.get("module", "Building")
    if module not in MODULES:
        raise Refusal(400, "data_validation_error", f"Invalid module: {module}")
    ages = town.permits.applied_age_days
    mask = np.full(len(town.permits), module == "Building")
    for name, older in (("openedDateFrom", False), ("openedDateTo", True)):
        if name in criteria:
            age = (np.datetime64(town.as_of) - np.datetime64(str(criteria[name])[:10])).astype(int)
            mask &= ages >= age if older else ages <= age
    return [int(row) for row in np.nonzero(mask)[0]]


def _page(town: Town, found: list[int], limit: int, offset: int, expand: list[str]) -> Response:
    """A page; without a hit there is no `result` at all."""
    records = [_record(town, row, expand) for row in found[offset : offset + limit]]
    page = {"offset": offset, "limit": limit, "hasmore": offset + limit < len(found)}
    body: dict[str, Any] = {"status": 200, "page": page}
    if records:
        body["result"] = records
    reset = str(int((time.time() + WINDOW_SECONDS) * 1000))
    limits = {"Limit": str(CALLS_A_WINDOW), "Remaining": str(CALLS_A_WINDOW - 1), "Reset": reset}
    return JSONResponse(body, headers={f"X-RateLimit-{name}": value for name, value in limits.items()})


def _record(town: Town, row: int, expand: list[str]) -> dict[str, Any]:
    permits = town.permits
    kind = PERMIT_KINDS[int(permits.kind[row])]
    applied, issued = int(permits.applied_age_days[row]), int(permits.issued_age_days[row])
    opened = town.day(max(applied, 0))
    path = f"Building/Residential/{kind.work_class}/NA"
    status = STATUSES[int(permits.status[row])]
    record: dict[str, Any] = {
        "id": f"{town.place.key.upper()}-{opened:%y}CAP-00000-{row:05X}",
        "customId": permit_number(int(permits.number[row]), kind.type_code),
        "module": "Building",
        "type": {"module": "Building", "group": "Building", "value": path, "text": kind.type_name},
        "status": {"value": status, "text": status},
        "openedDate": f"{opened} 00:00:00",
        "statusDate": f"{town.day(issued)} 09:00:00" if issued >= 0 else None,
        "description": permits.description(row),
        "jobValue": None if np.isnan(permits.value[row]) else float(permits.value[row]),
        "serviceProviderCode": town.place.key.upper(),
    }
    parcel = int(permits.parcel[row])
    if "addresses" in expand:
        record["addresses"] = [_address(town, parcel)]
    if "parcels" in expand and bool(permits.with_apn[row]):
        record["parcels"] = [{"parcelNumber": town.apn(parcel), "isPrimary": "Y"}]
    return record


def _address(town: Town, parcel: int) -> dict[str, Any]:
    address = town.layout.address(parcel)
    coded = {"direction": address.predirectional, "streetSuffix": address.suffix, "state": address.state}
    return {
        "streetStart": int(address.number) if address.number.isdigit() else address.number,
        "streetName": address.street,
        "unitType": {"value": address.unit_kind, "text": address.unit_kind} if address.unit_kind else None,
        "unitStart": address.unit or None,
        "city": address.city,
        "postalCode": address.zip5,
        "isPrimary": "Y",
        **{name: {"value": text, "text": text} for name, text in coded.items() if text},
    }
