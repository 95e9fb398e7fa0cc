"""What the providers' base client counts."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter("provider_requests_total", "Requests to a vendor by outcome.", ["provider", "outcome"])
SECONDS = Histogram(
    "provider_request_seconds",
    "Time from sending a request to the end of its answer.",
    ["provider"],
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
BREAKER_STATE = Gauge("provider_breaker_state", "0 closed, 1 half open, 2 open.", ["provider"])
COST = Counter("provider_cost_usd_total", "US dollars spent on billable answers.", ["provider"])
ASSESSOR_LOOK_UPS = Counter(
    "provider_assessor_cache_total", "Assessor look-ups by whether the day's memory knew.", ["outcome"]
)
