"""A buyer who is texted: its company, its worker, the vendor's town and callbacks."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import text

from services.marketplace.app import service
from services.marketplace.domain.texts import CONSENT
from shared.compliance import loader
from shared.db.engine import SessionMaker
from shared.runtime import Resources
from shared.runtime.resources import open_resources
from shared.security.webhooks import sign_twilio
from tests.factories.single_step import begin, run_step
from tests.integration.marketplace.conftest import Market, rows

NUMBER = "+15125550123"
"""The sandbox's look-up calls it a mobile number; its last digits let every text arrive."""
ASKED = {"number": "(512) 555-0123", "groups": ["leads", "territories", "plan"], "agreed": CONSENT}
LANDLINE = "512 555 0102"
URL = "https://ridgeline.test/webhooks/twilio"
SENT = "SELECT decision_id, kind, status, external_id, delivery FROM notifications WHERE channel = 'sms' ORDER BY created_at"
CONSENTS = """
    SELECT kind, channel_scope, seller, revoked_via, revoked_at IS NOT NULL AS revoked, evidence
      FROM compliance.consent_event ORDER BY recorded_at
"""


def pass_daytime(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Decisions are made at the coming 19:00 UTC, when Texas may be texted on every day of the week."""
    clock = Clock()
    monkeypatch.setattr(loader, "database_now", clock.read)
    return clock


def tuesday(hour: int, minute: int) -> datetime:
    """A time of the coming Tuesday in Austin."""
    day = datetime.now(ZoneInfo("America/Chicago")) + timedelta(days=1)
    while day.weekday() != 1:
        day += timedelta(days=1)
    return day.replace(hour=hour, minute=minute, second=0, microsecond=0).astimezone(UTC)


class Clock:
    """The time of a decision."""

    def __init__(self) -> None:
        now = datetime.now(UTC)
        noon = now.replace(hour=19, minute=0, second=0, microsecond=0)
        self.at = noon if noon > now else noon + timedelta(days=1)

    async def read(self, _: Any) -> datetime:
        return self.at


@asynccontextmanager
async def texting_worker(market: Market, db: SessionMaker) -> AsyncIterator[Resources]:
    """What a worker works on, in a company of Texas whose state and registry we know."""
    object.__setattr__(market.resources.settings, "public_url", "https://ridgeline.test")
    async with db.begin() as session:
        home = "UPDATE contractors SET state = 'TX', time_zone = 'America/Chicago' WHERE id = :id"
        await session.execute(text(home), {"id": market.contractor_id})
        registered = """
            INSERT INTO compliance.state_registration (state, kind, number, filed_on, expires_on)
            VALUES ('TX', 'telemarketing', 'T-1', current_date - 1, current_date + 100)
        """
        await session.execute(text(registered))
        scrub = """
            INSERT INTO compliance.dnc_import (list_name, registry_version_at, row_count, file_sha256)
            VALUES ('national', now(), 0, 'x')
        """
        await session.execute(text(scrub))
    async with open_resources("marketplace", market.resources.settings) as opened:
        yield opened


async def texts(market: Market) -> list[dict[str, Any]]:
    """Every text that the town's vendor took."""
    async with httpx.AsyncClient() as client:
        answer = (await client.get(f"{market.town}/_sandbox/twilio/messages")).json()
    return list(answer["messages"])


async def fault(market: Market, kind: str, **order: Any) -> None:
    """Let the vendor of texts misbehave next time."""
    async with httpx.AsyncClient() as client:
        sent = {"fault": kind, **order}
        (await client.post(f"{market.town}/_sandbox/twilio/next", json=sent)).raise_for_status()


async def steps(worker: Resources, db: SessionMaker, kind: str) -> list[Any]:
    """The steps of a kind that waited, run."""
    waiting = "SELECT id FROM core.workflow WHERE kind = :kind AND status = 'running' ORDER BY created_at"
    return [await run_step(service, worker, row.id, kind) for row in await rows(db, waiting, kind=kind)]


async def ask(market: Market, **changes: Any) -> httpx.Response:
    """The answer to somebody who wants texts."""
    async with market.client() as client:
        return await client.post("/api/notices/texts", json={**ASKED, **changes})


async def try_code(market: Market, code: str) -> httpx.Response:
    """The answer to a code."""
    async with market.client() as client:
        return await client.post("/api/notices/texts/confirm", json={"code": code})


async def opt_in(market: Market, worker: Resources, db: SessionMaker, **changes: Any) -> str:
    """Prove a number; the code that did."""
    answer = await ask(market, **changes)
    assert answer.status_code == 202, answer.text
    (step,) = await steps(worker, db, "text_code")
    assert step.status == "done", step
    code = re.findall(r"\b\d{6}\b", (await texts(market))[-1]["body"])[0]
    confirmed = await try_code(market, code)
    assert confirmed.json()["state"] == "on", confirmed.text
    return str(code)


async def gather(worker: Resources, at: datetime | None = None) -> int:
    """How many texts a run of the job began."""
    resources = replace(worker, clock=lambda: at) if at else worker
    workflow = await begin(resources, "text_notices")
    step = await run_step(service, resources, workflow, "text_notices")
    assert step.status == "done", step
    return int(step.output["texts"])


async def hook(market: Market, query: str = "", token: str = "sandbox", **fields: str) -> httpx.Response:
    """The answer to a callback of the vendor."""
    url = f"{URL}?{query}" if query else URL
    signature = sign_twilio(url, list(fields.items()), token)
    async with market.door.client(timeout=30) as client:
        return await client.post(
            url.removeprefix("https://ridgeline.test"),
            content=urlencode(fields),
            headers={
                "content-type": "application/x-www-form-urlencoded",
                "x-twilio-signature": signature,
            },
        )


async def say(market: Market, body: str, *, sender: str = NUMBER, sid: str = "") -> httpx.Response:
    """The answer to a text that somebody sent us."""
    sid = sid or f"SM{uuid4().hex}"
    return await hook(market, MessageSid=sid, From=sender, To="+15125550101", Body=body, NumMedia="0")


async def state(market: Market) -> dict[str, Any]:
    """Whether the buyer gets texts."""
    async with market.client() as client:
        found: dict[str, Any] = (await client.get("/api/notices/texts")).json()
    return found


async def status(market: Market, sid: str, word: str, **more: str) -> None:
    """Tell what became of a text."""
    answer = await hook(market, MessageSid=sid, MessageStatus=word, To=NUMBER, **more)
    assert answer.status_code == 200
