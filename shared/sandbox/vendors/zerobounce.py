"""ZeroBounce: says what becomes of mail to an address. `{base}/v2/validate`, `{base}/v2/getcredits`."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from shared.sandbox.state import Sandbox
from shared.sandbox.town import Town
from shared.sandbox.town.words import MAIL_DOMAINS

CREDITS = 50_000
REFUSED = {"error": "Invalid API key or your account ran out of credits"}
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PARCEL = re.compile(r"(\d+)@")
SUB_STATUSES = {
    "invalid": "mailbox_not_found",
    "unknown": "timeout_exceeded",
    "do_not_mail": "role_based",
    "spamtrap": "",
    "abuse": "",
    "catch-all": "",
    "valid": "",
}
TEST_ADDRESSES = {
    "valid@example.com": "valid",
    "invalid@example.com": "invalid",
    "catch_all@example.com": "catch-all",
    "unknown@example.com": "unknown",
    "spamtrap@example.com": "spamtrap",
    "abuse@example.com": "abuse",
    "donotmail@example.com": "do_not_mail",
}
"""The vendor's own addresses for trying it out."""


def router(sandbox: Sandbox) -> APIRouter:
    """Routes of the verifier."""
    routes = APIRouter(prefix="/zerobounce/v2")
    balance = {"left": CREDITS}
    sandbox.on_reset(lambda: balance.update(left=CREDITS))

    @routes.get("/validate")
    def validate(email: str = "", api_key: str = "") -> JSONResponse:
        if not _good(api_key) or balance["left"] <= 0:
            return JSONResponse(REFUSED)
        if not email:
            return JSONResponse({"error": "Missing parameter: email"})
        answer = _judge(sandbox, email)
        balance["left"] -= answer["status"] != "unknown"
        return JSONResponse(answer)

    @routes.get("/getcredits")
    def get_credits(api_key: str = "") -> JSONResponse:
        return JSONResponse({"Credits": str(balance["left"]) if _good(api_key) else "-1"})

    return routes


def _good(api_key: str) -> bool:
    return bool(api_key) and "bad" not in api_key


def email_truth(sandbox: Sandbox, email: str) -> tuple[Town, int] | None:
    """The owner an address belongs to, None when it is nobody's."""
    number = _PARCEL.search(email)
    if number is None or email.partition("@")[2].lower() not in MAIL_DOMAINS:
        return None
    parcel = int(number.group(1))
    for place in sandbox.towns.places:
        town = sandbox.towns.of(place)
        if parcel < town.parcels and town.people.email(parcel) == email.lower():
            return town, parcel
    return None


def _judge(sandbox: Sandbox, email: str) -> dict[str, Any]:
    account, _, domain = email.partition("@")
    truth = email_truth(sandbox, email)
    if email.lower() in TEST_ADDRESSES:
        status, sub_status = TEST_ADDRESSES[email.lower()], ""
    elif not _ADDRESS.fullmatch(email):
        status, sub_status = "invalid", "failed_syntax_check"
    elif truth is None:
        known = domain.lower() in MAIL_DOMAINS
        status, sub_status = "invalid", "mailbox_not_found" if known else "no_dns_entries"
    else:
        town, parcel = truth
        status = town.owner(parcel).email_status
        sub_status = SUB_STATUSES[status]
    found = sub_status not in ("failed_syntax_check", "no_dns_entries")
    owner = truth[0].owner(truth[1]) if truth else None
    return {
        "address": email,
        "status": status,
        "sub_status": sub_status,
        "free_email": True,
        "did_you_mean": None,
        "account": account,
        "domain": domain,
        "domain_age_days": "9692",
        "smtp_provider": "sandbox" if found else "",
        "mx_found": "true" if found else "false",
        "mx_record": f"mx.{domain}" if found else "",
        "firstname": owner.first_name.title() if owner else None,
        "lastname": owner.last_name.title() if owner else None,
        "gender": None,
        "country": None,
        "region": None,
        "city": None,
        "zipcode": None,
        "processed_at": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}.000",
    }
