"""Enumerations of the durable core; each one is a CHECK in the schema."""

from __future__ import annotations

from enum import StrEnum


class WorkflowStatus(StrEnum):
    """Life of a workflow."""

    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    def live(self) -> bool:
        """True while no second workflow of this kind and subject may start."""
        return self in LIVE_WORKFLOWS


LIVE_WORKFLOWS = (WorkflowStatus.PENDING, WorkflowStatus.RUNNING, WorkflowStatus.WAITING)


class StepStatus(StrEnum):
    """Life of one step."""

    PENDING = "pending"
    READY = "ready"
    RUNNING = "running"
    WAITING = "waiting"
    DONE = "done"
    SKIPPED = "skipped"
    DEAD = "dead"
    CANCELLED = "cancelled"


class DeadLetterSource(StrEnum):
    """Where a message or job got stuck."""

    STREAM = "stream"
    STEP = "step"
    WEBHOOK = "webhook"


class Misfire(StrEnum):
    """What to do with slots missed longer than the catch-up window."""

    SKIP = "skip"
    RUN_ONCE = "run_once"


class EffectState(StrEnum):
    """What we know about an external effect."""

    INTENDED = "intended"
    SENT = "sent"
    CONFIRMED = "confirmed"
    UNKNOWN = "unknown"
    FAILED = "failed"


class ReservationState(StrEnum):
    """Life of a budget reservation."""

    RESERVED = "reserved"
    SETTLED = "settled"
    RELEASED = "released"
    UNKNOWN = "unknown"


class RequestState(StrEnum):
    """Whether an idempotent request has its answer."""

    RUNNING = "running"
    DONE = "done"
