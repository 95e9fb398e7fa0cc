"""Correlation id and W3C trace context of the work in hand, carried by contextvars."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

_TRACEPARENT = re.compile(r"^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")
_CORRELATION = re.compile(r"^[A-Za-z0-9._-]{8,64}$")


@dataclass(frozen=True, slots=True)
class Trace:
    """One unit of work's place in a larger story."""

    correlation_id: str
    traceparent: str

    def child(self) -> Trace:
        """The same trace with a new span id."""
        version, trace_id, _, flags = self.traceparent.split("-")
        return Trace(self.correlation_id, f"{version}-{trace_id}-{secrets.token_hex(8)}-{flags}")

    def headers(self) -> dict[str, str]:
        """HTTP and message headers that carry this trace on."""
        return {"x-correlation-id": self.correlation_id, "traceparent": self.traceparent}


_current: ContextVar[Trace | None] = ContextVar("ridgeline_trace", default=None)


def new_trace() -> Trace:
    """A fresh trace for work that nobody sent us."""
    trace_id = secrets.token_hex(16)
    return Trace(trace_id, f"00-{trace_id}-{secrets.token_hex(8)}-01")


def trace_from(headers: Mapping[str, str | None]) -> Trace:
    """The trace that came with a request or message; a new one where absent or malformed."""
    traceparent = headers.get("traceparent") or ""
    fresh = new_trace()
    if not _TRACEPARENT.match(traceparent):
        traceparent = fresh.traceparent
    correlation = headers.get("x-correlation-id") or ""
    if not _CORRELATION.match(correlation):
        correlation = traceparent.split("-")[1]
    return Trace(correlation, traceparent).child()


def current_trace() -> Trace:
    """The trace of the current task, started when there is none."""
    trace = _current.get()
    if trace is None:
        trace = new_trace()
        _current.set(trace)
    return trace


@contextmanager
def use_trace(trace: Trace) -> Iterator[Trace]:
    """Make a trace current for the block."""
    token = _current.set(trace)
    try:
        yield trace
    finally:
        _current.reset(token)
