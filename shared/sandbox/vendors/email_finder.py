"""Hunter: finds the address of a person by name and a company, domain or place. `{base}/v2/email-finder`."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import Any

import numpy as np
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from shared.sandbox.state import Sandbox
from shared.sandbox.town import Place, Town
from shared.sandbox.town.people import EMAIL_STATUSES
from shared.sandbox.town.words import FIRST_NAMES, LAST_NAMES

PLAN_SEARCHES = 10_000
OBJECTOR_PER_THOUSAND = 5
"""People who asked not to be processed: 451, and never to be asked for again."""
STATUS_WORDS = {"valid": "valid", "invalid": "invalid", "catch-all": "accept_all"}


class _Refusal(Exception):
    """An error in the vendor's shape."""

    def __init__(self, status: int, name: str, details: str) -> None:
        super().__init__(details)
        self.status = status
        self.body = {"errors": [{"id": name, "code": status, "details": details}]}


class NameIndex:
    """Owners of one town by first and last name."""

    def __init__(self, town: Town) -> None:
        self.by_name: dict[tuple[str, str], list[int]] = defaultdict(list)
        people = town.people
        private = np.nonzero(people.has_email | people.found)[0]
        for parcel in private.tolist():
            first, last = FIRST_NAMES[people.first[parcel]], LAST_NAMES[people.last[parcel]]
            self.by_name[first, last].append(parcel)

    def named(self, words: list[str]) -> list[int]:
        """Owners with that name, whichever way round it is written; further words are ignored."""
        text = " ".join(words)
        return sorted(
            {
                parcel
                for (first, last), parcels in self.by_name.items()
                if text.startswith((f"{first} {last}", f"{last} {first}")) or text.endswith(f"{first} {last}")
                for parcel in parcels
            }
        )


def router(sandbox: Sandbox) -> APIRouter:
    """Routes of the finder."""
    routes = APIRouter(prefix="/hunter/v2")
    used = {"searches": 0}
    sandbox.on_reset(lambda: used.update(searches=0))

    @routes.get("/email-finder")
    def find(request: Request) -> Response:
        try:
            _check_key(request)
            query = dict(request.query_params)
            answer = _find(sandbox, query)
        except _Refusal as refusal:
            return JSONResponse(refusal.body, status_code=refusal.status)
        used["searches"] += answer["email"] is not None
        asked = {key: value for key, value in query.items() if key != "api_key"}
        return JSONResponse({"data": answer, "meta": {"params": asked}})

    @routes.get("/account")
    def account(request: Request) -> Response:
        try:
            _check_key(request)
        except _Refusal as refusal:
            return JSONResponse(refusal.body, status_code=refusal.status)
        reset = sandbox.settings.as_of + timedelta(days=20)
        searches = {"used": used["searches"], "available": PLAN_SEARCHES}
        return JSONResponse(
            {
                "data": {
                    "first_name": "Sandbox",
                    "last_name": "Account",
                    "email": "account@ridgeline.example",
                    "plan_name": "Growth",
                    "plan_level": 3,
                    "reset_date": f"{reset:%Y-%m-%d}",
                    "team_id": 1,
                    "calls": searches,
                    "requests": {
                        "searches": searches,
                        "verifications": {"used": 0, "available": PLAN_SEARCHES},
                    },
                }
            }
        )

    return routes


def _check_key(request: Request) -> None:
    bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
    key = request.headers.get("x-api-key") or bearer or request.query_params.get("api_key", "")
    if not key or "bad" in key:
        raise _Refusal(401, "authentication_failed", "No user found for the API key supplied")


def _find(sandbox: Sandbox, query: dict[str, str]) -> dict[str, Any]:
    name = query.get("full_name") or f"{query.get('first_name', '')} {query.get('last_name', '')}"
    hint = query.get("company") or query.get("domain") or ""
    if not hint:
        raise _Refusal(400, "wrong_params", "You are missing the domain or company parameter")
    if not name.strip():
        raise _Refusal(
            400, "wrong_params", "You are missing the first_name and last_name or full_name parameter"
        )
    if query.get("max_duration") and not 3 <= _whole(query["max_duration"]) <= 20:
        raise _Refusal(400, "invalid_max_duration", "max_duration must be between 3 and 20")
    found = people_named(sandbox, name, hint)
    if len(found) != 1:
        return _nobody(query)
    return _person(sandbox, *found[0])


def people_named(sandbox: Sandbox, name: str, hint: str) -> list[tuple[Town, int]]:
    """Owners of that name, those alone whom the hint (domain, company, house) fits where it fits any."""
    words = name.upper().replace("&", " ").replace(",", " ").split()
    found = [
        (town, parcel)
        for town in _towns(sandbox, hint)
        for parcel in _index(sandbox, town.place).named(words)
    ]
    return [hit for hit in found if _fits(*hit, hint)] or found


def _towns(sandbox: Sandbox, hint: str) -> list[Town]:
    """Towns the hint names, all of them when it names none."""
    named = [place for place in sandbox.towns.places if place.city.upper() in hint.upper()]
    return [sandbox.towns.of(place) for place in (named or sandbox.towns.places)]


def _index(sandbox: Sandbox, place: Place) -> NameIndex:
    return sandbox.towns.derived("names", place, NameIndex)


def _fits(town: Town, parcel: int, hint: str) -> bool:
    """True when the hint is the owner's mail domain or holds the street line of their house."""
    email = town.people.email(parcel)
    return (bool(email) and email.endswith(f"@{hint.lower()}")) or town.layout.address(
        parcel
    ).street_line in hint.upper()


def _nobody(query: dict[str, str]) -> dict[str, Any]:
    return {
        "first_name": query.get("first_name"),
        "last_name": query.get("last_name"),
        "email": None,
        "score": None,
        "domain": query.get("domain"),
        "accept_all": None,
        "position": None,
        "twitter": None,
        "linkedin_url": None,
        "phone_number": None,
        "company": query.get("company"),
        "sources": [],
        "verification": {"date": None, "status": None},
    }


def _person(sandbox: Sandbox, town: Town, parcel: int) -> dict[str, Any]:
    people = town.people
    if int(people.seed[parcel]) % 1_000 < OBJECTOR_PER_THOUSAND:
        raise _Refusal(451, "claimed_email", "This person asked us not to process their personal data")
    owner = town.owner(parcel)
    first, last = owner.first_name.title(), owner.last_name.title()
    if not (owner.email and people.found[parcel]):
        return _nobody({"first_name": first, "last_name": last})
    seen = f"{sandbox.settings.as_of - timedelta(days=int(people.seed[parcel]) % 400):%Y-%m-%d}"
    status = STATUS_WORDS.get(EMAIL_STATUSES[people.email_status[parcel]], "unknown")
    domain = owner.email.partition("@")[2]
    return {
        "first_name": first,
        "last_name": last,
        "email": owner.email,
        "score": int(people.score[parcel]),
        "domain": domain,
        "accept_all": status == "accept_all",
        "position": None,
        "twitter": None,
        "linkedin_url": None,
        "phone_number": None,
        "company": None,
        "sources": [
            {
                "domain": f"www.{town.place.key}-directory.example",
                "uri": f"https://www.{town.place.key}-directory.example/{parcel}",
                "extracted_on": seen,
                "last_seen_on": seen,
                "still_on_page": True,
            }
        ],
        "verification": {"date": seen, "status": status},
    }


def _whole(text: str) -> int:
    return int(text) if text.isdigit() else -1
