"""The only place that knows ARQ: wake-ups for steps, JSON on the wire, nothing that must not be lost."""

from shared.queue.producer import WakeUp, enqueue, queue_depths
from shared.queue.worker import QueueWorker

__all__ = ["QueueWorker", "WakeUp", "enqueue", "queue_depths"]
