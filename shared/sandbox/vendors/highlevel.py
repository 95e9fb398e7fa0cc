"""HighLevel API 2.0: contacts of locations that allow no duplicates. `{base}/contacts/...`."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from shared.sandbox.state import Sandbox

WINDOW_SECONDS = 10
CALLS_A_WINDOW = 100
DAILY_CALLS = 200_000
VERSION = "2021-07-28"
WRITABLE = frozenset({
    "firstName", "lastName", "name", "email", "phone", "address1", "city", "state", "postalCode", "website", "timezone",
    "dnd", "dndSettings", "inboundDndSettings", "tags", "customFields", "source", "dateOfBirth", "country", "assignedTo",
})  # fmt: skip
CREATABLE = WRITABLE | {"locationId", "gender", "companyName"}
KEYS = ("email", "phone")


class Locations:
    """Contacts by location, and how often each location was called."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.journal = sandbox.journal
        self.contacts: dict[str, dict[str, Any]] = {}
        self.calls: dict[str, list[float]] = defaultdict(list)
        for kind, key, value in sandbox.journal.entries():
            if kind == "highlevel.contact":
                self.contacts[key] = value
        sandbox.on_reset(self.forget)

    def forget(self) -> None:
        """Start anew."""
        self.contacts.clear()
        self.calls.clear()

    def of(self, location_id: str) -> list[dict[str, Any]]:
        """The contacts of a location."""
        return [contact for contact in self.contacts.values() if contact["locationId"] == location_id]

    def holding(self, location_id: str, field: str, value: str) -> list[dict[str, Any]]:
        """The contacts of a location with this e-mail address or phone."""
        return [c for c in self.of(location_id) if (c.get(field) or "").lower() == value.lower()]

    def twin(self, location_id: str, body: dict[str, Any], *, but: str = "") -> tuple[str, str] | None:
        """The id of another contact with the same e-mail address or phone, and which of the two."""
        for field in KEYS:
            held = self.holding(location_id, field, body[field]) if body.get(field) else []
            if other := next((c["id"] for c in held if c["id"] != but), None):
                return other, field
        return None

    def keep(self, contact: dict[str, Any]) -> dict[str, Any]:
        """The contact, stored."""
        self.contacts[contact["id"]] = contact
        self.journal.append("highlevel.contact", contact["id"], contact)
        return contact

    def remaining(self, token: str) -> int:
        """How many calls are left of this window after one more; below zero is one too many."""
        now = time.monotonic()
        self.calls[token] = [at for at in self.calls[token] if at > now - WINDOW_SECONDS] + [now]
        return CALLS_A_WINDOW - len(self.calls[token])


class Refused(Exception):
    """An answer that is not the asked one."""

    def __init__(self, status: int, message: str | list[str], **more: Any) -> None:
        super().__init__(str(message))
        names = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 422: "Unprocessable Entity"}
        self.status = status
        self.body = {"statusCode": status, "message": message, "error": names.get(status, ""), **more}


def router(sandbox: Sandbox) -> APIRouter:
    """Routes of the contacts."""
    routes, locations = APIRouter(prefix="/highlevel"), Locations(sandbox)

    @routes.post("/contacts/search")
    async def search(request: Request) -> JSONResponse:
        return await _answer(request, locations, _search)

    @routes.post("/contacts/")
    async def create(request: Request) -> JSONResponse:
        return await _answer(request, locations, _create, status=201)

    @routes.put("/contacts/{contact_id}")
    async def update(request: Request) -> JSONResponse:
        return await _answer(request, locations, _update)

    @routes.get("/contacts/{contact_id}")
    async def read(request: Request) -> JSONResponse:
        return await _answer(request, locations, lambda known, _, request: {"contact": _one(known, request)})

    @routes.post("/contacts/{contact_id}/tags")
    async def tag(request: Request) -> JSONResponse:
        return await _answer(request, locations, _tag, status=201)

    return routes


async def _answer(request: Request, locations: Locations, act: Any, *, status: int = 200) -> JSONResponse:
    token = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
    left = locations.remaining(token)
    headers = {
        "X-RateLimit-Limit-Daily": str(DAILY_CALLS),
        "X-RateLimit-Daily-Remaining": str(DAILY_CALLS - 1),
        "X-RateLimit-Interval-Milliseconds": str(WINDOW_SECONDS * 1000),
        "X-RateLimit-Max": str(CALLS_A_WINDOW),
        "X-RateLimit-Remaining": str(max(0, left)),
    }
    trace = {"traceId": str(uuid4())}
    try:
        _admit(request, token, left)
        raw = await request.body()
        body = json.loads(raw) if raw else {}
        made = act(locations, body, request)
    except Refused as refusal:
        return JSONResponse({**refusal.body, **trace}, status_code=refusal.status, headers=headers)
    except ValueError:
        return JSONResponse({"statusCode": 400, "message": "Bad Request", **trace}, status_code=400)
    return JSONResponse({**made, **trace}, status_code=status, headers=headers)


def _admit(request: Request, token: str, left: int) -> None:
    if not token or "bad" in token:
        raise Refused(401, "Invalid Private Integration token")
    if request.headers.get("version") != VERSION:
        raise Refused(401, "version header is required")
    if left < 0:
        raise Refused(429, "Too Many Requests")


def _location(body: dict[str, Any]) -> str:
    location = body.get("locationId")
    if not isinstance(location, str) or not location:
        raise Refused(422, ["locationId must be a string"])
    if "foreign" in location:
        raise Refused(403, "The token does not have access to this location.")
    return location


def _search(locations: Locations, body: dict[str, Any], _request: Request) -> dict[str, Any]:
    found = locations.of(_location(body))
    for wish in body.get("filters") or []:
        if wish.get("field") not in KEYS or wish.get("operator") != "eq":
            raise Refused(422, [f"filter {wish.get('field')} is not known here"])
        value = str(wish.get("value", "")).lower()
        found = [contact for contact in found if (contact.get(wish["field"]) or "").lower() == value]
    return {"contacts": found[: int(body.get("pageLimit", 20))], "total": len(found)}


def _create(locations: Locations, body: dict[str, Any], _request: Request) -> dict[str, Any]:
    _check_fields(body, CREATABLE)
    location = _location(body)
    _refuse_twin(locations, location, body)
    contact = {**body, "id": uuid4().hex[:20], "tags": list(body.get("tags") or []), "dateAdded": time.time()}
    return {"contact": locations.keep(contact)}


def _update(locations: Locations, body: dict[str, Any], request: Request) -> dict[str, Any]:
    contact = _one(locations, request)
    _check_fields(body, WRITABLE)
    _refuse_twin(locations, contact["locationId"], body, but=contact["id"])
    return {"succeded": True, "contact": locations.keep({**contact, **body})}


def _tag(locations: Locations, body: dict[str, Any], request: Request) -> dict[str, Any]:
    contact = _one(locations, request)
    tags = body.get("tags")
    if not isinstance(tags, list) or not tags:
        raise Refused(422, ["tags must be an array"])
    kept = list(dict.fromkeys([*contact["tags"], *(str(tag).lower() for tag in tags)]))
    return {"tags": locations.keep({**contact, "tags": kept})["tags"]}


def _one(locations: Locations, request: Request) -> dict[str, Any]:
    contact = locations.contacts.get(request.path_params["contact_id"])
    if contact is None:
        raise Refused(404, "Contact not found")
    return contact


def _refuse_twin(locations: Locations, location: str, body: dict[str, Any], *, but: str = "") -> None:
    twin = locations.twin(location, body, but=but)
    if twin is not None:
        meta = {"contactId": twin[0], "matchingField": twin[1]}
        raise Refused(400, "This location does not allow duplicated contacts.", meta=meta)


def _check_fields(body: dict[str, Any], known: frozenset[str]) -> None:
    wrong = [f"property {name} should not exist" for name in sorted(set(body) - known)]
    email = body.get("email")
    if email is not None and "@" not in str(email):
        wrong.append("email must be an email")
    if str(body.get("phone", "")).endswith("0000"):  # a number of the sandbox that the vendor calls invalid
        wrong.append("phone must be a valid phone number")
    if wrong:
        raise Refused(422, wrong)
