"""NeverBounce: says what becomes of mail to an address, always with HTTP 200. `{base}/v4.2/single/check`."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Body
from fastapi.responses import JSONResponse

from shared.sandbox.state import Sandbox
from shared.sandbox.town.words import MAIL_DOMAINS
from shared.sandbox.vendors.zerobounce import email_truth

RESULTS = {
    "valid": "valid",
    "invalid": "invalid",
    "catch-all": "catchall",
    "unknown": "unknown",
    "spamtrap": "invalid",
    "abuse": "valid",
    "do_not_mail": "disposable",
}
"""The town's truth in this vendor's words: it knows neither traps nor people who complain."""


def router(sandbox: Sandbox) -> APIRouter:
    """Routes of the verifier."""
    routes = APIRouter(prefix="/neverbounce/v4.2")

    @routes.post("/single/check")
    def check(given: dict[str, Any] = Body()) -> JSONResponse:
        key, email = str(given.get("key") or ""), str(given.get("email") or "")
        if not key or "bad" in key:
            return JSONResponse({"status": "auth_failure", "message": "Invalid API key"})
        if "@" not in email:
            return JSONResponse({"status": "general_failure", "message": "Missing required parameter email"})
        return JSONResponse(_checked(sandbox, email))

    return routes


def _checked(sandbox: Sandbox, email: str) -> dict[str, Any]:
    truth = email_truth(sandbox, email)
    known = email.partition("@")[2].lower() in MAIL_DOMAINS
    result = RESULTS[truth[0].owner(truth[1]).email_status] if truth else "invalid"
    return {
        "status": "success",
        "result": result,
        "flags": ["has_dns", "has_dns_mx", "free_email_host"] if known else [],
        "suggested_correction": "",
        "execution_time": 120,
    }
