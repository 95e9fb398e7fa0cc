"""Redis Streams: events announced by the relay, consumed once through the inbox."""

from shared.streams.consumer import EventHandler, StreamConsumer
from shared.streams.messages import Message, StreamEntry, add_to_streams

__all__ = ["EventHandler", "Message", "StreamConsumer", "StreamEntry", "add_to_streams"]
