"""Sends the vendors' signed events out of band, again and again until they are taken."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from shared.http.tls import known_authorities
from shared.sandbox.misbehaviour import FaultKind, Misbehaviour
from shared.sandbox.settings import SandboxSettings

LONGEST_WAIT_SECONDS = 30.0

Sign = Callable[[bytes, bool], dict[str, str]]
"""Headers for a body; the second argument asks for a forged signature."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way."""

    vendor: str
    url: str
    body: bytes
    sign: Sign
    on_taken: Callable[[], None] = lambda: None


class WebhookSender:
    """Delivers events from background tasks; faults ordered for the vendor apply here."""

    def __init__(self, settings: SandboxSettings, misbehaviour: Misbehaviour) -> None:
        self._settings, self._misbehaviour = settings, misbehaviour
        self._tasks: set[asyncio.Task[None]] = set()
        self._held: dict[str, Delivery] = {}
        self.transport: httpx.AsyncBaseTransport | None = None
        """Set by tests to receive events without a socket."""
        self._kept: httpx.AsyncClient | None = None

    def send(self, delivery: Delivery) -> None:
        """Queue an event; nothing happens when the vendor has no receiver."""
        if not delivery.url:
            return
        order = self._misbehaviour.take(delivery.vendor, "", webhook=True)
        fault = order.fault if order else None
        if fault is FaultKind.OUT_OF_ORDER:
            self._held[delivery.vendor] = delivery
            return
        self._start(delivery, forged=fault is FaultKind.FORGED)
        if order is not None and fault is FaultKind.DUPLICATE:
            for _ in range(max(1, int(order.seconds))):
                self._start(delivery)
        held = self._held.pop(delivery.vendor, None)
        if held is not None:
            self._start(held)

    def _start(self, delivery: Delivery, *, forged: bool = False) -> None:
        task = asyncio.get_running_loop().create_task(self._deliver(delivery, forged=forged))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, delivery: Delivery, *, forged: bool) -> None:
        settings = self._settings
        wait = settings.webhook_delay_seconds
        for _ in range(settings.webhook_tries):
            await asyncio.sleep(wait)
            taken = await self._taken(self._client(), delivery, forged=forged)
            if taken and not forged:
                delivery.on_taken()
            if taken or forged:
                return
            wait = min(max(settings.webhook_retry_seconds, wait * 2), LONGEST_WAIT_SECONDS)

    def _client(self) -> httpx.AsyncClient:
        """The client whose connections are kept, as a vendor keeps them."""
        if self._kept is None:
            self._kept = httpx.AsyncClient(
                transport=self.transport, timeout=10.0, trust_env=False, verify=known_authorities()
            )
        return self._kept

    async def close(self) -> None:
        """Stop all deliveries and leave the receivers."""
        self.reset()
        await asyncio.gather(*tuple(self._tasks), return_exceptions=True)
        if self._kept is not None:
            await self._kept.aclose()
            self._kept = None

    async def _taken(self, client: httpx.AsyncClient, delivery: Delivery, *, forged: bool) -> bool:
        headers = {"content-type": "application/json", **delivery.sign(delivery.body, forged)}
        record = self._misbehaviour.of(delivery.vendor)
        try:
            answer = await client.post(delivery.url, content=delivery.body, headers=headers)
        except httpx.TransportError:
            record.webhooks["unreachable"] += 1
            return False
        record.webhooks[str(answer.status_code)] += 1
        return answer.is_success

    async def settle(self) -> None:
        """Wait until every event was taken or given up."""
        while self._tasks:
            await asyncio.gather(*tuple(self._tasks), return_exceptions=True)

    def reset(self) -> None:
        """Stop all deliveries and forget held events."""
        self._held.clear()
        for task in tuple(self._tasks):
            task.cancel()
