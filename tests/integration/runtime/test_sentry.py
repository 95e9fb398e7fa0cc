"""What leaves a process for Sentry, seen by the listener that it is sent to."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import brotli
import pytest

PERSONAL = ("pat@homemail.example", "+1 512 555 0142", "tok-5f1c", "119 1ST ST SW", "WALKER CARLOS")
PROCESS = """
import asyncio, logging, sys
import httpx, sentry_sdk
from fastapi import FastAPI
from shared.runtime.sentry import configure_sentry
from shared.settings import Settings
from shared.telemetry.logging import configure_logging, get_logger

personal = " ".join(sys.argv[2:])
configure_logging("scraper")
on = configure_sentry(Settings.model_validate({"SENTRY_DSN": sys.argv[1]}), "scraper")
app = FastAPI()

@app.post("/leads")
async def sell(body: dict) -> None:
    owner = personal
    raise LookupError(f"Key (address)=({owner}) is not present")

async def ask() -> None:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://us") as client:
        headers = {"Authorization": f"Bearer {personal}", "Cookie": f"session={personal}", "X-Owner": personal}
        await client.post(f"/leads?owner={personal}", json={"owner": personal}, headers=headers)

scope = sentry_sdk.get_isolation_scope()
scope.set_extra("note", personal)
scope.set_context("lead", {"owner": personal})
scope.set_user({"email": personal})
sentry_sdk.add_breadcrumb(message=personal, data={"owner": personal})
get_logger("x").error("lead_refused", detail=personal)
logging.getLogger("y").error("sold to %s", personal)
sentry_sdk.capture_message(personal)
asyncio.run(ask())
sentry_sdk.flush(10)
print("on" if on else "off", sentry_sdk.get_client().is_active(), file=sys.stderr)
"""


UNPACK = {"": bytes, "gzip": gzip.decompress, "br": brotli.decompress}
"""The library takes Brotli where it is installed."""


@pytest.fixture
def reports() -> Iterator[tuple[str, list[str]]]:
    """A DSN whose host is a listener of this test, and what it was sent."""
    received: list[str] = []

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append(UNPACK[self.headers.get("Content-Encoding", "")](body).decode())
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Listener) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://public@127.0.0.1:{server.server_port}/1", received
        server.shutdown()
        thread.join()


def run_process(dsn: str) -> str:
    """What a process that fails in every way says about its Sentry."""
    variables = {name: value for name, value in os.environ.items() if name != "SENTRY_DSN"}
    command = [sys.executable, "-c", PROCESS, dsn, *PERSONAL]
    done = subprocess.run(command, capture_output=True, text=True, env=variables, timeout=120, check=False)
    return done.stderr.splitlines()[-1]


def test_without_a_dsn_the_process_sends_nothing() -> None:
    assert run_process("") == "off False"


def test_a_report_tells_the_place_of_an_error_and_nothing_of_a_person(
    reports: tuple[str, list[str]],
) -> None:
    dsn, received = reports

    assert run_process(dsn) == "on True"

    events = [json.loads(line) for body in received for line in body.splitlines() if '"event_id"' in line]
    errors = [error["type"] for event in events for error in event.get("exception", {}).get("values", ())]
    assert "LookupError" in errors
    assert "lead_refused" in [event.get("message") for event in events]
    assert {event["tags"]["service"] for event in events if "tags" in event} == {"scraper"}
    assert [words for words in PERSONAL if any(words in body for body in received)] == []
