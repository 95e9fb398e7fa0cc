"""Metrics of the durable core, declared once."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

STEP_SECONDS = Histogram(
    "workflow_step_seconds",
    "Duration of a step attempt",
    ["kind", "step", "outcome"],
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 1800),
)
STEP_ATTEMPTS = Counter(
    "workflow_step_attempts_total", "Step attempts by outcome", ["kind", "step", "outcome"]
)
LEASES_LOST = Counter("workflow_leases_lost_total", "Steps whose lease another worker took", ["kind", "step"])
STEPS_READY = Gauge("workflow_steps_ready", "Steps ready to run", ["queue"])
OLDEST_READY = Gauge("workflow_oldest_ready_seconds", "Age of the oldest ready step", ["queue"])
WORKFLOWS = Gauge("workflow_open", "Open workflows by status", ["kind", "status"])
DEAD_LETTERS = Gauge("dead_letters_open", "Unresolved dead letters", ["source"])
OUTBOX_UNPUBLISHED = Gauge("outbox_unpublished", "Outbox rows not yet relayed")
OUTBOX_OLDEST = Gauge("outbox_oldest_unpublished_seconds", "Age of the oldest unpublished outbox row")
INVARIANT_VIOLATIONS = Gauge(
    "invariant_violations", "Rows that break a zero-tolerance invariant", ["invariant"]
)
SWEPT = Counter("workflow_steps_swept_total", "Steps put back on their queue by the sweeper")
RELAYED = Counter("relay_messages_total", "Outbox rows relayed to Redis", ["kind"])
STREAM_MESSAGES = Counter("stream_messages_total", "Stream messages by result", ["event", "outcome"])
STREAM_LAG = Gauge("stream_lag", "Entries a consumer group has not read", ["stream", "group"])
EVENT_LATENCY = Histogram(
    "stream_event_latency_seconds",
    "From outbox row to handled event",
    ["event"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2.5, 5, 30),
)
SCHEDULE_RUNS = Counter("schedule_runs_total", "Slots of scheduled jobs that were started", ["job"])
