"""Sales a second: reserve, charge, Stripe's webhook, reveal, all on this machine with the payment simulator.

Buyers buy one lead after the other and read each at once; the simulator sends its signed events meanwhile. The books must
hold at the end. RIDGELINE_BENCH_SECONDS sets how long, after as long again that is not counted: what sustains a rate is
connections that know their statements. 500 buyers of one lead are row 3 of `make faults`.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson
import uvicorn
import uvloop
from pydantic import SecretStr
from sqlalchemy import text

from services.marketplace.app import service
from services.marketplace.settings import MarketplaceSettings
from shared.db import seed
from shared.db.engine import SessionMaker, make_engine, make_session_maker
from shared.http.tls import known_authorities
from shared.security.policy import Role
from tests.bench.core import FORK
from tests.bench.figure import Figure
from tests.deploy.monitoring import free_port
from tests.factories.leads import make_buyer, make_lead
from tests.factories.sandbox import running_sandbox
from tests.factories.services import running, settings_with_keys
from tests.faults.chaos import prepare
from tests.faults.plane import Plane, own_plane

BUYERS, CLIENTS, LEADS, PROCESSES = 50, 10, 3000, 2
SECONDS = float(os.environ.get("RIDGELINE_BENCH_SECONDS", "10"))
RATE_GOAL = 60.0
SECRET = "whsec_bench"
CARD = orjson.dumps({"payment_method": "pm_card_visa"})
TAKEN = text("SELECT count(*) FROM core.workflow WHERE kind = 'stripe_event'")
BOOKED = text("SELECT count(*) FROM sales WHERE status = 'sold' AND revealed_at IS NOT NULL")
VIOLATED = text("SELECT name FROM core.invariant_violations() WHERE violations > 0")

Buyer = tuple[UUID, UUID]


def figures() -> list[Figure]:
    """Sales a second beside charges alone."""
    with own_plane() as plane, tempfile.TemporaryDirectory() as folder:
        prepare(plane)
        seed.run(plane.database_url)
        ports = [free_port() for _ in range(PROCESSES)]
        os.environ["STRIPE_WEBHOOK_SECRET"] = SECRET
        with running_sandbox(
            Path(folder),
            webhook_url=f"http://127.0.0.1:{ports[0]}/webhooks/stripe",
            webhook_events="payment_intent.succeeded,payment_intent.payment_failed",
        ) as town:
            os.environ["SANDBOX_URL"] = town
            return uvloop.run(_measured(plane, town, ports))


async def _measured(plane: Plane, town: str, ports: list[int]) -> list[Figure]:
    settings = settings_with_keys(
        MarketplaceSettings,
        database_url=plane.database_url,
        redis_url=plane.redis_url,
        sandbox_url=town,
        stripe_webhook_secret=SecretStr(SECRET),
        purchases_per_minute=1_000_000,
        lead_reads_per_minute=1_000_000,
    )
    engine = make_engine(plane.database_url, application_name="bench")
    maker = make_session_maker(engine)
    async with running(service, settings) as door, maker.begin() as session:
        leads = [
            await make_lead(session, door.resources.keys, address_key=f"{n}||OAK|ST|||76998")
            for n in range(LEADS)
        ]
        buyers = [await make_buyer(session) for _ in range(BUYERS)]
    try:
        async with AsyncExitStack() as stack:
            served = [await stack.enter_async_context(_served(settings, buyers, port)) for port in ports]
            await _sustained(ports, served[0], leads)
            sold, seconds = await _sustained(ports, served[0], leads)
            events = await _count(maker, TAKEN)
        alone = await _charges(town)  # last: nobody takes its events
        async with maker() as session:
            wrong = list((await session.execute(VIOLATED)).scalars())
        if wrong or await _count(maker, BOOKED) < sold:
            raise RuntimeError(f"the books do not hold: {wrong}")
    finally:
        await engine.dispose()
    return [
        Figure("sales", round(sold / seconds, 1), "a second", RATE_GOAL, at_most=False,
               baseline="charges alone, a second", baseline_value=round(alone, 1),
               parts={"clients": CLIENTS, "webhooks taken": events}),
    ]  # fmt: skip


async def _sustained(ports: list[int], tokens: list[str], leads: list[UUID]) -> tuple[int, float]:
    """Sales of the clients and the seconds they took; the leads they bought leave the list."""
    sold = 0
    began = time.perf_counter()

    async def buy(client: httpx.AsyncClient, number: int) -> None:
        nonlocal sold
        turn, mine, door = 0, tokens[number::CLIENTS], f"http://127.0.0.1:{ports[number % len(ports)]}"
        while time.perf_counter() < began + SECONDS and leads:
            lead, token = leads.pop(), mine[turn % len(mine)]
            turn += 1
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
            answer = await client.post(
                f"{door}/api/leads/{lead}/purchase",
                content=CARD,
                headers={**headers, "Idempotency-Key": uuid4().hex},
            )
            if answer.status_code != httpx.codes.ACCEPTED or answer.json()["status"] != "sold":
                raise RuntimeError(answer.text)
            (await client.get(f"{door}/api/leads/{lead}", headers=headers)).raise_for_status()
            sold += 1

    async with httpx.AsyncClient(timeout=30, verify=known_authorities()) as client:
        await asyncio.gather(*(buy(client, number) for number in range(CLIENTS)))
    return sold, time.perf_counter() - began


async def _charges(town: str) -> float:
    """Charges a second of the simulator alone, by as many clients."""
    done, began = 0, time.perf_counter()
    body = {"amount": 17500, "currency": "usd", "confirm": "true", "payment_method": "pm_card_visa"}

    async def charge(client: httpx.AsyncClient) -> None:
        nonlocal done
        while time.perf_counter() < began + 2:
            headers = {"Authorization": "Bearer sk_test_bench", "Idempotency-Key": uuid4().hex}
            (await client.post("/stripe/v1/payment_intents", data=body, headers=headers)).raise_for_status()
            done += 1

    async with httpx.AsyncClient(base_url=town, timeout=30, verify=known_authorities()) as client:
        await asyncio.gather(*(charge(client) for _ in range(CLIENTS)))
    return done / (time.perf_counter() - began)


async def _count(maker: SessionMaker, statement: Any) -> int:
    async with maker() as session:
        found: int = (await session.execute(statement)).scalar_one()
        return found


@asynccontextmanager
async def _served(settings: MarketplaceSettings, buyers: list[Buyer], port: int) -> AsyncIterator[list[str]]:
    """The marketplace in a process of its own: the buyers' tokens."""
    ours, theirs = FORK.Pipe()
    process = FORK.Process(target=_run, args=(settings, buyers, port, theirs))
    process.start()
    try:
        yield await asyncio.to_thread(ours.recv)
    finally:
        process.terminate()
        await asyncio.to_thread(process.join)


def _run(*arguments: Any) -> None:
    asyncio.set_event_loop(None)
    uvloop.run(_serve(*arguments))


async def _serve(settings: MarketplaceSettings, buyers: list[Buyer], port: int, tell: Any) -> None:
    async with running(service, settings) as door:
        server = uvicorn.Server(
            uvicorn.Config(
                door.app, port=port, log_config=None, access_log=False, ws="none", timeout_keep_alive=60
            )
        )
        serving = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 - uvicorn offers no event to wait for
            await asyncio.sleep(0.01)
        tell.send(
            [
                door.user_token(Role.CONTRACTOR_OWNER, contractor_id=company, user_id=person)
                for company, person in buyers
            ]
        )
        await serving
