"""California's DROP as the sandbox plays it: people file requests, brokers download hashes and tell what they did.

`{base}/v1/deletion-list`, `{base}/v1/statuses`; people file at `/_sandbox/drop/requests`.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from shared.sandbox.state import Sandbox

STATUSES = ("deleted", "opted_out", "exempted", "not_found")
JOURNAL = "drop"


class Filing(BaseModel):
    """What a person files at the agency; `raw` adds lines as they are, to play a list with faults."""

    model_config = ConfigDict(extra="forbid")

    email: str = ""
    phone: str = ""
    name: str = ""
    zip: str = ""
    raw: Annotated[list[str], Field(max_length=1000)] = []


class Told(BaseModel):
    """A broker's answer to one request."""

    request_id: str
    status: str


class Statuses(BaseModel):
    """A broker's answers."""

    statuses: list[Told]


def router(sandbox: Sandbox) -> APIRouter:
    """Routes of the agency and of its public."""
    routes = APIRouter()
    lines: list[str] = []
    told: dict[str, str] = {}
    lines.extend(value for kind, _, value in sandbox.journal.entries() if kind == JOURNAL)
    sandbox.on_reset(lines.clear)
    sandbox.on_reset(told.clear)

    @routes.post("/_sandbox/drop/requests")
    def file_request(filing: Filing) -> dict[str, str]:
        reference = f"DR-{len(lines) + 1:06d}"
        for line in [*_lines(filing, reference), *filing.raw]:
            lines.append(line)
            sandbox.journal.append(JOURNAL, reference, line)
        return {"request_id": reference}

    @routes.get("/_sandbox/drop/statuses")
    def statuses() -> dict[str, str]:
        return told

    @routes.get("/drop/v1/deletion-list")
    def deletion_list(request: Request) -> Response:
        if not _knows(request):
            return JSONResponse({"error": "unauthorized"}, status_code=401)
        return PlainTextResponse("".join(f"{line}\n" for line in [*lines, f"end,{len(lines)}"]))

    @routes.put("/drop/v1/statuses")
    def take(request: Request, body: Statuses) -> JSONResponse:
        if not _knows(request):
            return JSONResponse({"error": "unauthorized"}, status_code=401)
        if any(each.status not in STATUSES for each in body.statuses):
            return JSONResponse({"error": "unknown status"}, status_code=422)
        told.update({each.request_id: each.status for each in body.statuses})
        return JSONResponse({"accepted": len(body.statuses)})

    return routes


def _lines(filing: Filing, reference: str) -> list[str]:
    normal: dict[str, Any] = {
        "email": filing.email.strip().lower(),
        "phone": re.sub(r"\D", "", filing.phone)[-10:],
        "name_zip": f"{' '.join(sorted(re.sub(r'[^a-z ]', '', filing.name.lower()).split()))}|{filing.zip[:5]}"
        if filing.name
        else "",
    }
    return [f"{kind},{_hash(value)},{reference}" for kind, value in normal.items() if value]


def _hash(value: str) -> str:
    return base64.b64encode(hashlib.sha256(value.encode()).digest()).decode()


def _knows(request: Request) -> bool:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return scheme == "Bearer" and bool(key) and "bad" not in key
