"""Accela Civic Platform: the town of Quill's records and those of the county of Calder.

`{base}/oauth2/token`, `{base}/v4/search/records`, `{base}/v4/records`, `{base}/v4/records/{id}/owners` and its like.
"""

from __future__ import annotations

import secrets
import time
from collections import Counter
from dataclasses import dataclass
from string import hexdigits
from typing import Any
from uuid import uuid4

import numpy as np
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from shared.sandbox.datasets import permit_number
from shared.sandbox.state import Sandbox
from shared.sandbox.town import Place, Town, place_named
from shared.sandbox.town.permit_kinds import PERMIT_KINDS
from shared.sandbox.town.permits import STATUSES
from shared.sandbox.vendors import accela_county as county
from shared.sandbox.vendors.accela_county import CountyPermit

AGENCIES: dict[str, str] = {"QUILL": "quill"}
"""Agency code -> town."""
MODULES = ("Building", "Planning")
TOKEN_SECONDS, DEFAULT_LIMIT, MAX_LIMIT = 900, 25, 1000
CALLS_A_WINDOW, WINDOW_SECONDS = 10_000, 60


class Refusal(Exception):
    """A refusal in the platform's own words."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, headers or {}


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token opens."""

    agency: str = ""
    environment: str = ""
    scope: str = "records addresses parcels"


class TokenDesk:
    """Tokens sold and not yet spent."""

    def __init__(self) -> None:
        self.access: dict[str, tuple[float, Grant]] = {}
        self.refresh: dict[str, Grant] = {}

    def forget(self) -> None:
        """End every token."""
        self.access.clear()
        self.refresh.clear()

    def renew(self, refresh_token: str) -> dict[str, str]:
        """A token for what the last one opened."""
        if refresh_token not in self.refresh:
            raise Refusal(400, "invalid_token", "The refresh token is invalid or spent.")
        return self.sell(self.refresh.pop(refresh_token))

    def sell(self, grant: Grant) -> dict[str, str]:
        """A token and its refresh token, which is good for one use."""
        access, renewal = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        self.access[access] = time.monotonic() + TOKEN_SECONDS, grant
        self.refresh[renewal] = grant
        return {
            "access_token": access,
            "token_type": "bearer",
            "expires_in": str(TOKEN_SECONDS),
            "refresh_token": renewal,
            "scope": grant.scope,
        }

    def check(self, request: Request) -> Grant:
        """What the token opens; refuses one never sold, too old or of another agency. `Bearer` is part of none."""
        token = request.headers.get("authorization", "")
        if not token:
            raise Refusal(401, "no_token", "No access token was given.")
        if token not in self.access:
            raise Refusal(401, "invalid_token", "The access token is invalid.")
        ends_at, grant = self.access[token]
        if ends_at < time.monotonic():
            raise Refusal(401, "token_expired", "The access token has expired.")
        asked = request.headers.get("x-accela-agency", ""), request.headers.get("x-accela-environment", "")
        if asked != (grant.agency, grant.environment):
            raise Refusal(401, "invalid_token", "The token is another agency's.")
        return grant


class Allowances:
    """Calls counted by agency and window, as the platform does since it enforces its limits."""

    def __init__(self) -> None:
        self.spent: Counter[tuple[str, int]] = Counter()

    def take(self, agency: str) -> dict[str, str]:
        """The headers of one more call; a refusal where the window's allowance is spent."""
        window = int(time.time()) // WINDOW_SECONDS
        self.spent[agency, window] += 1
        left = CALLS_A_WINDOW - self.spent[agency, window]
        reset = str((window + 1) * WINDOW_SECONDS * 1000)
        told = {"Limit": str(CALLS_A_WINDOW), "Remaining": str(max(left, 0)), "Reset": reset}
        headers = {f"X-RateLimit-{name}": value for name, value in told.items()}
        if left < 0:
            raise Refusal(429, "too_many_requests", "The agency's limit is reached.", headers)
        return headers


def router(sandbox: Sandbox) -> APIRouter:
    """Routes of the platform."""
    routes = APIRouter(prefix="/accela")
    desk, allowances = TokenDesk(), Allowances()
    sandbox.on_reset(desk.forget)
    sandbox.on_reset(allowances.spent.clear)

    @routes.post("/oauth2/token")
    async def token(request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        if not form.get("client_id") or request.headers.get("x-accela-appid") != form["client_id"]:
            return _refused(Refusal(401, "no_app_credential", "The app is not known."))
        try:
            return JSONResponse(_sold(desk, form))
        except Refusal as refusal:
            return _refused(refusal)

    @routes.post("/v4/search/records")
    async def search(
        request: Request, limit: int = DEFAULT_LIMIT, offset: int = 0, expand: str = ""
    ) -> Response:
        try:
            grant = desk.check(request)
            headers, place = allowances.take(grant.agency), _agency(grant.agency)
            found = _search(sandbox.towns.of(place), await request.json())
        except Refusal as refusal:
            return _refused(refusal)
        town = sandbox.towns.of(place)
        parts, cut = expand.split(","), slice(offset, offset + min(limit, MAX_LIMIT))
        records = [_record(town, row, parts) for row in found[cut]]
        return _page(records, min(limit, MAX_LIMIT), offset, len(found), headers)

    routes.include_router(_county(sandbox, desk, allowances))
    return routes


def _sold(desk: TokenDesk, form: dict[str, str]) -> dict[str, str]:
    if form.get("grant_type") == "refresh_token":
        return desk.renew(form.get("refresh_token", ""))
    agency = form.get("agency_name", "")
    user = form.get("username"), form.get("password")
    if agency == county.AGENCY and user != (county.USERNAME, county.PASSWORD):
        raise Refusal(400, "data_validation_error", "The user name or the password is wrong.")
    return desk.sell(Grant(agency, form.get("environment", ""), form.get("scope", "")))


def _county(sandbox: Sandbox, desk: TokenDesk, allowances: Allowances) -> APIRouter:
    """Routes of an agency whose records are asked for one kind at a time."""
    routes = APIRouter()

    def known() -> tuple[Town, tuple[CountyPermit, ...]]:
        town = sandbox.towns.of(county.place())
        return town, sandbox.towns.derived("county permits", county.place(), county.permits_of)

    @routes.get("/v4/records")
    def records(request: Request, limit: int = DEFAULT_LIMIT, offset: int = 0) -> Response:
        try:
            headers = allowances.take(_county_only(desk.check(request)).agency)
        except Refusal as refusal:
            return _refused(refusal)
        town, permits = known()
        found = [row for row, permit in enumerate(permits) if _meets(request, permit)]
        cut = found[offset : offset + min(limit, MAX_LIMIT)]
        shown = [county.record_of(town, row, permits[row]) for row in cut]
        return _page(shown, min(limit, MAX_LIMIT), offset, len(found), headers)

    @routes.get("/v4/records/{record_id}/{part}")
    def part(request: Request, record_id: str, part: str) -> Response:
        try:
            grant = _county_only(desk.check(request))
            headers, (town, permits) = allowances.take(grant.agency), known()
            permit = permits[_row(record_id, len(permits))]
            return _part(town, permit, _allowed_part(grant, part), headers)
        except Refusal as refusal:
            return _refused(refusal)

    return routes


def _county_only(grant: Grant) -> Grant:
    if grant.agency != county.AGENCY:
        raise Refusal(403, "forbidden", "The agency has not enabled this app.")
    return grant


def _meets(request: Request, permit: CountyPermit) -> bool:
    """True for a record inside the query's kind and days."""
    asked, opened = request.query_params, permit.opened.isoformat()
    return (
        asked.get("type", permit.type_path) == permit.type_path
        and asked.get("module", "Building") == "Building"
        and asked.get("openedDateFrom", "") <= opened <= asked.get("openedDateTo", "9999")
        and asked.get("status", "") in ("", "Issued" if permit.seed % 5 == 0 else "Finaled")
    )


def _allowed_part(grant: Grant, part: str) -> str:
    if part not in grant.scope.split():
        raise Refusal(403, "forbidden", f"The token's scope has no {part}.")
    return part


def _row(record_id: str, rows: int) -> int:
    number = record_id.rpartition("-")[2]
    row = int(number, 16) if number and all(letter in hexdigits for letter in number) else rows
    if row >= rows:
        raise Refusal(404, "resource_not_found", "There is no such record.")
    return row


def _part(town: Town, permit: CountyPermit, part: str, headers: dict[str, str]) -> Response:
    """Addresses as a bare list for every other record, owners that nobody knows as 404: both are seen."""
    if part == "addresses":
        found: list[dict[str, Any]] | None = [_address(town, permit.parcel)]
        if permit.seed % 2:
            return JSONResponse(found, headers=headers)
    else:
        found = county.owners_of(town, permit) if part == "owners" else county.parcels_of(town, permit)
    if found is None:
        raise Refusal(404, "resource_not_found", "There is nothing of that kind.", headers)
    return JSONResponse({"status": 200, "result": found}, headers=headers)


def _refused(refusal: Refusal) -> Response:
    trace = uuid4().hex
    body = {"status": refusal.status, "code": refusal.code, "message": refusal.message, "more": None}
    return JSONResponse(
        {**body, "traceId": trace},
        status_code=refusal.status,
        headers={**refusal.headers, "x-accela-traceId": trace},
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


def _page(
    records: list[dict[str, Any]], limit: int, offset: int, total: int, headers: dict[str, str]
) -> Response:
    """A page; without a hit there is no `result` at all."""
    page = {"offset": offset, "limit": limit, "hasmore": offset + limit < total}
    body: dict[str, Any] = {"status": 200, "page": page}
    if records:
        body["result"] = records
    return JSONResponse(body, headers=headers)


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
