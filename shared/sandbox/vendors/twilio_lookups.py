"""Twilio Lookup v2: line type and carrier of a number. `{base}/v2/PhoneNumbers/{number}`."""

from __future__ import annotations

import base64
import re
import zlib
from typing import Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

NUMBER = re.compile(r"\+1[2-9]\d{9}")
LINES = (("mobile", 68), ("landline", 20), ("nonFixedVoip", 9), ("unknown", 3))
"""Kinds of line and how many in a hundred numbers are of it."""
CARRIERS = {"mobile": "Sandbox Wireless", "landline": "Sandbox Bell", "nonFixedVoip": "Sandbox Cloud Voice"}


def router() -> APIRouter:
    """Routes of the look-up."""
    routes = APIRouter(prefix="/twilio_lookups")

    @routes.get("/v2/PhoneNumbers/{number}")
    def fetch(request: Request, number: str, fields: str = Query("", alias="Fields")) -> JSONResponse:
        if not _knows(request.headers.get("authorization", "")):
            return JSONResponse({"code": 20003, "message": "Authenticate", "status": 401}, status_code=401)
        if not number.startswith("+"):
            return JSONResponse({"code": 20404, "message": "not found", "status": 404}, status_code=404)
        valid = NUMBER.fullmatch(number) is not None
        asked = valid and "line_type_intelligence" in fields.split(",")
        about_change = valid and "reassigned_number" in fields.split(",")
        return JSONResponse(
            {
                "phone_number": number,
                "valid": valid,
                "validation_errors": [] if valid else ["INVALID_LENGTH"],
                "line_type_intelligence": _line(number) if asked else None,
                "reassigned_number": _reassigned(number) if about_change else None,
            }
        )

    return routes


def _knows(header: str) -> bool:
    """Any account and token but a bad one."""
    try:
        account, _, token = base64.b64decode(header.removeprefix("Basic ")).decode().partition(":")
    except ValueError:
        return False
    return bool(account and token) and "bad" not in token


def _reassigned(number: str) -> dict[str, Any]:
    """By the number's end: 97 went to somebody else, of 96 nothing is known, all others stayed."""
    known = {"97": "yes", "96": "no_data"}
    return {"is_number_reassigned": known.get(number[-2:], "no"), "error_code": None}


def _line(number: str) -> dict[str, Any]:
    """The same kind of line every time a number is asked for."""
    draw = zlib.crc32(number.encode()) % 100
    kinds = [kind for kind, share in LINES for _ in range(share)]
    return {"type": kinds[draw], "carrier_name": CARRIERS.get(kinds[draw]), "error_code": None}
