"""One correlation id from the purchase over outbox, queue, step, Stripe and webhook to the reveal."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson
from redis.asyncio import Redis

from shared.db.engine import SessionMaker
from shared.queue.producer import queue_key
from shared.relay import Relay
from tests.integration.marketplace.conftest import Market, rows

QUEUE = queue_key("marketplace.default")
CORRELATION = "purchase-of-one-lead"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACE_HEADERS = {"x-correlation-id": CORRELATION, "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}


async def work_off(market: Market, redis: Redis) -> list[str]:
    """The steps that the relay put on the queue, each run by a worker in its order."""
    await Relay(market.resources.unit_of_work, redis).relay_batch()
    wake_ups = [job.split(":") for job in await redis.zrange(QUEUE, 0, -1)]
    await redis.delete(QUEUE)
    return [step for workflow, step, _ in wake_ups if await market.runner().run(UUID(workflow), step)]


async def stripe_calls(market: Market) -> list[dict[str, Any]]:
    """What the town's Stripe was asked, as it saw it."""
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{market.town}/_sandbox/stripe/calls")
    calls: list[dict[str, Any]] = answer.raise_for_status().json()["recent"]
    return calls


async def paid_event(market: Market) -> bytes:
    """The town's own event of the payment."""
    async with httpx.AsyncClient() as client:
        answer = await client.get(
            f"{market.town}/stripe/v1/events",
            params={"type": "payment_intent.succeeded"},
            headers={"authorization": "Bearer sk_test_sandbox"},
        )
    return orjson.dumps(answer.raise_for_status().json()["data"][0])


async def test_one_correlation_id_from_the_purchase_to_the_reveal(
    market: Market, committed_db: SessionMaker, redis: Redis
) -> None:
    market.resources.own.runner.draining = True  # the API leaves the charge to the queue
    async with market.client() as client:
        bought = await client.post(
            f"/api/leads/{market.lead_id}/purchase",
            json={"payment_method": "pm_card_visa"},
            headers={"Idempotency-Key": uuid4().hex, **TRACE_HEADERS},
        )
        assert bought.json()["status"] == "reserved"
        assert await work_off(market, redis) == ["charge"]
        assert (await market.webhook(await paid_event(market))).json() == {"status": "taken"}
        assert set(await work_off(market, redis)) == {"notify_buyer", "stripe_event"}
        followed = {"x-correlation-id": bought.headers["x-correlation-id"]}
        full = await client.get(f"/api/leads/{market.lead_id}", headers=followed)

    assert full.json()["owner_name"] == "ADA LOVELACE"
    started = await rows(committed_db, "SELECT kind, correlation_id, traceparent FROM core.workflow")
    assert {(row.kind, row.correlation_id) for row in started} == {
        ("sale", CORRELATION),
        ("stripe_event", CORRELATION),
    }
    sent = await rows(committed_db, "SELECT type, headers FROM core.outbox")
    assert "lead.sold" in {row.type for row in sent}
    assert {row.headers["x-correlation-id"] for row in sent} == {CORRELATION}
    traces = [row.traceparent for row in started] + [row.headers["traceparent"] for row in sent]
    traces += [
        call["traceparent"] for call in await stripe_calls(market) if "/v1/payment_intents" in call["path"]
    ]
    assert {trace.split("-")[1] for trace in traces} == {TRACE}
    revealed = await rows(committed_db, "SELECT correlation_id FROM audit_log WHERE action = 'lead.reveal'")
    assert [row.correlation_id for row in revealed] == [CORRELATION]
