"""The relay process: outbox rows to Redis, the sweeper, and nothing else. Two replicas are safe."""

from shared.relay.relay import Relay
from shared.relay.sweeper import Sweeper

__all__ = ["Relay", "Sweeper"]
