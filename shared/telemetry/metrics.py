"""Metrics that every process has: requests, event loop, build."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

HTTP_REQUESTS = Counter("http_requests_total", "Requests answered", ["service", "method", "route", "status"])
HTTP_SECONDS = Histogram(
    "http_request_seconds",
    "Time to answer",
    ["service", "method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
LOOP_LAG = Histogram(
    "event_loop_lag_seconds",
    "Delay of the event loop",
    ["service"],
    buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.2, 0.5, 1, 5),
)
