"""Apollo: a person by name and organization or domain. `{base}/api/v1/people/match`."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from shared.sandbox.state import Sandbox
from shared.sandbox.town import Town
from shared.sandbox.vendors.acquaintance import knows
from shared.sandbox.vendors.email_finder import people_named

RATE_HEADERS = {"x-rate-limit-minute": "1000", "x-minute-requests-left": "999"}


def router(sandbox: Sandbox) -> APIRouter:
    """Routes of the finder."""
    routes = APIRouter(prefix="/apollo/api/v1")

    @routes.post("/people/match")
    def match(request: Request) -> JSONResponse:
        query, key = dict(request.query_params), request.headers.get("x-api-key", "")
        if not key or "bad" in key:
            return _refused(401, "Invalid access credentials.")
        if query.get("reveal_phone_number") == "true" and "webhook_url" not in query:
            return _refused(422, "Please add a valid 'webhook_url' parameter")
        name = query.get("name") or f"{query.get('first_name', '')} {query.get('last_name', '')}"
        found = people_named(sandbox, name, query.get("organization_name") or query.get("domain") or "")
        known = len(found) == 1 and knows("apollo", *found[0])
        person = _person(*found[0]) if known else None
        return JSONResponse({"request_id": 1, "person": person}, headers=RATE_HEADERS)

    return routes


def _refused(status: int, words: str) -> JSONResponse:
    return JSONResponse({"error": words, "error_code": str(status)}, status_code=status)


def _person(town: Town, parcel: int) -> dict[str, Any]:
    owner = town.owner(parcel)
    first, last = owner.first_name.title(), owner.last_name.title()
    status = {"valid": "verified", "": "unavailable"}.get(owner.email_status, "guessed")
    return {
        "id": f"{town.place.key}{parcel:024d}"[-24:],
        "first_name": first,
        "last_name": last,
        "name": f"{first} {last}",
        "title": "",
        "email": owner.email or None,
        "email_status": status,
    }
