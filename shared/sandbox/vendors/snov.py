"""Snov.io: tokens for an hour, and names at domains as tasks that take a moment. `{base}/v2/...`."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Body, Request
from fastapi.responses import JSONResponse

from shared.sandbox.state import Sandbox
from shared.sandbox.vendors.acquaintance import knows
from shared.sandbox.vendors.email_finder import people_named

TOKEN_SECONDS = 3600
LOOKS_UNTIL_DONE = 2
STATUS_WORDS = {"valid": "valid", "invalid": "not_valid"}


class Tasks:
    """Tokens given out and tasks begun, with how often each was looked at."""

    def __init__(self) -> None:
        self.tokens: set[str] = set()
        self.results: dict[str, list[dict[str, Any]]] = {}
        self.looks: dict[str, int] = {}

    def forget(self) -> None:
        """Start anew."""
        self.tokens.clear()
        self.results.clear()
        self.looks.clear()

    def token(self) -> str:
        """A new token."""
        made = f"token-{len(self.tokens) + 1}"
        self.tokens.add(made)
        return made

    def begin(self, result: list[dict[str, Any]]) -> str:
        """The number of a task that will give this result."""
        task = f"task-{len(self.results) + 1}"
        self.results[task], self.looks[task] = result, 0
        return task

    def look(self, task: str) -> dict[str, Any] | None:
        """How far a task is; None where nobody began it."""
        if task not in self.results:
            return None
        self.looks[task] += 1
        if self.looks[task] < LOOKS_UNTIL_DONE:
            return {"status": "in_progress", "data": []}
        return {"status": "completed", "data": self.results[task]}


def router(sandbox: Sandbox) -> APIRouter:
    """Routes of the finder."""
    routes, tasks = APIRouter(prefix="/snov"), Tasks()
    sandbox.on_reset(tasks.forget)

    @routes.post("/v1/oauth/access_token")
    def access_token(given: dict[str, str] = Body()) -> JSONResponse:
        if given.get("grant_type") != "client_credentials" or "bad" in given.get("client_secret", "bad"):
            return _refused()
        made = {"access_token": tasks.token(), "token_type": "Bearer", "expires_in": TOKEN_SECONDS}
        return JSONResponse(made)

    @routes.post("/v2/emails-by-domain-by-name/start")
    def start(request: Request, given: dict[str, Any] = Body()) -> JSONResponse:
        if not _known(tasks, request):
            return _refused()
        result = [_looked_up(sandbox, row) for row in given["rows"]]
        return JSONResponse({"data": {"task_hash": tasks.begin(result)}})

    @routes.get("/v2/emails-by-domain-by-name/result")
    def result(request: Request, task_hash: str = "") -> JSONResponse:
        if not _known(tasks, request):
            return _refused()
        state = tasks.look(task_hash)
        return JSONResponse(state) if state else JSONResponse({"error": "not found"}, status_code=404)

    return routes


def _known(tasks: Tasks, request: Request) -> bool:
    return request.headers.get("authorization", "").removeprefix("Bearer ") in tasks.tokens


def _refused() -> JSONResponse:
    return JSONResponse({"error": "unauthorized", "message": "Unauthorized"}, status_code=401)


def _looked_up(sandbox: Sandbox, row: dict[str, str]) -> dict[str, Any]:
    """One person's row: the address at the domain, where one alone bears the name there and is known."""
    name, domain = f"{row['first_name']} {row['last_name']}", row["domain"].lower()
    people = people_named(sandbox, name, domain)
    there = [(town, parcel) for town, parcel in people if town.people.email(parcel).endswith(f"@{domain}")]
    if len(there) != 1 or not knows("snov", *there[0]):
        return {"people": name, "result": []}
    town, parcel = there[0]
    owner = town.owner(parcel)
    found = {"email": owner.email, "smtp_status": STATUS_WORDS.get(owner.email_status, "unknown")}
    return {"people": name, "result": [found]}
