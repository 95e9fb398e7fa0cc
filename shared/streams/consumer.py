"""A consumer group of one service: inbox row and effect in one transaction, then the acknowledgement."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError
from sqlalchemy import text

from shared.db.faults import words_of
from shared.db.rows import all_rows
from shared.db.unit_of_work import UnitOfWork, UnitOfWorkFactory, retry_serialization
from shared.errors import PermanentError
from shared.events.base import Event
from shared.streams.inbox import take_once
from shared.streams.messages import Message, UnreadableMessage, read_message
from shared.telemetry.context import trace_from, use_trace
from shared.telemetry.logging import get_logger

log = get_logger(__name__)
EventHandler = Callable[[Any, UnitOfWork], Awaitable[None]]
Observe = Callable[[str, str, float], None]


def _ignore(_event: str, _outcome: str, _seconds: float) -> None:
    """Observe nothing."""


INSERT_DEAD = text(
    """
    INSERT INTO core.dead_letter (source, topic, consumer, event_id, payload, raw, reason, attempts)
    VALUES ('stream', :topic, :consumer, CAST(:event_id AS uuid), CAST(:payload AS jsonb), :raw, :reason, :attempts)
    """
)


class StreamConsumer:
    """Reads the streams of the events a service handles, at least once each, with one effect."""

    def __init__(
        self,
        redis: Redis,
        unit_of_work: UnitOfWorkFactory,
        *,
        group: str,
        consumer: str,
        handlers: Mapping[type[Event], EventHandler],
        concurrency: int = 8,
        max_deliveries: int = 5,
        claim_idle_seconds: float = 30.0,
        observe: Observe = _ignore,
    ) -> None:
        self._redis = redis
        self._unit_of_work = unit_of_work
        self._group = group
        self._consumer = consumer
        self._handlers = {(kind.name, kind.version): handler for kind, handler in handlers.items()}
        self.streams = sorted({kind.stream() for kind in handlers})
        self._limit = asyncio.Semaphore(concurrency)
        self._max_deliveries = max_deliveries
        self._claim_idle_ms = int(claim_idle_seconds * 1000)
        self._observe = observe
        self._errors: dict[str, str] = {}
        self._stopping = False
        self.alive = False

    def stop(self) -> None:
        """Read no further batch; the one in hand is finished."""
        self._stopping = True

    async def run_forever(self) -> None:
        """Consume until stopped; groups lost with Redis are made again from the beginning."""
        if not self.streams:
            return
        delay = 0.2
        while not self._stopping:
            try:
                await self._ensure_groups()
                self.alive, delay = True, 0.2
                await self._consume()
            except (RedisError, OSError) as error:
                self.alive = False
                log.warning(
                    "stream_consumer_waits", group=self._group, error=type(error).__name__, delay=delay
                )
                await asyncio.sleep(delay)
                delay = min(delay * 2, 5.0)

    async def _ensure_groups(self) -> None:
        for stream in self.streams:
            try:
                await self._redis.xgroup_create(stream, self._group, id="0", mkstream=True)
            except ResponseError as error:
                if "BUSYGROUP" not in str(error):
                    raise

    async def _consume(self) -> None:
        loop = asyncio.get_running_loop()
        claim_at = loop.time()
        while not self._stopping:
            if loop.time() >= claim_at:
                await self._claim_abandoned()
                claim_at = loop.time() + self._claim_idle_ms / 2000
            batches = await self._redis.xreadgroup(
                self._group, self._consumer, dict.fromkeys(self.streams, ">"), count=128, block=500
            )
            for stream, entries in batches or []:
                await self._handle_batch(
                    str(stream), [(str(entry_id), fields) for entry_id, fields in entries], {}
                )

    async def _claim_abandoned(self) -> None:
        """Take over entries whose consumer died or whose handler failed, and park what failed too often."""
        for stream in self.streams:
            claimed = await self._redis.xautoclaim(
                stream, self._group, self._consumer, min_idle_time=self._claim_idle_ms, count=128
            )
            entries = [(str(entry_id), fields) for entry_id, fields in claimed[1] if fields]
            if not entries:
                continue
            pending = await self._redis.xpending_range(
                stream, self._group, min=entries[0][0], max=entries[-1][0], count=256
            )
            deliveries = {str(row["message_id"]): int(row["times_delivered"]) for row in pending}
            await self._handle_batch(stream, entries, deliveries)

    async def _handle_batch(
        self, stream: str, entries: list[tuple[str, dict[str, str]]], deliveries: Mapping[str, int]
    ) -> None:
        done = await asyncio.gather(
            *(
                self._handle(stream, entry_id, fields, deliveries.get(entry_id, 1))
                for entry_id, fields in entries
            )
        )
        acknowledged = [entry_id for (entry_id, _), ok in zip(entries, done, strict=True) if ok]
        if acknowledged:
            await self._redis.xack(stream, self._group, *acknowledged)

    async def _handle(self, stream: str, entry_id: str, fields: dict[str, str], deliveries: int) -> bool:
        async with self._limit:
            if deliveries > self._max_deliveries:
                await self._park(
                    stream, entry_id, fields, self._errors.pop(entry_id, "failed too often"), deliveries
                )
                return True
            try:
                message = read_message(entry_id, fields)
            except UnreadableMessage as error:
                await self._park(stream, entry_id, fields, str(error), deliveries)
                return True
            handler = self._handlers.get((message.event.name, message.event.version))
            if handler is None:
                return True
            return await self._apply(stream, message, handler, fields=fields, deliveries=deliveries)

    async def _apply(
        self,
        stream: str,
        message: Message,
        handler: EventHandler,
        *,
        fields: dict[str, str],
        deliveries: int,
    ) -> bool:
        name = message.event.name
        try:
            with use_trace(trace_from(message.headers)):
                fresh = await retry_serialization(lambda: self._transact(message, handler))
        except PermanentError as error:
            await self._park(stream, message.id, fields, error.reason, deliveries)
            return True
        except Exception as error:  # noqa: BLE001 - stays pending, is delivered again, is parked in the end
            self._errors[message.id] = f"{type(error).__name__}: {words_of(error)}"[:500]
            self._observe(name, "failed", 0.0)
            log.warning(
                "event_failed", event_type=name, error=type(error).__name__, detail=words_of(error)[:300]
            )
            return False
        self._errors.pop(message.id, None)
        seconds = (datetime.now(UTC) - message.occurred_at).total_seconds()
        self._observe(name, "handled" if fresh else "duplicate", max(0.0, seconds))
        return True

    async def _transact(self, message: Message, handler: EventHandler) -> bool:
        with all_rows():  # an event has no buyer as its caller
            return await self._take(message, handler)

    async def _take(self, message: Message, handler: EventHandler) -> bool:
        async with self._unit_of_work() as uow:
            if not await take_once(uow.session, self._group, message.event_id, message.occurred_at):
                return False
            await handler(message.event, uow)
        return True

    async def _park(
        self, stream: str, entry_id: str, fields: dict[str, str], reason: str, deliveries: int
    ) -> None:
        """Write a dead letter with the raw entry, so that it can be read, mended and driven again."""
        raw = str(fields)[:100_000].replace("\x00", "\\0")
        event_id = fields.get("event_id")
        async with self._unit_of_work() as uow:
            await uow.session.execute(
                INSERT_DEAD,
                {
                    "topic": stream,
                    "consumer": self._group,
                    "reason": reason[:1000],
                    "raw": raw,
                    "event_id": event_id if _is_uuid(event_id) else None,
                    "payload": None,
                    "attempts": deliveries,
                },
            )
        self._observe(fields.get("type", "?")[:64], "parked", 0.0)
        log.error("event_parked", stream=stream, entry=entry_id, reason=reason[:300], deliveries=deliveries)


def _is_uuid(value: str | None) -> bool:
    try:
        UUID(value or "")
    except ValueError:
        return False
    return True
