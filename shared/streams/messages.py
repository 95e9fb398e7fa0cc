"""The wire form of an event on a stream, and how the relay adds entries."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from redis.asyncio import Redis

from shared.events.base import Event, event_type


class UnreadableMessage(Exception):
    """A stream entry that no version of this code can read; it is parked, never dropped."""


@dataclass(frozen=True, slots=True)
class StreamEntry:
    """One outbox row on its way to a stream."""

    stream: str
    event_id: UUID
    type: str
    version: int
    key: str
    payload: Any
    headers: dict[str, str]
    occurred_at: datetime

    def fields(self) -> dict[str, str | bytes]:
        """The entry's fields as Redis stores them."""
        return {
            "event_id": str(self.event_id),
            "type": self.type,
            "version": str(self.version),
            "key": self.key,
            "payload": orjson.dumps(self.payload, default=str),
            "occurred_at": self.occurred_at.isoformat(),
            "traceparent": self.headers.get("traceparent", ""),
            "x-correlation-id": self.headers.get("x-correlation-id", ""),
        }


@dataclass(frozen=True, slots=True)
class Message:
    """A readable stream entry: the event and its envelope."""

    id: str
    event: Event
    event_id: UUID
    occurred_at: datetime
    headers: dict[str, str]


async def add_to_streams(redis: Redis, entries: Iterable[StreamEntry]) -> None:
    """Append entries to their streams in one pipeline."""
    pipe = redis.pipeline(transaction=False)
    for entry in entries:
        pipe.xadd(entry.stream, entry.fields())  # type: ignore[arg-type]
    await pipe.execute()


def read_message(entry_id: str, fields: dict[str, str]) -> Message:
    """The event of an entry; UnreadableMessage names what is wrong with it."""
    try:
        name, version = fields["type"], int(fields["version"])
        kind = event_type(name, version)
        if kind is None:
            raise UnreadableMessage(f"unknown event {name} version {version}")  # noqa: TRY301 - one place parks
        occurred_at = datetime.fromisoformat(fields["occurred_at"])
        return Message(
            id=entry_id,
            event=kind.model_validate_json(fields["payload"]),
            event_id=UUID(fields["event_id"]),
            occurred_at=occurred_at if occurred_at.tzinfo else occurred_at.replace(tzinfo=UTC),
            headers={
                "traceparent": fields.get("traceparent", ""),
                "x-correlation-id": fields.get("x-correlation-id", ""),
            },
        )
    except UnreadableMessage:
        raise
    except KeyError as missing:
        raise UnreadableMessage(f"field {missing} is missing") from missing
    except ValueError as error:
        raise UnreadableMessage(f"not readable: {str(error)[:300]}") from error
